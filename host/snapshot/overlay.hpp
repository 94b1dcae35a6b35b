// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/qmp/monitor.hpp"
#include "host/snapshot/method.hpp"
#include "host/snapshot/overlay_files.hpp"

#include <string>
#include <vector>

namespace frostline::host {

/// Snapshot by external qcow2 overlays: from the switch on, the guest writes to the overlays, and
/// the images below them are the snapshot. All disks switch in one QMP transaction.
class OverlaySnapshot final : public SnapshotMethod {
public:
    struct Settings {
        std::string name;           ///< the snapshot's
        std::string directory;      ///< for the overlays; empty: each beside its base
        std::string qemu_directory; ///< what QEMU's relative paths start from; may be empty
        std::string node_prefix;    ///< unique to this run, at most 20 letters and digits
        OnPlan on_plan{};           ///< before anything is made; may be empty
    };

    OverlaySnapshot(Monitor& monitor, ImageFiles& files, Settings settings)
        : monitor_(monitor),
          files_(files,
                 {settings.name, {}, settings.directory, settings.node_prefix, settings.on_plan}),
          qemu_directory_(std::move(settings.qemu_directory))
    {}

    [[nodiscard]] std::string_view name() const override { return "overlay"; }
    [[nodiscard]] std::string_view doing() const override { return "switching the disks"; }
    /// Looks for disks, jobs and room, makes the overlay files and adds their nodes.
    [[nodiscard]] Result<void> prepare(TimePoint until) override;
    [[nodiscard]] Result<Answer<bool>> take(TimePoint until) override;
    /// Asks QEMU which files the disks use. `done` and `not_done` speak for all disks; a mixture
    /// (a disk was unplugged) is unknown.
    [[nodiscard]] Result<Switch> find_out(TimePoint until) override;
    [[nodiscard]] Result<void> discard(TimePoint until) override;
    void describe(json::Object& whole) const override { files_.describe(whole); }
    [[nodiscard]] std::string table() const override { return files_.table(); }
    [[nodiscard]] std::string description_folder() const override { return files_.folder(); }

    [[nodiscard]] const std::vector<OverlayPlan>& plans() const { return files_.plans(); }

private:
    [[nodiscard]] Result<void> add_node(const OverlayPlan& plan, TimePoint until);

    Monitor& monitor_;
    OverlayFiles files_;
    std::string qemu_directory_;
    std::vector<std::string> added_nodes_;
};

} // namespace frostline::host
