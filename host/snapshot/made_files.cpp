// SPDX-License-Identifier: Apache-2.0
#include "host/snapshot/made_files.hpp"

namespace frostline::host {

Result<void> MadeFiles::check_free(const std::string& path) const
{
    if (files_.exists(path)) {
        return fail(ErrorKind::busy,
                    path + ": the file exists already; choose another --name or remove it");
    }
    return {};
}

Result<void> MadeFiles::claim(const std::string& path)
{
    Result<void> claimed = files_.claim(path);
    if (claimed) {
        add(path);
    }
    return claimed;
}

std::vector<std::string> MadeFiles::discard()
{
    std::vector<std::string> left;
    for (const std::string& path : paths_) {
        if (const Result<void> removed = files_.remove(path); !removed) {
            left.push_back(removed.error().message());
        }
    }
    paths_.clear();
    return left;
}

} // namespace frostline::host
