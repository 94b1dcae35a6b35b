// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/qmp/monitor.hpp"
#include "host/snapshot/disks.hpp"
#include "host/snapshot/image_files.hpp"

#include <string>
#include <vector>

namespace frostline::host {

/// Where a disk's overlay goes.
struct OverlayPlan {
    Disk disk;
    std::string path; ///< of the overlay
    std::string node; ///< its block node's name
};

/// Snapshot by external qcow2 overlays: from the switch on, the guest writes to the overlays, and
/// the images below them are the snapshot. All disks switch in one QMP transaction. Everything that
/// takes time happens in prepare(); what was prepared and not switched is removed by discard().
class OverlaySnapshot {
public:
    struct Settings {
        std::string name;           ///< the snapshot's
        std::string directory;      ///< for the overlays; empty: each beside its base
        std::string qemu_directory; ///< what QEMU's relative paths start from; may be empty
        std::string node_prefix;    ///< unique to this run, at most 20 letters and digits
    };

    /// What became of the switch.
    enum class Switch { done, not_done, unknown };

    OverlaySnapshot(Monitor& monitor, ImageFiles& files, Settings settings)
        : monitor_(monitor), files_(files), settings_(std::move(settings))
    {}

    /// Looks for disks, jobs and room, makes the overlay files and adds their nodes. After an
    /// error, discard() has to be called as well.
    [[nodiscard]] Result<void> prepare(TimePoint until);
    /// The switch. A failure of the outer Result: nobody knows yet, see find_out().
    [[nodiscard]] Result<Answer<bool>> take(TimePoint until);
    /// Asks QEMU which files the disks use. `done` and `not_done` speak for all disks; a mixture
    /// (a disk was unplugged) is unknown.
    [[nodiscard]] Result<Switch> find_out(TimePoint until);
    /// Takes back what prepare() did. Never call it when the switch is done or unknown. Goes on
    /// after failures; the error lists what is left.
    [[nodiscard]] Result<void> discard(TimePoint until);

    [[nodiscard]] const std::vector<OverlayPlan>& plans() const { return plans_; }
    /// Where the description of the snapshot belongs, beside the first overlay; prepare() has taken
    /// that name. Needs plans.
    [[nodiscard]] std::string description_path() const;

private:
    [[nodiscard]] Result<void> make_plans(const std::vector<Disk>& disks);
    [[nodiscard]] Result<void> check_targets();
    [[nodiscard]] Result<void> add_node(const OverlayPlan& plan, TimePoint until);
    [[nodiscard]] std::string overlay_stem(const std::string& base) const;

    Monitor& monitor_;
    ImageFiles& files_;
    Settings settings_;
    std::vector<OverlayPlan> plans_;
    std::vector<std::string> made_files_;
    std::vector<std::string> added_nodes_;
};

} // namespace frostline::host
