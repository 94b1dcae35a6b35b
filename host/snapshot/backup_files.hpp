// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/json/value.hpp"
#include "host/snapshot/disks.hpp"
#include "host/snapshot/image_files.hpp"
#include "host/snapshot/journal.hpp"
#include "host/snapshot/made_files.hpp"

#include <optional>
#include <string>
#include <vector>

namespace frostline::host {

/// Where a disk's backup goes.
struct BackupPlan {
    Disk disk;
    std::string path;   ///< of the new image
    std::string parent; ///< the image that it goes on from; empty: it is whole
};

/// The files of a backup: one qcow2 image for each disk in one folder. An incremental one has what
/// has changed since the latest backup in that folder, whose image is its backing file.
class BackupFiles {
public:
    struct Settings {
        std::string name;      ///< the snapshot's
        std::string label;     ///< the guest's; part of the file names
        std::string directory; ///< absolute
        bool incremental = false;
        OnPlan on_plan{}; ///< before anything is made; may be empty
    };

    BackupFiles(ImageFiles& files, Settings settings)
        : files_(files), settings_(std::move(settings)), made_(files)
    {}

    /// Chooses names, looks for the parent and for room, and takes the name of the description.
    /// `node_prefix`: of block nodes and jobs, PREFIX-0 and so on; empty where there are none.
    [[nodiscard]] Result<void> plan(const std::vector<Disk>& disks,
                                    const std::string& node_prefix = {});
    /// Makes an empty image, on top of its parent.
    [[nodiscard]] Result<void> create(const BackupPlan& plan, TimePoint until);
    /// Removes what plan() and create() made. Returns what could not be removed, and why.
    [[nodiscard]] std::vector<std::string> discard() { return made_.discard(); }

    [[nodiscard]] const std::vector<BackupPlan>& plans() const { return plans_; }
    [[nodiscard]] const std::string& folder() const { return settings_.directory; }
    [[nodiscard]] const std::string& label() const { return settings_.label; }
    /// The name under which the hypervisor remembers this moment, and that of the parent.
    [[nodiscard]] std::string mark() const { return mark_of(settings_.name); }
    [[nodiscard]] std::optional<std::string> parent_mark() const;

    void describe(json::Object& whole) const;
    [[nodiscard]] std::string table() const;

private:
    [[nodiscard]] static std::string mark_of(const std::string& name)
    {
        return "frostline-" + name;
    }
    [[nodiscard]] Result<void> find_parent(const std::vector<Disk>& disks);
    [[nodiscard]] Result<void> check_room();
    [[nodiscard]] std::string description_path() const;

    ImageFiles& files_;
    Settings settings_;
    std::string parent_name_;
    std::vector<BackupPlan> plans_;
    MadeFiles made_;
};

} // namespace frostline::host
