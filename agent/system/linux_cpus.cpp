// SPDX-License-Identifier: Apache-2.0
#include "system/linux_cpus.hpp"

#include "system/cpu_times.hpp"

#include <cerrno>

#include <unistd.h>

namespace frostline::system {

namespace {

constexpr const char* all_cpus = "/sys/devices/system/cpu";

std::string folder_of(std::int64_t number)
{
    return std::string{all_cpus} + "/cpu" + std::to_string(number) + "/";
}

/// With the two slashes that qemu-ga's texts have there.
std::string switch_of(std::int64_t number)
{
    return folder_of(number) + "/online";
}

} // namespace

Result<Cpu> LinuxCpus::look(std::int64_t number) const
{
    if (Result<void> there = files_.open_folder(folder_of(number)); !there) {
        return fail(std::move(there).error());
    }
    Result<std::string> text = files_.read(switch_of(number));
    if (text) {
        const bool off = !text->empty() && text->front() == '0';
        return Cpu{number, off ? OnlineState::offline : OnlineState::online, true};
    }
    if (text.error().os_error() == ENOENT) {
        return Cpu{number, OnlineState::online, false}; // it cannot be switched
    }
    return fail(std::move(text).error());
}

Result<std::vector<Cpu>> LinuxCpus::list() const
{
    const Result<std::vector<std::string>> names = files_.names(all_cpus);
    if (!names) {
        return fail_errno(std::string{"failed to list entries: "} + all_cpus,
                          names.error().os_error());
    }
    std::vector<Cpu> cpus;
    for (const std::uint64_t number : numbers_after("cpu", *names)) {
        Result<Cpu> cpu = look(static_cast<std::int64_t>(number));
        if (cpu) {
            cpus.push_back(*cpu);
        } else if (!has_vanished(cpu.error())) {
            return fail(std::move(cpu).error());
        }
    }
    return cpus;
}

Result<void> LinuxCpus::set_state(std::int64_t number, OnlineState wanted) const
{
    const Result<Cpu> cpu = look(number);
    if (!cpu) {
        return fail(cpu.error());
    }
    if (cpu->state == wanted) {
        return {};
    }
    if (!cpu->can_offline) {
        return fail(ErrorKind::unsupported,
                    "logical processor #" + std::to_string(number) + " can't be offlined");
    }
    return files_.write(switch_of(number), wanted == OnlineState::online ? "1" : "0");
}

Result<std::vector<CpuTimes>> LinuxCpus::times() const
{
    const Result<std::string> text = files_.read("/proc/stat");
    if (!text) {
        return fail(text.error());
    }
    const long ticks = ::sysconf(_SC_CLK_TCK);
    return parse_cpu_times(*text, ticks > 0 ? static_cast<std::uint64_t>(ticks) : 100);
}

Result<LoadAverage> LinuxCpus::load() const
{
    const Result<std::string> text = files_.read("/proc/loadavg");
    if (!text) {
        return fail_errno("cannot query load average", text.error().os_error());
    }
    const std::optional<LoadAverage> load = parse_load(*text);
    if (!load) {
        return fail(ErrorKind::io, "cannot query load average: /proc/loadavg holds something else");
    }
    return *load;
}

} // namespace frostline::system
