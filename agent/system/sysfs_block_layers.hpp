// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "system/block_layers.hpp"

#include <string>
#include <utility>

namespace frostline::system {

class SysfsBlockLayers : public BlockLayers {
public:
    explicit SysfsBlockLayers(std::string sysfs = "/sys") : sysfs_(std::move(sysfs)) {}

    [[nodiscard]] Result<std::vector<std::string>> backing_files(const Mount& mount) override;

private:
    std::string sysfs_;
};

} // namespace frostline::system
