// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/io/waiter.hpp"
#include "host/progress.hpp"
#include "host/snapshot/image_files.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace frostline::host {

/// A disk of a snapshot by overlays, as its description has it.
struct CommitDisk {
    std::string label;
    std::string base;    ///< the snapshot
    std::string overlay; ///< what the guest writes to
};

/// How far the folding of one overlay is.
struct CommitState {
    std::uint64_t done = 0;
    std::uint64_t total = 0;
    bool ready = false; ///< all is in the base, and stays so: it can be switched
    bool gone = false;  ///< there is no such job (any more)
};

/// The hypervisor's part of folding overlays back.
class Committer {
public:
    virtual ~Committer() = default;

    /// (label, path) of what the guest writes to now.
    [[nodiscard]] virtual Result<std::vector<std::pair<std::string, std::string>>>
    current(TimePoint until) = 0;
    /// Errors: busy, when something else works on the guest's disks.
    [[nodiscard]] virtual Result<void> check_idle(TimePoint until) = 0;
    [[nodiscard]] virtual Result<void> start(const CommitDisk& disk, TimePoint until) = 0;
    [[nodiscard]] virtual Result<CommitState> state(const CommitDisk& disk, TimePoint until) = 0;
    /// From now on the guest writes to the base. It may take a moment: ask current().
    [[nodiscard]] virtual Result<void> pivot(const CommitDisk& disk, TimePoint until) = 0;
    /// After the switch, when the job is gone: takes away what the hypervisor still has of the
    /// overlay.
    [[nodiscard]] virtual Result<void> tidy(const CommitDisk& disk, TimePoint until) = 0;
    [[nodiscard]] virtual Result<void> cancel(const CommitDisk& disk, TimePoint until) = 0;
};

/// What became of one disk.
struct CommitRow {
    std::string label;
    std::string result; ///< "folded back", "was folded back already", or why not
    bool good = false;
};

struct CommitResult {
    std::vector<CommitRow> rows;
    bool good = false;
    std::string problem; ///< the first thing that went wrong
};

/// Folds the overlays of one snapshot back into its images, one disk after the other, while the
/// guest goes on; then removes the overlays and the description. What was folded stays so when a
/// later disk fails or the run is interrupted, and a second run goes on from there. The snapshot is
/// gone then.
class Commit {
public:
    Commit(Committer& committer, ImageFiles& files, Waiter& waiter, Progress& progress,
           Millis answer_limit)
        : committer_(committer), files_(files), waiter_(waiter), progress_(progress),
          answer_limit_(answer_limit)
    {}

    [[nodiscard]] CommitResult run(const std::vector<CommitDisk>& disks,
                                   const std::string& description);

private:
    [[nodiscard]] Result<void> plan(const std::vector<CommitDisk>& disks);
    [[nodiscard]] Result<void> fold(const CommitDisk& disk);
    [[nodiscard]] Result<void> wait_until_ready(const CommitDisk& disk);
    [[nodiscard]] Result<void> wait_until_switched(const CommitDisk& disk);
    [[nodiscard]] Result<void> wait_until_gone(const CommitDisk& disk);
    [[nodiscard]] Result<std::string> file_of(const CommitDisk& disk);
    [[nodiscard]] TimePoint soon() const { return waiter_.now() + answer_limit_; }

    Committer& committer_;
    ImageFiles& files_;
    Waiter& waiter_;
    Progress& progress_;
    Millis answer_limit_;
    std::vector<CommitDisk> to_fold_;
    std::vector<std::string> folded_before_; ///< labels
};

/// The disks in the text of a NAME.frostline.json. Errors: invalid_argument when it is none of a
/// snapshot by overlays.
[[nodiscard]] Result<std::vector<CommitDisk>> read_description(std::string_view text);

} // namespace frostline::host
