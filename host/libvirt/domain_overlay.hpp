// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/libvirt/domain.hpp"
#include "host/snapshot/method.hpp"
#include "host/snapshot/overlay_files.hpp"

#include <string>
#include <vector>

namespace frostline::host {

/// Snapshot of a libvirt domain by external qcow2 overlays. The overlays are made beforehand;
/// libvirt switches all disks to them in one transaction, so that its own description stays true.
class DomainOverlaySnapshot final : public SnapshotMethod {
public:
    DomainOverlaySnapshot(Domain& domain, ImageFiles& files, OverlayFiles::Settings settings)
        : domain_(domain), files_(files, std::move(settings))
    {}

    [[nodiscard]] std::string_view name() const override { return "overlay"; }
    [[nodiscard]] std::string_view doing() const override { return "switching the disks"; }
    [[nodiscard]] Result<void> prepare(TimePoint until) override;
    /// Blocks until libvirt answers.
    [[nodiscard]] Result<Answer<bool>> take(TimePoint until) override;
    /// Reads libvirt's description of the domain back.
    [[nodiscard]] Result<Switch> find_out(TimePoint until) override;
    [[nodiscard]] Result<void> discard(TimePoint until) override;
    void describe(json::Object& whole) const override;
    [[nodiscard]] std::string table() const override;
    [[nodiscard]] std::string description_folder() const override { return files_.folder(); }

private:
    Domain& domain_;
    OverlayFiles files_;
    std::vector<std::string> left_out_;
    std::string snapshot_xml_;
};

} // namespace frostline::host
