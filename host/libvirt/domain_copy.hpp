// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/libvirt/domain.hpp"
#include "host/snapshot/backup_files.hpp"
#include "host/snapshot/method.hpp"

#include <string>
#include <vector>

namespace frostline::host {

/// A copy of a domain's disks by libvirt's mirrors, frozen only while they are ended.
class DomainCopy final : public SnapshotMethod {
public:
    DomainCopy(Domain& domain, ImageFiles& files, Waiter& waiter, Progress& progress,
               BackupFiles::Settings settings)
        : domain_(domain), files_(files, std::move(settings)), waiter_(waiter), progress_(progress)
    {}

    [[nodiscard]] std::string_view name() const override { return "copy"; }
    [[nodiscard]] std::string_view doing() const override { return "ending the mirrors"; }
    /// Returns when all disks are copied, however long that takes.
    [[nodiscard]] Result<void> prepare(TimePoint until) override;
    /// Blocks until libvirt answers.
    [[nodiscard]] Result<Answer<bool>> take(TimePoint until) override;
    [[nodiscard]] Result<Switch> find_out(TimePoint until) override;
    [[nodiscard]] Result<void> discard(TimePoint until) override;
    void describe(json::Object& whole) const override { files_.describe(whole); }
    [[nodiscard]] std::string table() const override { return files_.table(); }
    [[nodiscard]] std::string description_folder() const override { return files_.folder(); }
    [[nodiscard]] std::optional<std::string> description_label() const override
    {
        return files_.label();
    }

private:
    [[nodiscard]] Result<void> start(const BackupPlan& plan, TimePoint until);
    [[nodiscard]] Result<void> wait_until_alike();

    Domain& domain_;
    BackupFiles files_;
    Waiter& waiter_;
    Progress& progress_;
    std::vector<std::string> started_; ///< targets whose mirror was asked for
    std::size_t ended_ = 0;            ///< how many of them libvirt has ended well
};

} // namespace frostline::host
