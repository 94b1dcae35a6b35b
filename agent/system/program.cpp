// SPDX-License-Identifier: Apache-2.0
#include "system/program.hpp"

#include "common/text.hpp"
#include "system/find_program.hpp"
#include "system/real_path.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>
#include <utility>

namespace frostline::system {

namespace {

/// As execvp(3) looks: the first one that can be executed; one that can't is told of only when
/// there is no other.
Result<std::string> search(const std::string& name, std::string_view folders)
{
    int reason = ENOENT;
    for (bool last = name.empty(); !last;) {
        const std::size_t colon = folders.find(':');
        last = colon == std::string_view::npos;
        const std::string_view folder = folders.substr(0, colon);
        folders.remove_prefix(last ? folders.size() : colon + 1);
        std::string path = folder.empty() ? "./" + name : std::string{folder} + "/" + name;
        const int code = why_not_executable(path);
        if (code == 0) {
            return path;
        }
        reason = code == EACCES ? EACCES : reason;
    }
    return fail_errno(name + ": cannot run", reason);
}

/// Only such files need nothing but themselves to be run: no interpreter that opens them again.
bool is_elf(int fd)
{
    constexpr std::string_view magic = "\x7f"
                                       "ELF";
    const UniqueFd file{
        ::open(path_of_descriptor(fd).c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
    std::array<char, magic.size()> begin{};
    return file &&
           ::pread(file.get(), begin.data(), begin.size(), 0) ==
               static_cast<ssize_t>(begin.size()) &&
           std::string_view{begin.data(), begin.size()} == magic;
}

/// Above 2, so that connecting the child's standard streams leaves it alone.
UniqueFd open_above_streams(const std::string& path)
{
    const UniqueFd fd{::open(path.c_str(), O_PATH | O_CLOEXEC)};
    return fd ? UniqueFd{::fcntl(fd.get(), F_DUPFD_CLOEXEC, 3)} : UniqueFd{};
}

Result<Program> hold_against(const PathRules& rules, const std::string& path,
                             const std::string& name)
{
    const auto refuse = [&](const std::string& why) {
        return fail(ErrorKind::permission, "the agent's policy ([policy] exec-allow) does not "
                                           "let '" +
                                               text::printable(name) + "' be run: " + why);
    };
    UniqueFd file = open_above_streams(path);
    if (!file) {
        return fail_errno(name + ": cannot run", errno);
    }
    const Result<std::string> real = real_path(file.get());
    if (!real) {
        return refuse(real.error().message());
    }
    if (!rules.allow(*real)) {
        return refuse(*real == name
                          ? "it does not name it"
                          : "it is '" + text::printable(*real) + "', which that does not name");
    }
    Program program;
    if (only_root_can_change(*real)) {
        program.path = *real;
    } else {
        program.path = "/dev/fd/" + std::to_string(file.get());
        program.stays_open = !is_elf(file.get());
        program.file = std::move(file);
    }
    return program;
}

} // namespace

Result<Program> program_for(const ChildSpec& spec)
{
    const std::string& name = spec.arguments.front();
    std::string path = name;
    if (spec.search_path && name.find('/') == std::string::npos) {
        Result<std::string> found = search(name, *spec.search_path);
        if (!found) {
            return fail(std::move(found).error());
        }
        path = std::move(found).value();
    } else if (const int code = spec.search_path ? why_not_executable(path) : 0; code != 0) {
        // Asked before the fork, since a file system that hangs is to hang this thread only.
        return fail_errno(name + ": cannot run", code);
    }
    if (spec.allowed != nullptr) {
        return hold_against(*spec.allowed, path, name);
    }
    Program program;
    program.path = std::move(path);
    return program;
}

} // namespace frostline::system
