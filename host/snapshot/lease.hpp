// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"
#include "common/unique_fd.hpp"

#include <string>
#include <vector>

namespace frostline::host {

/// Keeps two runs off one guest: an exclusive lock per socket on a file in a lock directory. The
/// kernel drops the locks when the holder ends, however it ends; the files stay.
class Lease {
public:
    /// `sockets` are the paths by which the guest is reached; different spellings of one path are
    /// the same guest. Makes the last part of `directory` when it is missing. Errors: busy, naming
    /// the process that holds it; permission.
    [[nodiscard]] static Result<Lease> take(const std::string& directory,
                                            const std::vector<std::string>& sockets);

    /// Where a run that holds these leases writes down what it is about to leave behind.
    [[nodiscard]] static std::string journal_path(const std::string& directory,
                                                  const std::vector<std::string>& sockets);

private:
    std::vector<UniqueFd> locks_;
};

} // namespace frostline::host
