// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/qmp/image_jobs.hpp"
#include "host/qmp/monitor.hpp"
#include "host/snapshot/backup_files.hpp"
#include "host/snapshot/method.hpp"

#include <string>
#include <vector>

namespace frostline::host {

/// A copy of all disks by QEMU's mirrors: everything is copied and kept alike before the freeze,
/// which lasts only as long as it takes to end the mirrors.
class QmpCopy final : public SnapshotMethod {
public:
    struct Settings {
        BackupFiles::Settings files;
        std::string qemu_directory; ///< what QEMU's relative paths start from; may be empty
        std::string prefix;         ///< of jobs and nodes: unique to this run, at most 20 letters
        Millis answer{10'000};      ///< the longest wait for one answer
    };

    QmpCopy(Monitor& monitor, ImageFiles& files, Waiter& waiter, Progress& progress,
            Settings settings)
        : monitor_(monitor), files_(files, settings.files), waiter_(waiter), progress_(progress),
          settings_(std::move(settings)), jobs_(monitor, settings_.prefix)
    {}

    [[nodiscard]] std::string_view name() const override { return "copy"; }
    [[nodiscard]] std::string_view doing() const override { return "ending the mirrors"; }
    /// Returns when all disks are copied, however long that takes.
    [[nodiscard]] Result<void> prepare(TimePoint until) override;
    [[nodiscard]] Result<Answer<bool>> take(TimePoint until) override;
    [[nodiscard]] Result<Switch> find_out(TimePoint until) override;
    [[nodiscard]] Result<std::string> finish(Waiter& waiter, Progress& progress) override;
    [[nodiscard]] Result<void> discard(TimePoint until) override;
    void describe(json::Object& whole) const override { files_.describe(whole); }
    [[nodiscard]] std::string table() const override { return files_.table(); }
    [[nodiscard]] std::string description_folder() const override { return files_.folder(); }
    [[nodiscard]] std::optional<std::string> description_label() const override
    {
        return files_.label();
    }

private:
    [[nodiscard]] Result<void> start(std::size_t index);
    [[nodiscard]] Result<void> wait_until_alike();
    [[nodiscard]] TimePoint soon() const { return waiter_.now() + settings_.answer; }

    Monitor& monitor_;
    BackupFiles files_;
    Waiter& waiter_;
    Progress& progress_;
    Settings settings_;
    ImageJobs jobs_;
    bool started_ = false;
};

} // namespace frostline::host
