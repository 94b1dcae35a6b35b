// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"
#include "system/online_state.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <ratio>
#include <vector>

namespace frostline::system {

struct Cpu {
    std::int64_t number = 0;
    OnlineState state = OnlineState::online;
    bool can_offline = false;
};

using CpuTime = std::chrono::duration<std::uint64_t, std::milli>;

/// What a processor has spent its time on since it was started. What is not there, this kernel does
/// not count (proc(5): iowait since 2.5.41, irq and softirq 2.6.0, steal 2.6.11, guest 2.6.24,
/// guest_nice 2.6.33).
struct CpuTimes {
    std::int64_t number = 0;
    CpuTime user{};
    CpuTime nice{};
    CpuTime system{};
    CpuTime idle{};
    std::optional<CpuTime> iowait;
    std::optional<CpuTime> irq;
    std::optional<CpuTime> softirq;
    std::optional<CpuTime> steal;
    std::optional<CpuTime> guest;
    std::optional<CpuTime> guest_nice;
};

/// Tasks that ran or waited for a disk, on average (proc(5), /proc/loadavg).
struct LoadAverage {
    double one_minute = 0;
    double five_minutes = 0;
    double fifteen_minutes = 0;
};

/// The processors. Error texts are those of the protocol. Any thread; set_state() may take long,
/// and belongs on a worker.
class Cpus {
public:
    virtual ~Cpus() = default;

    /// By number. A processor that is unplugged meanwhile is left out.
    [[nodiscard]] virtual Result<std::vector<Cpu>> list() const = 0;
    /// Does nothing when it is in that state already.
    [[nodiscard]] virtual Result<void> set_state(std::int64_t number, OnlineState wanted) const = 0;
    /// Of those that are online, by number.
    [[nodiscard]] virtual Result<std::vector<CpuTimes>> times() const = 0;
    [[nodiscard]] virtual Result<LoadAverage> load() const = 0;
};

} // namespace frostline::system
