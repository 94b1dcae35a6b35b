// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace frostline::system {

/// Which output of a program is kept.
enum class Capture { none, output, error, separated, merged };

struct ProgramRequest {
    std::string path = {};                   ///< found as execvp(3) does; also the first argument
    std::vector<std::string> arguments = {}; ///< the further ones
    std::optional<std::vector<std::string>> environment = {}; ///< KEY=value; absent: the agent's
    std::optional<std::string> input = {};                    ///< absent: /dev/null
    Capture capture = Capture::none;
};

struct ProgramState {
    bool ended = false;
    std::optional<int> exit_status;
    std::optional<int> signal;
    std::string output; ///< only when it has ended, as the rest
    std::string error;
    bool output_cut = false; ///< there was more of it
    bool error_cut = false;
};

/// The programs that clients have started. Loop thread only.
class GuestPrograms {
public:
    using Started = std::function<void(Result<std::int64_t>)>;

    virtual ~GuestPrograms() = default;

    /// `done` gets the process id, or why it could not be started.
    virtual void start(ProgramRequest request, Started done) = 0;
    /// Once it has told that a program has ended it knows that one no more.
    [[nodiscard]] virtual Result<ProgramState> state(std::int64_t pid) = 0;
};

} // namespace frostline::system
