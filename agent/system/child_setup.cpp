// SPDX-License-Identifier: Apache-2.0
#include "system/child_setup.hpp"

#include "system/descriptor_limit.hpp"
#include "system/run_tag.hpp"

#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace frostline::system {

namespace {

constexpr int step_shift = 16;
constexpr unsigned code_mask = 0xFFFFU;
constexpr const char* shell = "/bin/sh";

char* writable(const std::string& text)
{
    return const_cast<char*>(text.c_str()); // execve(2) takes it so, and changes nothing
}

std::string_view advice(int error)
{
    switch (error) {
    case EACCES:
        return " (is it executable, and may its user reach it?)";
    case ENOEXEC:
        return " (a script needs a first line such as #!/bin/sh)";
    case ENOENT:
        return " (it does not exist, or the interpreter in its first line does not)";
    default:
        return "";
    }
}

bool take(const Identity& identity)
{
    return ::setgroups(identity.groups.size(), identity.groups.data()) == 0 &&
           ::setresgid(identity.group, identity.group, identity.group) == 0 &&
           ::setresuid(identity.user, identity.user, identity.user) == 0;
}

void reset_signals()
{
    struct sigaction action {};
    action.sa_handler = SIG_DFL;
    for (int number = 1; number < NSIG; ++number) {
        ::sigaction(number, &action, nullptr); // KILL, STOP and libc's own refuse: good
    }
    sigset_t none{};
    ::sigemptyset(&none);
    ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
}

} // namespace

/// What the child was doing when it failed.
enum class ChildSetup::Step : int { run, session, redirect, enter_directory, take_identity };

ChildSetup::ChildSetup(const ChildSpec& spec, const Program& program, std::uint64_t tag,
                       std::array<int, 3> streams)
    : spec_(spec), program_(program), tag_(tag), streams_(streams)
{
    for (const std::string& argument : spec.arguments) {
        arguments_.push_back(writable(argument));
    }
    arguments_.push_back(nullptr);
    shell_arguments_ = {const_cast<char*>(shell), writable(program.path)};
    shell_arguments_.insert(shell_arguments_.end(), arguments_.begin() + 1, arguments_.end());
    for (const std::string& entry : spec.environment) {
        environment_.push_back(writable(entry));
    }
    environment_.push_back(nullptr);
}

int ChildSetup::enter() const
{
    Step step = Step::session;
    if (prepare(step)) {
        step = Step::run;
        execute();
    }
    return (static_cast<int>(step) << step_shift) | errno;
}

void ChildSetup::execute() const
{
    if (program_.file) {
        ::syscall(SYS_execveat, program_.file.get(), "", arguments_.data(), environment_.data(),
                  AT_EMPTY_PATH);
    } else {
        ::execve(program_.path.c_str(), arguments_.data(), environment_.data());
    }
    if (errno == ENOEXEC && spec_.search_path) {
        ::execve(shell, shell_arguments_.data(), environment_.data());
    }
}

bool ChildSetup::prepare(Step& step) const
{
    if (::setsid() < 0 || !wear_run_tag(tag_) || !restore_descriptor_limit()) {
        return false;
    }
    step = Step::redirect;
    for (int number = 0; number < 3; ++number) {
        if (::dup2(streams_[static_cast<std::size_t>(number)], number) < 0) {
            return false;
        }
    }
    close_the_rest();
    if (spec_.umask) {
        ::umask(*spec_.umask);
    }
    step = Step::take_identity;
    if (spec_.identity && !take(*spec_.identity)) {
        return false;
    }
    step = Step::enter_directory; // as that user
    if (!spec_.directory.empty() && ::chdir(spec_.directory.c_str()) != 0) {
        return false;
    }
    reset_signals();
    return true;
}

void ChildSetup::close_the_rest() const
{
    // The launcher of Boost 1.81 leaves everything below its own pipe open.
    if (::syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC) != 0) {
        const long most = ::sysconf(_SC_OPEN_MAX);
        for (int fd = 3; fd < most; ++fd) {
            ::fcntl(fd, F_SETFD, FD_CLOEXEC);
        }
    }
    if (program_.file && program_.stays_open) {
        ::fcntl(program_.file.get(), F_SETFD, 0);
    }
}

Failure ChildSetup::explain(int code, const ChildSpec& spec)
{
    const auto step = static_cast<Step>(static_cast<unsigned>(code) >> step_shift);
    const auto error = static_cast<int>(static_cast<unsigned>(code) & code_mask);
    std::string what = spec.arguments.front() + ": cannot run";
    switch (step) {
    case Step::enter_directory:
        what += ": cannot enter " + spec.directory;
        break;
    case Step::take_identity:
        what += ": cannot become user " + (spec.identity ? spec.identity->name : std::string{});
        break;
    case Step::session:
        what += ": cannot set its limits and session";
        break;
    case Step::redirect:
        what += ": cannot connect its standard streams";
        break;
    case Step::run:
        break;
    }
    const Error told = fail_errno(what, error).error;
    return fail(told.kind(), told.message() + std::string{step == Step::run ? advice(error) : ""},
                error);
}

} // namespace frostline::system
