// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"

#include <string>

namespace frostline::ctl {

/// A folder of this run's own, on tmpfs where there is one, for what hooks are given; gone with
/// this object.
class ScratchFolder {
public:
    [[nodiscard]] static Result<ScratchFolder> create();
    ScratchFolder(ScratchFolder&& other) noexcept : path_(std::move(other.path_))
    {
        other.path_.clear();
    }
    ScratchFolder(const ScratchFolder&) = delete;
    ScratchFolder& operator=(const ScratchFolder&) = delete;
    ScratchFolder& operator=(ScratchFolder&&) = delete;
    ~ScratchFolder();

    [[nodiscard]] const std::string& path() const noexcept { return path_; }

private:
    explicit ScratchFolder(std::string path) : path_(std::move(path)) {}

    std::string path_;
};

} // namespace frostline::ctl
