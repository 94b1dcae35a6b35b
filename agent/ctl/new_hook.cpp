// SPDX-License-Identifier: Apache-2.0
#include "ctl/new_hook.hpp"

#include "common/text.hpp"
#include "common/unique_fd.hpp"
#include "ctl/skeletons.hpp"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <string>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace frostline::ctl {

namespace {

bool letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool digit(char c)
{
    return c >= '0' && c <= '9';
}

/// "50-name" from "name"; empty when it is no name.
std::string staged(const std::string& name)
{
    const bool good = !name.empty() && name.size() <= 100 && letter_or_digit(name.front()) &&
                      std::all_of(name.begin(), name.end(), [](char c) {
                          return letter_or_digit(c) || c == '-' || c == '_';
                      });
    if (!good) {
        return {};
    }
    const bool has_stage = name.size() > 3 && digit(name[0]) && digit(name[1]) && name[2] == '-';
    return has_stage ? name : "50-" + name;
}

Result<void> write_new(const std::string& path, const std::string& content, mode_t mode)
{
    const UniqueFd file{
        ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode)};
    if (!file) {
        const int reason = errno;
        return reason == EEXIST ? Result<void>{fail(ErrorKind::invalid_argument,
                                                    path + " is there already; it stays as it is")}
                                : fail_errno("cannot write " + path, reason);
    }
    ::fchmod(file.get(), mode); // whatever the umask: the agent refuses what others may write
    std::size_t done = 0;
    while (done < content.size()) {
        const ssize_t put = ::write(file.get(), content.data() + done, content.size() - done);
        if (put < 0 && errno != EINTR) {
            const int reason = errno;
            ::unlink(path.c_str());
            return fail_errno("cannot write " + path, reason);
        }
        done += put > 0 ? static_cast<std::size_t>(put) : 0;
    }
    return {};
}

Result<void> make_folder(const std::filesystem::path& path)
{
    std::error_code error;
    std::filesystem::create_directories(path, error);
    return error ? fail_errno("cannot make " + path.string(), error.value()) : Result<void>{};
}

} // namespace

Outcome new_hook(const Options& options)
{
    const std::string name = staged(options.name);
    if (name.empty()) {
        return failed(
            ExitStatus::error,
            "'" + text::printable(options.name, 64) +
                "' is no name for a hook: write letters, digits, '-' and '_', perhaps with "
                "a stage before them, as in 50-mydb");
    }
    std::error_code error;
    const std::filesystem::path folder = std::filesystem::absolute(options.directory, error);
    std::string program = folder / name;
    std::string file;
    if (options.session) {
        // Not in the folder of the hooks, where a program would be a hook of its own.
        program = folder.parent_path() / "hooks" / name.substr(3);
        file = folder / (name + ".hook");
    }
    Result<void> done = make_folder(folder);
    if (done && options.session) {
        done = make_folder(folder.parent_path() / "hooks");
    }
    if (done && options.session && std::filesystem::exists(file, error)) {
        done = fail(ErrorKind::invalid_argument, file + " is there already; it stays as it is");
    }
    if (done) {
        done = write_new(program,
                         options.session ? session_program(name.substr(3)) : oneshot_program(name),
                         0755);
    }
    if (done && options.session) {
        done = write_new(file, session_file(name.substr(3), program), 0644);
    }
    if (!done) {
        return failed(ExitStatus::error, done.error().message());
    }
    Outcome outcome;
    outcome.text = (options.session ? file + "\n" : "") + program + "\n" +
                   "Fill in what is marked TODO, then: frostlinectl test-hook " + name + "\n";
    outcome.details.set("name", name);
    outcome.details.set("program", program);
    if (options.session) {
        outcome.details.set("file", file);
    }
    return outcome;
}

} // namespace frostline::ctl
