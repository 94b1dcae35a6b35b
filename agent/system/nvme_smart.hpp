// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace frostline::system {

/// A 128 bit counter.
struct WideCounter {
    std::uint64_t low = 0;
    std::uint64_t high = 0;
};

/// What an NVMe controller says of its health (NVM Express, log page 02h).
struct NvmeSmart {
    std::int64_t critical_warning = 0; ///< bits
    std::int64_t temperature = 0;      ///< kelvins
    std::int64_t available_spare = 0;  ///< percent
    std::int64_t available_spare_threshold = 0;
    std::int64_t percentage_used = 0; ///< may be above 100
    WideCounter data_units_read;      ///< of 1000 blocks of 512 bytes
    WideCounter data_units_written;
    WideCounter host_read_commands;
    WideCounter host_write_commands;
    WideCounter controller_busy_time; ///< minutes
    WideCounter power_cycles;
    WideCounter power_on_hours;
    WideCounter unsafe_shutdowns;
    WideCounter media_errors;
    WideCounter error_log_entries;
};

using NvmeSmartPage = std::array<unsigned char, 512>;

[[nodiscard]] NvmeSmart parse_nvme_smart(const NvmeSmartPage& page);

} // namespace frostline::system
