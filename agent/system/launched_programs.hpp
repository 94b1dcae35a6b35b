// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "system/child_launcher.hpp"
#include "system/guest_programs.hpp"
#include "system/path_rules.hpp"
#include "system/workers.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace frostline::system {

struct LaunchedProgramsSettings {
    SharedPathRules allowed; ///< null: every program
    /// Bytes of output that a reply has room for, both streams together.
    std::size_t reply_room = std::size_t{3} << 20U;
    std::size_t most_running = 64;
    std::size_t most_ended = 1024;                      ///< that nobody has asked about
    std::size_t output_budget = std::size_t{64} << 20U; ///< bytes kept of all together
    std::size_t input_budget = std::size_t{128} << 20U; ///< bytes that all together may wait for
    std::vector<std::string> environment;               ///< the agent's
};

/// Programs by the launcher, with what is known of them bounded in number and memory: of those
/// that have ended the oldest are forgotten first.
class LaunchedPrograms : public GuestPrograms {
public:
    static constexpr std::size_t most_output = std::size_t{16} << 20U; ///< bytes of each stream

    /// The launcher and the workers must outlive this.
    LaunchedPrograms(ChildLauncher& launcher, Workers& workers, LaunchedProgramsSettings settings);
    LaunchedPrograms(const LaunchedPrograms&) = delete;
    LaunchedPrograms& operator=(const LaunchedPrograms&) = delete;
    /// The programs go on.
    ~LaunchedPrograms() override;

    void start(ProgramRequest request, Started done) override;
    [[nodiscard]] Result<ProgramState> state(std::int64_t pid) override;

private:
    struct Record;
    struct Book; ///< the records; what the launcher calls back refers to it

    [[nodiscard]] Result<void> admit(const ProgramRequest& request) const;
    [[nodiscard]] ChildSpec spec_of(ProgramRequest& request) const;

    ChildLauncher* launcher_;
    Workers* workers_;
    LaunchedProgramsSettings settings_;
    std::shared_ptr<Book> book_;
};

/// The environment of this process for programs that clients start: without what the service
/// manager means for the agent alone (sd_notify(3), sd_listen_fds(3)). At start, before threads.
[[nodiscard]] std::vector<std::string> environment_for_programs();

} // namespace frostline::system
