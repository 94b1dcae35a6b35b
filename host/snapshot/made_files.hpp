// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/snapshot/image_files.hpp"

#include <string>
#include <vector>

namespace frostline::host {

/// What a run has made among the files, so that it can be taken back.
class MadeFiles {
public:
    explicit MadeFiles(ImageFiles& files) : files_(files) {}

    /// An error, busy, where something has that name.
    [[nodiscard]] Result<void> check_free(const std::string& path) const;
    /// Takes the name of a file that is written later.
    [[nodiscard]] Result<void> claim(const std::string& path);
    /// A file that was made by other means.
    void add(const std::string& path) { paths_.push_back(path); }
    /// Removes all of them. Returns what could not be removed, and why.
    [[nodiscard]] std::vector<std::string> discard();

private:
    ImageFiles& files_;
    std::vector<std::string> paths_;
};

} // namespace frostline::host
