// SPDX-License-Identifier: Apache-2.0
#include "system/nvme_smart.hpp"

namespace frostline::system {

namespace {

std::uint64_t little_endian(const NvmeSmartPage& page, std::size_t offset, std::size_t size)
{
    std::uint64_t value = 0;
    for (std::size_t i = size; i-- > 0;) {
        value = value << 8U | page[offset + i];
    }
    return value;
}

WideCounter wide(const NvmeSmartPage& page, std::size_t offset)
{
    return {little_endian(page, offset, 8), little_endian(page, offset + 8, 8)};
}

} // namespace

NvmeSmart parse_nvme_smart(const NvmeSmartPage& page)
{
    NvmeSmart smart;
    smart.critical_warning = page[0];
    smart.temperature = static_cast<std::int64_t>(little_endian(page, 1, 2));
    smart.available_spare = page[3];
    smart.available_spare_threshold = page[4];
    smart.percentage_used = page[5];
    smart.data_units_read = wide(page, 32);
    smart.data_units_written = wide(page, 48);
    smart.host_read_commands = wide(page, 64);
    smart.host_write_commands = wide(page, 80);
    smart.controller_busy_time = wide(page, 96);
    smart.power_cycles = wide(page, 112);
    smart.power_on_hours = wide(page, 128);
    smart.unsafe_shutdowns = wide(page, 144);
    smart.media_errors = wide(page, 160);
    smart.error_log_entries = wide(page, 176);
    return smart;
}

} // namespace frostline::system
