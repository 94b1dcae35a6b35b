// SPDX-License-Identifier: Apache-2.0
// The only file that includes Boost.Process.
#include "system/spawn.hpp"

#include "system/run_tag.hpp"

#define BOOST_PROCESS_USE_STD_FS 1
// These three are for Boost.Process 1.81 itself, which uses them but gets them only by way of
// Boost.Filesystem.
#include <boost/optional.hpp>
#include <boost/type_traits/decay.hpp>
#include <boost/type_traits/is_convertible.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/process/v2/posix/default_launcher.hpp>
#include <boost/process/v2/process.hpp>

#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace frostline::system {

namespace {

namespace process = boost::process::v2;

/// What the child was doing when it failed; travels to the parent in the upper half of the errno
/// that the launcher reports.
enum class Step : int { run, session, redirect, enter_directory, take_identity };

constexpr int step_shift = 16;
constexpr unsigned code_mask = 0xFFFFU;

std::string describe(Step step, const ChildSpec& spec)
{
    const std::string& program = spec.arguments.front();
    switch (step) {
    case Step::enter_directory:
        return program + ": cannot run: cannot enter " + spec.directory;
    case Step::take_identity:
        return program + ": cannot run: cannot become user " +
               (spec.identity ? spec.identity->name : std::string{});
    case Step::session:
        return program + ": cannot run: cannot set its limits and session";
    case Step::redirect:
        return program + ": cannot run: cannot connect its standard streams";
    case Step::run:
        break;
    }
    return program + ": cannot run";
}

std::string_view advice(Step step, int error)
{
    if (step != Step::run) {
        return "";
    }
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

/// The child's side between fork and exec: only what signal-safety(7) allows.
class ChildSetup {
public:
    ChildSetup(const ChildSpec& spec, std::uint64_t tag, std::array<int, 3> streams)
        : spec_(&spec), tag_(tag), streams_(streams)
    {}

    boost::system::error_code on_exec_setup(process::posix::default_launcher& /*launcher*/,
                                            const std::filesystem::path& /*program*/,
                                            const char* const*& /*arguments*/) const
    {
        Step step = Step::session;
        if (prepare(step)) {
            return {};
        }
        const int code = errno;
        errno = (static_cast<int>(step) << step_shift) | code; // the launcher sends errno
        return {code, boost::system::system_category()};
    }

    /// A template since the launcher asks for one list of parameters and calls another (1.81).
    template <typename... Ignored>
    void on_exec_error(const Ignored&... /*unused*/) const
    {
        ::_exit(127); // its exit() would run the agent's handlers and flush its buffers again
    }

private:
    [[nodiscard]] bool prepare(Step& step) const
    {
        if (::setsid() < 0 || !wear_run_tag(tag_)) {
            return false;
        }
        step = Step::redirect;
        for (int number = 0; number < 3; ++number) {
            if (::dup2(streams_[static_cast<std::size_t>(number)], number) < 0) {
                return false;
            }
        }
        close_the_rest();
        ::umask(022);
        step = Step::take_identity;
        if (spec_->identity && !take(*spec_->identity)) {
            return false;
        }
        step = Step::enter_directory; // as that user
        if (::chdir(spec_->directory.c_str()) != 0) {
            return false;
        }
        reset_signals();
        return true;
    }

    [[nodiscard]] static bool take(const Identity& identity)
    {
        return ::setgroups(identity.groups.size(), identity.groups.data()) == 0 &&
               ::setresgid(identity.group, identity.group, identity.group) == 0 &&
               ::setresuid(identity.user, identity.user, identity.user) == 0;
    }

    static void close_the_rest()
    {
        // The launcher of Boost 1.81 leaves everything below its own pipe open.
        if (::syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC) == 0) {
            return;
        }
        const long most = ::sysconf(_SC_OPEN_MAX);
        for (int fd = 3; fd < most; ++fd) {
            ::fcntl(fd, F_SETFD, FD_CLOEXEC);
        }
    }

    static void reset_signals()
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

    const ChildSpec* spec_;
    std::uint64_t tag_;
    std::array<int, 3> streams_;
};

/// Blocks all signals while it lives, so that no handler of the agent runs in the child.
class SignalsBlocked {
public:
    SignalsBlocked()
    {
        sigset_t all{};
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    SignalsBlocked(const SignalsBlocked&) = delete;
    SignalsBlocked& operator=(const SignalsBlocked&) = delete;
    ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

private:
    sigset_t before_{};
};

struct Pipe {
    UniqueFd read;
    UniqueFd write;
};

/// Above 2, so that connecting the child's streams cannot overwrite one that is still needed.
UniqueFd lift(UniqueFd fd)
{
    return fd.get() > 2 ? std::move(fd) : UniqueFd{::fcntl(fd.get(), F_DUPFD_CLOEXEC, 3)};
}

Result<Pipe> make_pipe()
{
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        return fail_errno("cannot create a pipe", errno);
    }
    Pipe made{UniqueFd{ends[0]}, UniqueFd{ends[1]}};
    made.read = lift(std::move(made.read));
    made.write = lift(std::move(made.write));
    if (!made.read || !made.write) {
        return fail_errno("cannot create a pipe", errno);
    }
    return made;
}

void unblock(const UniqueFd& fd)
{
    ::fcntl(fd.get(), F_SETFL, O_NONBLOCK); // pipes have no other status flag
}

/// Forks and executes; the process id, or the code that the child or the launcher reported.
Result<pid_t> run(const ChildSpec& spec, const ChildSetup& setup)
{
    std::vector<const char*> environment;
    environment.reserve(spec.environment.size() + 1);
    for (const std::string& entry : spec.environment) {
        environment.push_back(entry.c_str());
    }
    environment.push_back(nullptr);

    // Only an address for the launcher: it is never run, and does not outlive this call.
    boost::asio::io_context context;
    process::posix::default_launcher launcher;
    launcher.env = environment.data();
    const std::vector<std::string> rest{spec.arguments.begin() + 1, spec.arguments.end()};
    boost::system::error_code error;
    const SignalsBlocked blocked;
    auto started = launcher(context.get_executor(), error,
                            std::filesystem::path{spec.arguments.front()}, rest, setup);
    if (error) {
        if (launcher.pid > 0) { // it got as far as a child, which has told why and left
            ::waitpid(launcher.pid, nullptr, 0);
        }
        const auto value = static_cast<unsigned>(error.value());
        const auto step = static_cast<Step>(value >> step_shift);
        const auto code = static_cast<int>(value & code_mask);
        Error told = fail_errno(describe(step, spec), code).error;
        return fail(told.kind(), told.message() + std::string{advice(step, code)}, code);
    }
    const pid_t pid = started.id();
    started.detach(); // else its destructor kills the child
    return pid;
}

} // namespace

