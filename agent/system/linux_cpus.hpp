// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "system/cpus.hpp"
#include "system/pseudo_files.hpp"

#include <string>
#include <utility>

namespace frostline::system {

/// The processors of sysfs (Documentation/ABI/testing/sysfs-devices-system-cpu) and of /proc/stat.
class LinuxCpus : public Cpus {
public:
    /// `root` lies in front of /sys and /proc; for tests.
    explicit LinuxCpus(std::string root = {}) : files_(std::move(root)) {}

    [[nodiscard]] Result<std::vector<Cpu>> list() const override;
    [[nodiscard]] Result<void> set_state(std::int64_t number, OnlineState wanted) const override;
    [[nodiscard]] Result<std::vector<CpuTimes>> times() const override;
    [[nodiscard]] Result<LoadAverage> load() const override;

private:
    [[nodiscard]] Result<Cpu> look(std::int64_t number) const;

    PseudoFiles files_;
};

} // namespace frostline::system
