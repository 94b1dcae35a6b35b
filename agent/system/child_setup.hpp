// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"
#include "system/child_launcher.hpp"
#include "system/program.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace frostline::system {

/// The child's side between fork and exec. Everything is got ready before the fork; enter() does
/// only what signal-safety(7) allows.
class ChildSetup {
public:
    /// `streams` are the child's standard streams, each above 2. The arguments must outlive this.
    ChildSetup(const ChildSpec& spec, const Program& program, std::uint64_t tag,
               std::array<int, 3> streams);

    /// Becomes the program. When it returns, that has failed, and this is the code to hand to the
    /// parent: what the child was doing in its upper half, errno in its lower one.
    [[nodiscard]] int enter() const;

    /// The error that a code from enter() stands for, with errno for os_error().
    [[nodiscard]] static Failure explain(int code, const ChildSpec& spec);

private:
    enum class Step : int;

    [[nodiscard]] bool prepare(Step& step) const;
    void execute() const;
    void close_the_rest() const;

    const ChildSpec& spec_;
    const Program& program_;
    std::uint64_t tag_;
    std::array<int, 3> streams_;
    std::vector<char*> arguments_;
    std::vector<char*> shell_arguments_; ///< for a file in no format that the kernel knows
    std::vector<char*> environment_;
};

} // namespace frostline::system
