// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/json/value.hpp"
#include "host/snapshot/disks.hpp"
#include "host/snapshot/image_files.hpp"
#include "host/snapshot/journal.hpp"
#include "host/snapshot/made_files.hpp"
#include "host/snapshot/method.hpp"

#include <string>
#include <vector>

namespace frostline::host {

/// Where a disk's overlay goes.
struct OverlayPlan {
    Disk disk;
    std::string path; ///< of the overlay
    std::string node; ///< its block node's name, where we choose one
};

/// The files of a snapshot by external overlays, whoever switches the disks to them: names, room,
/// making and removing.
class OverlayFiles {
public:
    struct Settings {
        std::string name;        ///< the snapshot's
        std::string label;       ///< the guest's, in a group; empty: it is alone
        std::string directory;   ///< for the overlays; empty: each beside its base
        std::string node_prefix; ///< unique to this run, at most 20 letters and digits
        OnPlan on_plan{};        ///< before anything is made; may be empty
    };

    OverlayFiles(ImageFiles& files, Settings settings)
        : files_(files), settings_(std::move(settings)), made_(files)
    {}

    /// Chooses names, looks whether they are free and whether there is room, and takes the name of
    /// the description.
    [[nodiscard]] Result<void> plan(const std::vector<Disk>& disks);
    [[nodiscard]] Result<void> create(const OverlayPlan& plan, TimePoint until);
    /// Removes what plan() and create() made. Returns what could not be removed, and why.
    [[nodiscard]] std::vector<std::string> discard() { return made_.discard(); }

    [[nodiscard]] const std::vector<OverlayPlan>& plans() const { return plans_; }
    /// That of the first overlay, where the description is put. Needs plans.
    [[nodiscard]] std::string folder() const;

    void describe(json::Object& whole) const;
    [[nodiscard]] std::string table() const;

private:
    [[nodiscard]] Result<void> make_plans(const std::vector<Disk>& disks);
    [[nodiscard]] Result<void> check_targets();
    [[nodiscard]] std::string overlay_stem(const std::string& base) const;
    [[nodiscard]] std::string description_path() const;

    ImageFiles& files_;
    Settings settings_;
    std::vector<OverlayPlan> plans_;
    MadeFiles made_;
};

} // namespace frostline::host