Result<Spawned> spawn(const ChildSpec& spec, std::uint64_t tag)
{
    if (spec.arguments.empty() || spec.arguments.front().empty() ||
        spec.arguments.front().front() != '/') {
        return fail(ErrorKind::invalid_argument, "cannot run a program without an absolute path");
    }
    Result<Pipe> in = make_pipe();
    Result<Pipe> out = make_pipe();
    Result<Pipe> err = make_pipe();
    for (const Result<Pipe>* made : {&in, &out, &err}) {
        if (!*made) {
            return fail(made->error().with_context(spec.arguments.front() + ": cannot run"));
        }
    }
    if (!spec.stdin_pipe) {
        in->read = lift(UniqueFd{::open("/dev/null", O_RDONLY | O_CLOEXEC)});
        in->write.reset();
    }
    const ChildSetup setup{spec, tag, {in->read.get(), out->write.get(), err->write.get()}};
    const Result<pid_t> pid = run(spec, setup);
    if (!pid) {
        return fail(pid.error());
    }
    Spawned made;
    made.pid = *pid;
    made.process.reset(static_cast<int>(::syscall(SYS_pidfd_open, *pid, 0U)));
    if (!made.process) {
        const int code = errno;
        ::kill(-*pid, SIGKILL);
        ::waitpid(*pid, nullptr, 0);
        return fail_errno(spec.arguments.front() + ": cannot watch it (pidfd_open)", code);
    }
    made.in = std::move(in->write);
    made.out = std::move(out->read);
    made.err = std::move(err->read);
    for (const UniqueFd* end : {&made.in, &made.out, &made.err}) {
        if (*end) {
            unblock(*end);
        }
    }
    return made;
}

} // namespace frostline::system
