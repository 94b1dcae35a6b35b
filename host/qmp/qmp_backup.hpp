// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/qmp/image_jobs.hpp"
#include "host/qmp/monitor.hpp"
#include "host/snapshot/backup_files.hpp"
#include "host/snapshot/method.hpp"

#include <string>
#include <vector>

namespace frostline::host {

/// Backup by QEMU's own jobs: a point in time of all disks in one transaction, copied to new images
/// while the guest goes on. A dirty bitmap in each disk remembers what has changed since.
class QmpBackup final : public SnapshotMethod {
public:
    struct Settings {
        BackupFiles::Settings files;
        std::string qemu_directory; ///< what QEMU's relative paths start from; may be empty
        std::string prefix;         ///< of jobs and nodes: unique to this run, at most 20 letters
        Millis answer{10'000};      ///< the longest wait for one answer after the thaw
    };

    QmpBackup(Monitor& monitor, ImageFiles& files, Settings settings)
        : monitor_(monitor), files_(files, settings.files), settings_(std::move(settings)),
          jobs_(monitor, settings_.prefix)
    {}

    [[nodiscard]] std::string_view name() const override { return "backup"; }
    [[nodiscard]] std::string_view doing() const override { return "starting the backup"; }
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
    [[nodiscard]] Result<void> check_marks(TimePoint until);

    Monitor& monitor_;
    BackupFiles files_;
    Settings settings_;
    ImageJobs jobs_;
    bool asked_ = false; ///< the transaction was sent
};

} // namespace frostline::host
