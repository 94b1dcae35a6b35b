// SPDX-License-Identifier: Apache-2.0
#include "system/helper_programs.hpp"

#include "common/wipe.hpp"
#include "system/find_program.hpp"

#include <cerrno>
#include <ctime>
#include <utility>

namespace frostline::system {

namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr milliseconds kill_after{2000}; // after TERM
/// After KILL; a program that waits in the kernel doesn't end even then.
constexpr milliseconds given_up_after = kill_after + milliseconds{1000};

nanoseconds now_of(clockid_t clock)
{
    timespec time{};
    ::clock_gettime(clock, &time);
    return std::chrono::seconds{time.tv_sec} + nanoseconds{time.tv_nsec};
}

std::string whole_output(const ChildResult& result)
{
    std::string text;
    for (const CapturedOutput* stream : {&result.out, &result.err}) {
        text += stream->text;
        if (stream->dropped > 0) {
            text += "...";
        }
    }
    return text;
}

} // namespace

nanoseconds time_slept()
{
    // The two cannot be read at one moment; what was read in between counts if little time passed.
    constexpr int tries = 100;
    for (int left = tries;; --left) {
        const nanoseconds before = now_of(CLOCK_MONOTONIC);
        const nanoseconds boot = now_of(CLOCK_BOOTTIME);
        if (now_of(CLOCK_MONOTONIC) - before < milliseconds{10} || left == 0) {
            return boot - before;
        }
    }
}

struct HelperPrograms::Run {
    std::function<void(Result<ChildResult>)> done;
    std::string action;
    milliseconds limit{0};
    nanoseconds slept{0}; ///< when the limit was set
    bool ending = false;
    std::unique_ptr<Child> child;
    Subscription timer;
};

HelperPrograms::HelperPrograms(EventLoop& loop, ChildLauncher& launcher, Settings settings)
    : loop_(&loop), launcher_(&launcher), settings_(std::move(settings))
{}

HelperPrograms::~HelperPrograms() = default;

bool HelperPrograms::has_slept_since(nanoseconds mark) const
{
    return settings_.slept() - mark > milliseconds{50}; // more than slept() may be wrong by
}

void HelperPrograms::start(HelperCall call, std::function<void(Result<ChildResult>)> done)
{
    const std::uint64_t id = next_++;
    Run& run = runs_[id];
    run.done = std::move(done);
    run.action = call.action;
    run.limit = call.limit;
    Result<std::unique_ptr<Child>> child = launch(call, id);
    if (!child) {
        run.timer = loop_->after(nanoseconds{0},
                                 [this, id, error = child.error()] { finish(id, fail(error)); });
    } else {
        run.child = std::move(*child);
        if (!call.input.empty()) {
            run.child->write(call.input);
            run.child->close_stdin();
        }
        arm(run, id);
    }
    wipe(call.input);
}

void HelperPrograms::run(HelperCall call, std::function<void(Result<void>)> done)
{
    std::string action = call.action;
    start(std::move(call),
          [action = std::move(action), done = std::move(done)](const Result<ChildResult>& result) {
              done(result ? helper_verdict(action, *result) : fail(result.error()));
          });
}

void HelperPrograms::look_again(nanoseconds delay, std::function<void()> then)
{
    const std::uint64_t id = next_++;
    looks_[id] = loop_->after(delay, [this, id, then = std::move(then)] {
        const auto node = looks_.extract(id); // ends when this returns
        then();
    });
}

Result<std::unique_ptr<Child>> HelperPrograms::launch(const HelperCall& call, std::uint64_t id)
{
    const Result<std::string> program = find_program(call.program, settings_.search_path);
    if (!program) {
        return fail(helper_not_started(call.action, call.program, program.error()));
    }
    ChildSpec spec;
    spec.arguments = {*program};
    spec.arguments.insert(spec.arguments.end(), call.arguments.begin(), call.arguments.end());
    spec.environment = {"PATH=" + settings_.search_path, "LC_ALL=C"};
    spec.identity = call.identity;
    spec.stdin_pipe = !call.input.empty();
    spec.output_cap = call.output_cap;
    spec.kill_after = kill_after;
    const auto try_it = [&] {
        return launcher_->launch(
            spec, {nullptr, [this, id](ChildResult result) { finish(id, std::move(result)); }});
    };
    Result<std::unique_ptr<Child>> child = try_it();
    if (!child && child.error().os_error() == ENOEXEC) {
        // A script without its first line; execvp(3) takes the shell for it, and so did qemu-ga.
        spec.arguments.insert(spec.arguments.begin(), "/bin/sh");
        child = try_it();
    }
    if (!child) {
        return fail(helper_not_started(call.action, call.program, child.error()));
    }
    return child;
}

void HelperPrograms::arm(Run& run, std::uint64_t id)
{
    run.slept = settings_.slept();
    run.timer = loop_->after(run.limit, [this, id] { on_limit(id); });
}

void HelperPrograms::on_limit(std::uint64_t id)
{
    Run& run = runs_.at(id);
    if (!run.ending && has_slept_since(run.slept)) {
        // The loop's clock went on while the machine slept: the program may have had no time yet.
        arm(run, id);
    } else if (!std::exchange(run.ending, true)) {
        run.child->terminate();
        run.timer = loop_->after(given_up_after, [this, id] { on_limit(id); });
    } else {
        ChildResult stuck;
        stuck.timed_out = true;
        finish(id, std::move(stuck));
    }
}

void HelperPrograms::finish(std::uint64_t id, Result<ChildResult> result)
{
    const auto node = runs_.extract(id); // its child is destroyed last, when this returns
    const Run& run = node.mapped();
    if (result && result->timed_out) {
        result = fail(ErrorKind::timeout, "child process has failed to " + run.action +
                                              ": it did not end within " + limit_text(run.limit));
    }
    run.done(std::move(result));
}

std::string limit_text(milliseconds limit)
{
    return limit.count() % 1000 == 0 ? std::to_string(limit.count() / 1000) + " s"
                                     : std::to_string(limit.count()) + " ms";
}

Result<void> helper_verdict(const std::string& action, const ChildResult& result)
{
    if (result.exit_status == 0) {
        return {};
    }
    std::string output = whole_output(result);
    if (!result.exit_status) {
        return fail(ErrorKind::io, "child process has terminated abnormally" +
                                       (output.empty() ? output : ": " + output));
    }
    if (output.empty()) {
        output = "exit status " + std::to_string(*result.exit_status);
    }
    return fail(ErrorKind::io, "child process has failed to " + action + ": " + output);
}

Error helper_not_started(const std::string& action, const std::string& program, const Error& error)
{
    const std::string reason =
        error.os_error() != 0 ? errno_text(error.os_error()) : error.message();
    std::string message;
    switch (error.os_error()) {
    case EMFILE: // nothing in starting a program but its pipes takes a descriptor of ours
    case ENFILE:
        message = "cannot create pipe FDs";
        break;
    case EAGAIN: // fork(2)
    case ENOMEM:
        message = "failed to create child process: " + reason;
        break;
    default: // the line feed is qemu-ga's: its child prints this, and its output is quoted
        message = "child process has failed to " + action;
        message += ": failed to exec '" + program + "': " + reason + "\n";
    }
    return {error.kind(), std::move(message), error.os_error()};
}

} // namespace frostline::system
