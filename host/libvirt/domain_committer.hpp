// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/libvirt/domain.hpp"
#include "host/snapshot/commit.hpp"

namespace frostline::host {

/// Folds a domain's overlays back by libvirt, so that its description stays true.
class DomainCommitter final : public Committer {
public:
    explicit DomainCommitter(Domain& domain) : domain_(domain) {}

    [[nodiscard]] Result<std::vector<std::pair<std::string, std::string>>>
    current(TimePoint until) override;
    [[nodiscard]] Result<void> check_idle(TimePoint until) override;
    [[nodiscard]] Result<void> start(const CommitDisk& disk, TimePoint until) override;
    [[nodiscard]] Result<CommitState> state(const CommitDisk& disk, TimePoint until) override;
    [[nodiscard]] Result<void> pivot(const CommitDisk& disk, TimePoint until) override;
    [[nodiscard]] Result<void> tidy(const CommitDisk& disk, TimePoint until) override;
    [[nodiscard]] Result<void> cancel(const CommitDisk& disk, TimePoint until) override;

private:
    Domain& domain_;
};

} // namespace frostline::host
