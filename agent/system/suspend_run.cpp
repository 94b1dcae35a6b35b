// SPDX-License-Identifier: Apache-2.0
#include "system/suspend_run.hpp"

#include "system/unit_outcome.hpp"

#include "common/text.hpp"
#include "common/unique_fd.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace frostline::system {

namespace {

/// The programs may wait for the whole of a suspend, and a hibernation writes all memory first.
constexpr std::chrono::minutes action_limit{5};

// logind lets programs that asked for it delay a sleep by 5 s, or as long as logind.conf says.
constexpr std::chrono::seconds order_limit{30};
constexpr std::chrono::milliseconds look_every{500};

/// What each way calls a mode.
struct Names {
    const char* unit;
    const char* verb;
    const char* pm_flag;
    const char* pm_program;
    const char* state; ///< for /sys/power/state; nullptr: the kernel alone cannot do it
};

Names names_of(SuspendMode mode)
{
    switch (mode) {
    case SuspendMode::disk:
        return {"systemd-hibernate", "hibernate", "--hibernate", "pm-hibernate", "disk"};
    case SuspendMode::ram:
        return {"systemd-suspend", "suspend", "--suspend", "pm-suspend", "mem"};
    case SuspendMode::hybrid:
        break;
    }
    return {"systemd-hybrid-sleep", "hybrid-sleep", "--suspend-hybrid", "pm-suspend-hybrid",
            nullptr};
}

HelperCall suspend_call(std::string program, std::vector<std::string> arguments)
{
    HelperCall call;
    call.program = std::move(program);
    call.arguments = std::move(arguments);
    call.action = "suspend";
    return call;
}

bool offers(const std::string& path, const std::string& word)
{
    const UniqueFd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    std::array<char, 256> buffer{}; // the kernel's file has four words at most
    const ssize_t got = file ? ::read(file.get(), buffer.data(), buffer.size()) : -1;
    if (got <= 0) {
        return false;
    }
    const std::string_view text = text::trim({buffer.data(), static_cast<std::size_t>(got)});
    const std::vector<std::string> words = text::split(text, ' ');
    return std::find(words.begin(), words.end(), word) != words.end();
}

/// Returns when the machine is awake again. nullopt: the kernel doesn't offer this.
std::optional<Result<void>> write_state(const std::string& path, const std::string& word)
{
    if (!offers(path, word)) {
        return std::nullopt;
    }
    const UniqueFd file{::open(path.c_str(), O_WRONLY | O_CLOEXEC)};
    if (!file || ::write(file.get(), word.data(), word.size()) < 0) {
        return fail_errno("suspend: cannot write to '" + path + "'", errno);
    }
    return Result<void>{};
}

} // namespace

void SuspendRun::start(HelperPrograms& helpers, Workers& workers, const std::string& root,
                       SuspendMode mode, Power::Done done)
{
    const std::shared_ptr<SuspendRun> run{
        new SuspendRun{helpers, workers, root + "/sys/power/state", mode, std::move(done)}};
    run->try_systemd();
}

SuspendRun::SuspendRun(HelperPrograms& helpers, Workers& workers, std::string state_file,
                       SuspendMode mode, Power::Done done)
    : helpers_(&helpers), workers_(&workers), state_file_(std::move(state_file)), mode_(mode),
      done_(std::move(done)), slept_(helpers.slept())
{}

void SuspendRun::try_systemd()
{
    // systemctl-status's codes for a unit that is known and not running: 1 and 2 dead, 3 inactive.
    // 4: there is no such unit; 0: it is running, so a suspend is under way.
    const auto known = [](int status) { return status >= 1 && status <= 3; };
    probe(suspend_call("systemctl", {"status", names_of(mode_).unit}), known,
          &SuspendRun::order_systemd, &SuspendRun::try_pm_utils);
}

