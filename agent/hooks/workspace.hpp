// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"
#include "system/child_launcher.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace frostline::hooks {

/// Makes the folder of a hook below RUN_DIRECTORY/hooks: its working directory, HOME and TMPDIR, on
/// tmpfs so that a write there never waits for a frozen file system. It belongs to the hook's user
/// and stays between runs. Returns its path.
[[nodiscard]] Result<std::string> make_hook_folder(const std::string& run_directory,
                                                   const std::string& name,
                                                   const std::optional<system::Identity>& owner);

/// The list of mount points that FROSTLINE_MOUNTS names: NUL-separated, readable by every hook's
/// user. Removed when this goes.
class MountList {
public:
    MountList() = default;
    [[nodiscard]] static Result<MountList> write(const std::string& run_directory,
                                                 const std::vector<std::string>& mount_points);

    MountList(MountList&& other) noexcept : path_(std::exchange(other.path_, {})) {}
    MountList& operator=(MountList&& other) noexcept
    {
        std::swap(path_, other.path_);
        return *this;
    }
    MountList(const MountList&) = delete;
    MountList& operator=(const MountList&) = delete;
    ~MountList();

    [[nodiscard]] const std::string& path() const noexcept { return path_; } ///< empty: none

private:
    std::string path_;
};

} // namespace frostline::hooks
