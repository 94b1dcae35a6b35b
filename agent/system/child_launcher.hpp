// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace frostline::system {

/// Whom a child runs as. Looked up before the freeze, never in the child.
struct Identity {
    uid_t user = 0;
    gid_t group = 0;
    std::vector<gid_t> groups; ///< supplementary
    std::string name;
    std::string home;
};

struct ChildSpec {
    std::vector<std::string> arguments;   ///< [0] is the program, an absolute path
    std::vector<std::string> environment; ///< KEY=value; the whole of it, nothing is inherited
    std::string directory = "/";
    std::optional<Identity> identity;   ///< absent: as the agent
    bool stdin_pipe = false;            ///< otherwise /dev/null
    std::size_t output_cap = 65536;     ///< bytes kept of each stream; the rest is read and counted
    std::chrono::milliseconds limit{0}; ///< after this TERM to the group; 0: none
    std::chrono::milliseconds kill_after{2000}; ///< KILL so long after TERM
    /// Whether processes that it left behind are killed when it ends by itself. After a limit or
    /// terminate() they always are, wherever they have gone.
    bool kill_leftovers = false;
    std::uint64_t run_tag = 0; ///< what it and its children wear (run_tag.hpp); 0: a new one
};

struct CapturedOutput {
    std::string text;        ///< the first output_cap bytes
    std::string tail;        ///< the last bytes (up to 4 KiB), so that the last line is never lost
    std::size_t dropped = 0; ///< bytes read beyond output_cap
};

struct ChildResult {
    std::optional<int> exit_status; ///< when it exited
    std::optional<int> signal;      ///< when a signal ended it
    bool timed_out = false;         ///< its limit passed, or terminate() was called
    CapturedOutput out;
    CapturedOutput err;
    std::chrono::nanoseconds duration{0};
};

struct ChildEvents {
    /// Each complete line of standard output (without its newline), as it comes. May be empty.
    std::function<void(std::string_view)> on_line;
    /// Once, when the process has ended; grandchildren that keep a pipe open don't delay it by
    /// more than 100 ms. The Child may be destroyed from here.
    std::function<void(ChildResult)> on_exit;
};

/// A running child in a process group of its own. Destroying it kills the group at once (KILL)
/// and no event comes any more; the launcher still reaps it. Loop thread only.
class Child {
public:
    virtual ~Child() = default;

    [[nodiscard]] virtual pid_t pid() const = 0;
    /// Queues `text` for its standard input; never blocks. A reader that is gone is no error.
    virtual void write(std::string_view text) = 0;
    virtual void close_stdin() = 0;
    /// TERM to the group now, KILL after kill_after. on_exit still comes.
    virtual void terminate() = 0;
    /// Moves the limit: `limit` from now on; 0 lifts it.
    virtual void set_limit(std::chrono::milliseconds limit) = 0;
};

/// The one way to start a program: argument vector, own process group, only 0 1 2 open, the given
/// environment, signals at their defaults, never a shell.
class ChildLauncher {
public:
    virtual ~ChildLauncher() = default;

    /// A program that cannot be started is an error here ("PROGRAM: cannot run: REASON").
    [[nodiscard]] virtual Result<std::unique_ptr<Child>> launch(ChildSpec spec,
                                                                ChildEvents events) = 0;
};

} // namespace frostline::system
