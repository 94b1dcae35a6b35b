// SPDX-License-Identifier: Apache-2.0
#include "host/verify/image_reader.hpp"

#include "common/text.hpp"
#include "host/io/child.hpp"

#include <charconv>

namespace frostline::host {

std::string read_dump(std::string_view output)
{
    std::string bytes;
    while (!output.empty()) {
        const std::size_t end = std::min(output.find('\n'), output.size());
        std::string_view line = output.substr(0, end);
        output.remove_prefix(std::min(end + 1, output.size()));
        // 00000400:  00 01 02 ...
        const std::size_t colon = line.find(':');
        if (colon == std::string_view::npos) {
            continue;
        }
        if (colon < 8 || line.find_first_not_of("0123456789abcdef") != colon) {
            continue;
        }
        line.remove_prefix(colon + 1);
        for (int i = 0; i < 16; ++i) {
            const std::size_t start = line.find_first_not_of(' ');
            if (start > 2) { // the letters, or the end of the line
                break;
            }
            line.remove_prefix(start);
            unsigned value = 0;
            const auto [stop, error] = std::from_chars(
                line.data(), line.data() + std::min<std::size_t>(2, line.size()), value, 16);
            if (error != std::errc{} || stop != line.data() + 2) {
                break;
            }
            bytes += static_cast<char>(value);
            line.remove_prefix(2);
        }
    }
    return bytes;
}

Result<std::string> ImageReader::read(std::uint64_t offset, std::size_t size)
{
    const std::string command = "read -v " + std::to_string(offset) + " " + std::to_string(size);
    const Result<ProgramEnd> end =
        run_for_user({"qemu-io", "-U", "-r", "-f", format_, "-c", command, path_}, {"LC_ALL=C"},
                     waiter_, waiter_.now() + limit_);
    if (!end) {
        return fail(end.error());
    }
    std::string bytes = read_dump(end->output);
    if (bytes.size() != size) {
        return fail(ErrorKind::io, path_ + ": cannot be read at " + std::to_string(offset) + ": " +
                                       text::printable(text::last_line(end->output)));
    }
    return bytes;
}

} // namespace frostline::host
