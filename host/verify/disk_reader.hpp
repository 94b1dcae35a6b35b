// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"

#include <cstdint>
#include <string>

namespace frostline::host {

/// Bytes of a disk, as the guest sees it.
class DiskReader {
public:
    virtual ~DiskReader() = default;
    /// `size` at most 4096. Errors: io; also behind the end.
    [[nodiscard]] virtual Result<std::string> read(std::uint64_t offset, std::size_t size) = 0;
};

} // namespace frostline::host
