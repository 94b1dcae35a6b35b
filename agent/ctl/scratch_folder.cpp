// SPDX-License-Identifier: Apache-2.0
#include "ctl/scratch_folder.hpp"

#include <cerrno>
#include <filesystem>
#include <system_error>

#include <cstdlib>
#include <sys/stat.h>

namespace frostline::ctl {

Result<ScratchFolder> ScratchFolder::create()
{
    int reason = 0;
    for (const char* const base : {"/run", "/dev/shm", "/tmp"}) {
        std::string path = std::string{base} + "/frostlinectl-XXXXXX";
        if (::mkdtemp(path.data()) != nullptr) {
            // Hooks that run as other users find their own folders in it.
            ::chmod(path.c_str(), 0755);
            return ScratchFolder{std::move(path)};
        }
        reason = errno;
    }
    return fail_errno("cannot make a folder for hooks below /run, /dev/shm or /tmp", reason);
}

ScratchFolder::~ScratchFolder()
{
    if (!path_.empty()) {
        std::error_code ignored; // what is left is empty folders on tmpfs
        std::filesystem::remove_all(path_, ignored);
    }
}

} // namespace frostline::ctl
