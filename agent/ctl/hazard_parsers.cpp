// SPDX-License-Identifier: Apache-2.0
#include "ctl/hazards.hpp"

#include "common/text.hpp"

#include <charconv>
#include <cstdint>

#include <sys/sysmacros.h>

namespace frostline::ctl {

namespace {

/// FAN_OPEN_PERM, FAN_ACCESS_PERM, FAN_OPEN_EXEC_PERM, FAN_PRE_ACCESS (linux/fanotify.h).
constexpr std::uint64_t asking_events = 0x10000 | 0x20000 | 0x40000 | 0x100000;

/// The hexadecimal value behind `name` on a line of "name:value" words.
std::optional<std::uint64_t> field(std::string_view line, std::string_view name)
{
    for (const std::string& word : text::split(line, ' ')) {
        if (word.rfind(name, 0) != 0) {
            continue;
        }
        const std::string_view digits = std::string_view{word}.substr(name.size());
        std::uint64_t value = 0;
        const auto [end, error] =
            std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
        if (error == std::errc{} && end == digits.data() + digits.size()) {
            return value;
        }
    }
    return std::nullopt;
}

/// The kernel prints its own form of a device number: 20 bits of minor.
dev_t device_of(std::uint64_t kernels)
{
    return makedev(static_cast<unsigned>(kernels >> 20U),
                   static_cast<unsigned>(kernels & 0xFFFFFU));
}

/// \NNN stands for one byte, as in all tables of /proc (seq_file's mangling).
std::string decode_octal(std::string_view word)
{
    std::string out;
    for (std::size_t at = 0; at < word.size(); ++at) {
        unsigned value = 0;
        if (word[at] == '\\' && at + 3 < word.size() + 0U) {
            const std::string_view digits = word.substr(at + 1, 3);
            const auto [end, error] =
                std::from_chars(digits.data(), digits.data() + digits.size(), value, 8);
            if (error == std::errc{} && end == digits.data() + digits.size()) {
                out += static_cast<char>(static_cast<unsigned char>(value));
                at += 3;
                continue;
            }
        }
        out += word[at];
    }
    return out;
}

} // namespace

std::optional<PermissionListener> parse_fanotify(std::string_view fdinfo)
{
    PermissionListener listener;
    bool asks = false;
    for (const std::string& line : text::split(fdinfo, '\n')) {
        if (line.rfind("fanotify ", 0) != 0) {
            continue;
        }
        const auto mask = field(line, "mask:");
        if (!mask || (*mask & asking_events) == 0) {
            continue;
        }
        asks = true;
        if (const auto mount = field(line, "mnt_id:")) {
            listener.mount_ids.push_back(static_cast<int>(*mount));
        } else if (const auto device = field(line, "sdev:")) {
            listener.devices.push_back(device_of(*device));
        }
    }
    return asks ? std::optional{std::move(listener)} : std::nullopt;
}

std::vector<std::string> parse_swap_files(std::string_view swaps)
{
    std::vector<std::string> files;
    for (const std::string& line : text::split(swaps, '\n')) {
        // Name, kind, size...: with blanks or tabs between them.
        const std::size_t end = line.find_first_of(" \t");
        if (end == std::string::npos || line.front() != '/') {
            continue;
        }
        const std::string_view rest = text::trim(std::string_view{line}.substr(end));
        if (rest.substr(0, rest.find_first_of(" \t")) == "file") {
            files.push_back(decode_octal(std::string_view{line}.substr(0, end)));
        }
    }
    return files;
}

Denials count_denials(std::string_view audit_log)
{
    Denials found;
    for (const std::string& line : text::split(audit_log, '\n')) {
        if (line.find("denied") != std::string::npos &&
            (line.find("comm=\"frostline-") != std::string::npos ||
             line.find("comm=\"qemu-ga\"") != std::string::npos)) {
            ++found.count;
            found.last = line;
        }
    }
    return found;
}

} // namespace frostline::ctl
