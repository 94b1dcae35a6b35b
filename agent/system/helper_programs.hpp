// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"
#include "system/child_launcher.hpp"
#include "system/event_loop.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace frostline::system {

/// One run of a program of the guest that does a command's work.
struct HelperCall {
    std::string program; ///< an absolute path, or a name that is looked for in the search path
    std::vector<std::string> arguments; ///< without the program's name
    std::string action;                 ///< what it is to do, for errors: "set user password"
    std::string input;                  ///< its standard input; overwritten once it is handed on
    std::optional<Identity> identity;   ///< absent: as the agent
    std::size_t output_cap = 4096;      ///< bytes kept of each output stream
    std::chrono::milliseconds limit{30'000}; ///< of time awake; after it the program is ended
};

/// How long this machine has slept since it booted, give or take 10 ms: CLOCK_BOOTTIME counts the
/// time asleep and CLOCK_MONOTONIC doesn't (clock_gettime(2)).
[[nodiscard]] std::chrono::nanoseconds time_slept();

/// Runs helper programs beside the loop and words their failures as qemu-ga does. What it adds is
/// an end: no program, and nothing it left behind, holds up an answer beyond its limit. Loop thread
/// only; callbacks come once, never inside the call. Destroying it ends what runs, without a word.
class HelperPrograms {
public:
    struct Settings {
        std::string search_path; ///< as PATH; also what the programs get as theirs
        std::function<std::chrono::nanoseconds()> slept = time_slept;
    };

    HelperPrograms(EventLoop& loop, ChildLauncher& launcher, Settings settings);
    HelperPrograms(const HelperPrograms&) = delete;
    HelperPrograms& operator=(const HelperPrograms&) = delete;
    ~HelperPrograms();

    /// Runs it; an error is that it could not be started or did not end, worded for the host.
    void start(HelperCall call, std::function<void(Result<ChildResult>)> done);
    /// Runs it; anything but exit status 0 is an error, worded for the host.
    void run(HelperCall call, std::function<void(Result<void>)> done);

    /// Calls `then` in `delay`, for somebody who looks again later how a program's work went on.
    void look_again(std::chrono::nanoseconds delay, std::function<void()> then);

    /// A mark for has_slept_since().
    [[nodiscard]] std::chrono::nanoseconds slept() const { return settings_.slept(); }
    /// Whether the machine has been suspended since slept() gave `mark`.
    [[nodiscard]] bool has_slept_since(std::chrono::nanoseconds mark) const;

private:
    struct Run;

    [[nodiscard]] Result<std::unique_ptr<Child>> launch(const HelperCall& call, std::uint64_t id);
    void arm(Run& run, std::uint64_t id);
    void on_limit(std::uint64_t id);
    void finish(std::uint64_t id, Result<ChildResult> result);

    EventLoop* loop_;
    ChildLauncher* launcher_;
    Settings settings_;
    std::uint64_t next_ = 0;
    std::map<std::uint64_t, Run> runs_;
    std::map<std::uint64_t, Subscription> looks_;
};

/// A limit for people: "30 s", or "50 ms" when it is no whole number of seconds.
[[nodiscard]] std::string limit_text(std::chrono::milliseconds limit);

/// What an ended program means to the host, in qemu-ga's words.
[[nodiscard]] Result<void> helper_verdict(const std::string& action, const ChildResult& result);

/// qemu-ga's words for a program that the launcher could not start.
[[nodiscard]] Error helper_not_started(const std::string& action, const std::string& program,
                                       const Error& error);

} // namespace frostline::system
