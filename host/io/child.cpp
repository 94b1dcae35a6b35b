// SPDX-License-Identifier: Apache-2.0
#include "host/io/child.hpp"

#include "common/text.hpp"
#include "common/unique_fd.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <string_view>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace frostline::host {

namespace {

constexpr std::size_t most_output = 65536;

/// posix_spawn's two parameter objects, destroyed in every case.
struct SpawnSetup {
    posix_spawn_file_actions_t files = {};
    posix_spawnattr_t attributes = {};

    SpawnSetup()
    {
        ::posix_spawn_file_actions_init(&files);
        ::posix_spawnattr_init(&attributes);
    }
    ~SpawnSetup()
    {
        ::posix_spawn_file_actions_destroy(&files);
        ::posix_spawnattr_destroy(&attributes);
    }
    SpawnSetup(const SpawnSetup&) = delete;
    SpawnSetup& operator=(const SpawnSetup&) = delete;
    SpawnSetup(SpawnSetup&&) = delete;
    SpawnSetup& operator=(SpawnSetup&&) = delete;
};

std::vector<char*> pointers_to(const std::vector<std::string>& strings)
{
    std::vector<char*> pointers;
    pointers.reserve(strings.size() + 1);
    for (const std::string& string : strings) {
        pointers.push_back(const_cast<char*>(string.c_str()));
    }
    pointers.push_back(nullptr);
    return pointers;
}

/// The least that a helper of ours needs.
std::vector<std::string> helper_environment()
{
    const char* path = std::getenv("PATH"); // NOLINT(concurrency-mt-unsafe): one thread
    return {std::string{"PATH="} + (path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin"),
            "LC_ALL=C"};
}

struct Program {
    const std::vector<std::string>& arguments;
    std::vector<std::string> environment;
    bool keep_output; ///< also standard output
};

Result<pid_t> spawn(const Program& program, int kept)
{
    SpawnSetup setup;
    ::posix_spawn_file_actions_addopen(&setup.files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (program.keep_output) {
        ::posix_spawn_file_actions_adddup2(&setup.files, kept, STDOUT_FILENO);
    } else {
        ::posix_spawn_file_actions_addopen(&setup.files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    }
    ::posix_spawn_file_actions_adddup2(&setup.files, kept, STDERR_FILENO);
    sigset_t none;
    sigset_t defaults;
    sigemptyset(&none);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    ::posix_spawnattr_setsigmask(&setup.attributes, &none);
    ::posix_spawnattr_setsigdefault(&setup.attributes, &defaults);
    ::posix_spawnattr_setpgroup(&setup.attributes, 0);
    ::posix_spawnattr_setflags(&setup.attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                                      POSIX_SPAWN_SETPGROUP);
    const std::vector<char*> argv = pointers_to(program.arguments);
    const std::vector<char*> environment = pointers_to(program.environment);
    pid_t child = 0;
    const int error = ::posix_spawnp(&child, argv[0], &setup.files, &setup.attributes, argv.data(),
                                     environment.data());
    if (error != 0) {
        return fail_errno("start " + program.arguments[0], error);
    }
    return child;
}

/// Until end of file.
Result<std::string> read_all(int descriptor, Waiter& waiter, TimePoint until)
{
    std::string text;
    std::array<char, 4096> chunk;
    for (;;) {
        if (Result<void> ready = waiter.wait(descriptor, POLLIN, until); !ready) {
            return fail(std::move(ready).error());
        }
        const ssize_t got = ::read(descriptor, chunk.data(), chunk.size());
        if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN)) {
            return text;
        }
        if (got > 0 && text.size() < most_output) {
            text.append(chunk.data(), static_cast<std::size_t>(got));
        }
    }
}

int reap(pid_t child)
{
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

std::string problem_of(int status, const std::string& program, std::string_view output)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        return {};
    }
    std::string message = program;
    if (WIFEXITED(status)) {
        message += " ended with status " + std::to_string(WEXITSTATUS(status));
    } else {
        message += " was ended by signal " + std::to_string(WTERMSIG(status));
    }
    if (const std::string_view reason = text::last_line(output); !reason.empty()) {
        message += ": " + text::printable(reason);
    }
    return message;
}

Result<ProgramEnd> run(const Program& program, Waiter& waiter, TimePoint until)
{
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        return fail_errno("make a pipe", errno);
    }
    const UniqueFd reader{ends[0]};
    UniqueFd writer{ends[1]};
    const Result<pid_t> child = spawn(program, writer.get());
    writer.reset();
    if (!child) {
        return fail(child.error());
    }
    const UniqueFd process{static_cast<int>(::syscall(SYS_pidfd_open, *child, 0))};
    Result<std::string> output = read_all(reader.get(), waiter, until);
    Result<void> ended;
    if (!output) {
        ended = fail(output.error());
    } else if (process) {
        ended = waiter.wait(process.get(), POLLIN, until);
    }
    if (!ended) {
        ::kill(-*child, SIGKILL);
        reap(*child);
        return fail(std::move(ended).error().with_context(program.arguments[0]));
    }
    const int status = reap(*child);
    ProgramEnd end;
    if (WIFEXITED(status)) {
        end.exit_status = WEXITSTATUS(status);
    }
    end.problem = problem_of(status, program.arguments[0], *output);
    end.output = std::move(*output);
    return end;
}

} // namespace

Result<void> run_program(const std::vector<std::string>& arguments, Waiter& waiter, TimePoint until)
{
    const Result<ProgramEnd> end = run({arguments, helper_environment(), false}, waiter, until);
    if (!end) {
        return fail(end.error());
    }
    return end->problem.empty() ? Result<void>{} : fail(ErrorKind::io, end->problem);
}

Result<ProgramEnd> run_for_user(const std::vector<std::string>& arguments,
                                const std::vector<std::string>& more, Waiter& waiter,
                                TimePoint until)
{
    std::vector<std::string> environment;
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
        environment.emplace_back(*entry);
    }
    environment.insert(environment.end(), more.begin(), more.end());
    return run({arguments, std::move(environment), true}, waiter, until);
}

} // namespace frostline::host
