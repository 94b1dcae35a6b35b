// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "system/block_layers.hpp"

#include <string>
#include <utility>

namespace frostline::system {

class SysfsBlockLayers : public BlockLayers {
public:
    /// `dev` is the folder of the loop devices' nodes; a node of another number isn't opened.
    explicit SysfsBlockLayers(std::string sysfs = "/sys", std::string dev = "/dev")
        : sysfs_(std::move(sysfs)), dev_(std::move(dev))
    {}

    [[nodiscard]] Result<std::vector<BackingFile>> backing_files(const Mount& mount) override;

private:
    std::string sysfs_;
    std::string dev_;
};

} // namespace frostline::system
