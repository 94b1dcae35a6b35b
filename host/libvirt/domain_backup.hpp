// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/libvirt/domain.hpp"
#include "host/snapshot/backup_files.hpp"
#include "host/snapshot/method.hpp"

#include <string>

namespace frostline::host {

/// Push backup of a libvirt domain, whole or of what has changed since a checkpoint.
class DomainBackup final : public SnapshotMethod {
public:
    DomainBackup(Domain& domain, ImageFiles& files, BackupFiles::Settings settings)
        : domain_(domain), files_(files, std::move(settings))
    {}

    [[nodiscard]] std::string_view name() const override { return "backup"; }
    [[nodiscard]] std::string_view doing() const override { return "starting the backup"; }
    [[nodiscard]] Result<void> prepare(TimePoint until) override;
    /// Blocks until libvirt answers.
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
    [[nodiscard]] Result<void> check_marks();

    Domain& domain_;
    BackupFiles files_;
    std::string backup_xml_;
    std::string checkpoint_xml_; ///< empty: no disk can remember
    bool begun_ = false;         ///< libvirt was asked
};

} // namespace frostline::host
