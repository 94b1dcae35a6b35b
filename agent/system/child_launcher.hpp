// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"
#include "system/path_rules.hpp"
#include "system/workers.hpp"

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

/// Where one of a child's output streams goes.
enum class StreamTo {
    reader, ///< to us
    nobody, ///< /dev/null
    output, ///< standard error only: where standard output goes, in the order of writing
};

struct ChildSpec {
    std::vector<std::string> arguments;   ///< [0] is the program, an absolute path
    std::vector<std::string> environment; ///< KEY=value; the whole of it, nothing is inherited
    std::string directory = "/";          ///< empty: the agent's
    std::optional<mode_t> umask = 022;    ///< absent: the agent's
    /// Set: as execvp(3) has it. arguments[0] may be a name, looked for in these folders (between
    /// colons), or a relative path; a file in no format that the kernel knows is run by /bin/sh.
    std::optional<std::string> search_path;
    SharedPathRules allowed;          ///< what may be run, by its real path; null: everything
    std::optional<Identity> identity; ///< absent: as the agent
    bool stdin_pipe = false;          ///< otherwise /dev/null
    StreamTo standard_output = StreamTo::reader;
    StreamTo standard_error = StreamTo::reader;
    std::size_t output_cap = 65536; ///< bytes kept of each stream; the rest is read and counted
    /// What all children that share it may still keep of their output, in bytes. They take from
    /// it; whoever drops a result gives back. Null: no bound but their own.
    std::shared_ptr<std::size_t> output_budget;
    /// How long other processes that hold on to its output may delay the news of its end.
    std::chrono::milliseconds output_grace{100};
    /// It lives on when its Child or the launcher goes. After the news of its end its output is
    /// still read, and dropped, so that a daemon it has started can go on writing.
    bool outlives_us = false;
    std::chrono::milliseconds limit{0};         ///< after this TERM to the group; 0: none
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
    /// more than output_grace. The Child may be destroyed from here.
    std::function<void(ChildResult)> on_exit;
};

/// A running child in a process group of its own. Destroying it kills the group at once (KILL),
/// unless it outlives us, and no event comes any more; the launcher still reaps it. Loop thread
/// only.
class Child {
public:
    virtual ~Child() = default;

    [[nodiscard]] virtual pid_t pid() const = 0;
    /// Queues `text` for its standard input; never blocks. A reader that is gone is no error.
    virtual void write(std::string text) = 0;
    /// When all that was written has been read.
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

    using Launched = std::function<void(Result<std::unique_ptr<Child>>)>;
    /// The same for programs that lie anywhere: finding and loading them, which may take long, is
    /// done on a worker. `done` is called on the loop's thread, later.
    virtual void launch_on(Workers& workers, ChildSpec spec, ChildEvents events, Launched done) = 0;
};

} // namespace frostline::system