void SuspendRun::order_systemd()
{
    const Names names = names_of(mode_);
    ask_unit_run(*helpers_, names.unit, "suspend", [self = shared_from_this(), names](UnitRun run) {
        self->invocation_ = std::move(run.invocation);
        HelperCall order = suspend_call("systemctl", {names.verb});
        order.limit = action_limit;
        self->helpers_->run(std::move(order), [self](Result<void> result) {
            // The program only hands the order in: what becomes of it is seen at the unit.
            if (result && !self->helpers_->has_slept_since(self->slept_)) {
                return self->follow_systemd(std::chrono::nanoseconds{0});
            }
            self->judge(std::move(result), &SuspendRun::try_pm_utils);
        });
    });
}

void SuspendRun::follow_systemd(std::chrono::nanoseconds waited)
{
    const std::string unit = names_of(mode_).unit;
    ask_unit_run(*helpers_, unit, "suspend",
                 [self = shared_from_this(), unit, waited](const UnitRun& run) {
                     if (self->helpers_->has_slept_since(self->slept_)) {
                         return self->done_({});
                     }
                     const bool ours = run.invocation != self->invocation_;
                     if (ours && run.failed()) {
                         self->failure_ =
                             Error{ErrorKind::io, "suspend: " + unit + " has failed (" +
                                                      run.result + "); see its log in the guest"};
                         return self->give_up(); // another way would meet the same obstacle
                     }
                     const bool pending = run.running() || !ours;
                     if (run.state.empty() || !pending || waited >= order_limit) {
                         return self->done_({});
                     }
                     self->helpers_->look_again(
                         look_every, [self, waited] { self->follow_systemd(waited + look_every); });
                 });
}

void SuspendRun::try_pm_utils()
{
    probe(
        suspend_call("pm-is-supported", {names_of(mode_).pm_flag}),
        [](int status) { return status == 0; }, &SuspendRun::order_pm_utils,
        &SuspendRun::try_kernel);
}

void SuspendRun::order_pm_utils()
{
    HelperCall order = suspend_call(names_of(mode_).pm_program, {});
    order.limit = action_limit;
    helpers_->run(std::move(order), [self = shared_from_this()](Result<void> result) {
        self->judge(std::move(result), &SuspendRun::try_kernel);
    });
}

void SuspendRun::probe(HelperCall call, bool (*supported)(int exit_status), Step order, Step next)
{
    helpers_->start(std::move(call), [self = shared_from_this(), supported, order,
                                      next](const Result<ChildResult>& answer) {
        if (!answer && answer.error().kind() == ErrorKind::timeout) {
            self->failure_ = answer.error();
        }
        const bool can = answer && answer->exit_status && supported(*answer->exit_status);
        (self.get()->*(can ? order : next))();
    });
}

void SuspendRun::judge(Result<void> result, Step next)
{
    // A program whose connection breaks while everything sleeps calls that a failure; trying the
    // next way would put the machine to sleep again just after it woke.
    if (result || helpers_->has_slept_since(slept_)) {
        return done_({});
    }
    failure_ = std::move(result).error();
    if (failure_->kind() == ErrorKind::timeout) {
        return give_up(); // its order may still be carried out: no second one on top
    }
    (this->*next)();
}

void SuspendRun::try_kernel()
{
    const char* word = names_of(mode_).state;
    if (word == nullptr) {
        return give_up();
    }
    run_on(
        *workers_,
        [path = state_file_, word = std::string{word}] { return write_state(path, word); },
        [self = shared_from_this()](std::optional<Result<void>> result) {
            if (result) {
                self->judge(std::move(*result), &SuspendRun::give_up);
            } else {
                self->give_up();
            }
        });
}

void SuspendRun::give_up()
{
    if (!failure_) {
        return done_(fail(ErrorKind::unsupported,
                          "the requested suspend mode is not supported by the guest"));
    }
    if (mode_ == SuspendMode::hybrid) { // qemu-ga's words, and then what happened
        failure_ = std::move(*failure_).with_context("unknown guest suspend mode");
    }
    done_(fail(*failure_));
}

} // namespace frostline::system
