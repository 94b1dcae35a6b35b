// SPDX-License-Identifier: Apache-2.0
#include "common/read_all.hpp"

#include <unistd.h>

#include <array>
#include <cerrno>

namespace frostline {

namespace {

constexpr std::size_t largest_file = std::size_t{1} << 20U;

} // namespace

Result<std::string> read_all(const UniqueFd& fd, const std::string& path)
{
    std::string text;
    std::array<char, 8192> buffer{};
    for (;;) {
        const ssize_t got = ::read(fd.get(), buffer.data(), buffer.size());
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return fail_errno(path + ": cannot read", errno);
        }
        if (got == 0) {
            return text;
        }
        text.append(buffer.data(), static_cast<std::size_t>(got));
        if (text.size() > largest_file) {
            return fail(ErrorKind::invalid_argument,
                        path + ": larger than 1 MiB, which no such file of ours is");
        }
    }
}

} // namespace frostline
