// SPDX-License-Identifier: Apache-2.0
// The only file that includes Boost.Process.
#include "system/spawn.hpp"

#include "system/child_setup.hpp"
#include "system/program.hpp"

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
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

namespace frostline::system {

namespace {

namespace process = boost::process::v2;

/// Lends ChildSetup to the launcher, whose own execve() it leaves without work.
struct EnterChild {
    const ChildSetup& setup;

    boost::system::error_code on_exec_setup(process::posix::default_launcher& /*launcher*/,
                                            const std::filesystem::path& /*program*/,
                                            const char* const*& /*arguments*/) const
    {
        const int code = setup.enter();
        errno = code; // the launcher sends errno
        return {code, boost::system::system_category()};
    }

    /// A template since the launcher asks for one list of parameters and calls another (1.81).
    template <typename... Ignored>
    void on_exec_error(const Ignored&... /*unused*/) const
    {
        ::_exit(127); // its exit() would run the agent's handlers and flush its buffers again
    }
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

/// Forks and executes; the process id, or the error that the child or the launcher reported.
Result<pid_t> run(const ChildSpec& spec, const ChildSetup& setup)
{
    // Only an address for the launcher: it is never run, and does not outlive this call.
    boost::asio::io_context context;
    process::posix::default_launcher launcher;
    boost::system::error_code error;
    const SignalsBlocked blocked;
    auto started =
        launcher(context.get_executor(), error, std::filesystem::path{spec.arguments.front()},
                 std::vector<std::string>{}, EnterChild{setup});
    if (error) {
        if (launcher.pid > 0) { // it got as far as a child, which has told why and left
            ::waitpid(launcher.pid, nullptr, 0);
        }
        return ChildSetup::explain(error.value(), spec);
    }
    const pid_t pid = started.id();
    started.detach(); // else its destructor kills the child
    return pid;
}

/// The child's standard streams, and our ends of them.
struct Streams {
    std::array<UniqueFd, 3> theirs;
    std::array<UniqueFd, 3> ours;
};

/// One of them: a pipe that the child reads (its standard input) or writes, or /dev/null.
Result<void> connect(Streams& streams, std::size_t number, StreamTo to)
{
    if (to == StreamTo::output) {
        streams.theirs[number].reset(::fcntl(streams.theirs[1].get(), F_DUPFD_CLOEXEC, 3));
    } else if (to == StreamTo::nobody) {
        streams.theirs[number] =
            lift(UniqueFd{::open("/dev/null", (number == 0 ? O_RDONLY : O_WRONLY) | O_CLOEXEC)});
    } else {
        Result<Pipe> made = make_pipe();
        if (!made) {
            return fail(std::move(made).error());
        }
        streams.theirs[number] = std::move(number == 0 ? made->read : made->write);
        streams.ours[number] = std::move(number == 0 ? made->write : made->read);
        ::fcntl(streams.ours[number].get(), F_SETFL, O_NONBLOCK); // pipes have no other flag
    }
    return streams.theirs[number] ? Result<void>{}
                                  : fail_errno("cannot connect its standard streams", errno);
}

Result<Streams> connect(const ChildSpec& spec)
{
    Streams streams;
    const std::array<StreamTo, 3> to{spec.stdin_pipe ? StreamTo::reader : StreamTo::nobody,
                                     spec.standard_output, spec.standard_error};
    for (std::size_t number = 0; number < to.size(); ++number) {
        if (Result<void> made = connect(streams, number, to[number]); !made) {
            return fail(
                std::move(made).error().with_context(spec.arguments.front() + ": cannot run"));
        }
    }
    return streams;
}

} // namespace

Result<Spawned> spawn(const ChildSpec& spec, std::uint64_t tag)
{
    if (spec.arguments.empty() ||
        (!spec.search_path && spec.arguments.front().compare(0, 1, "/") != 0)) {
        return fail(ErrorKind::invalid_argument, "cannot run a program without an absolute path");
    }
    const Result<Program> program = program_for(spec);
    if (!program) {
        return fail(program.error());
    }
    Result<Streams> streams = connect(spec);
    if (!streams) {
        return fail(std::move(streams).error());
    }
    auto& [theirs, ours] = *streams;
    const ChildSetup setup{
        spec, *program, tag, {theirs[0].get(), theirs[1].get(), theirs[2].get()}};
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
    made.in = std::move(ours[0]);
    made.out = std::move(ours[1]);
    made.err = std::move(ours[2]);
    return made;
}

} // namespace frostline::system
