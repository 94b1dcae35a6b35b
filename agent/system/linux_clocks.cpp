// SPDX-License-Identifier: Apache-2.0
#include "system/linux_clocks.hpp"

#include "common/read_all.hpp"
#include "common/text.hpp"
#include "common/unique_fd.hpp"

#include <fcntl.h>
#include <linux/rtc.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <ctime>

namespace frostline::system {

namespace {

// Where hwclock(8) looks, and in its order.
constexpr std::array devices{"/dev/rtc0", "/dev/rtc", "/dev/misc/rtc"};

Result<UniqueFd> open_device()
{
    int code = ENOENT;
    for (const char* path : devices) {
        UniqueFd device{::open(path, O_RDONLY | O_CLOEXEC)};
        if (device) {
            return device;
        }
        if (errno != ENOENT) {
            code = errno;
        }
    }
    return fail_errno("cannot open the hardware clock", code);
}

bool local_time_is_kept()
{
    const std::string path = "/etc/adjtime";
    const UniqueFd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    const Result<std::string> text =
        file ? read_all(file, path) : Result<std::string>{std::string{}};
    return text && keeps_local_time(*text);
}

} // namespace

bool keeps_local_time(std::string_view adjtime)
{
    for (int line = 0; line < 2; ++line) {
        const std::size_t end = adjtime.find('\n');
        if (end == std::string_view::npos) {
            return false;
        }
        adjtime.remove_prefix(end + 1);
    }
    return text::trim(adjtime.substr(0, adjtime.find('\n'))) == "LOCAL";
}

Result<void> LinuxClocks::set_system(std::chrono::microseconds since_epoch)
{
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(since_epoch);
    timeval time{};
    time.tv_sec = seconds.count();
    time.tv_usec = (since_epoch - seconds).count();
    if (::settimeofday(&time, nullptr) != 0) {
        const int code = errno;
        return fail(fail_errno("", code).error.kind(), errno_text(code), code);
    }
    return {};
}

bool LinuxClocks::has_hardware()
{
    for (const char* path : devices) {
        if (::access(path, F_OK) == 0) {
            return true;
        }
    }
    return false;
}

Result<void> LinuxClocks::system_to_hardware()
{
    const Result<UniqueFd> device = open_device();
    if (!device) {
        return fail(device.error());
    }
    const auto now = std::chrono::system_clock::now();
    // To the nearest second: setting it starts a new one.
    const std::time_t seconds =
        std::chrono::system_clock::to_time_t(now + std::chrono::milliseconds{500});
    std::tm parts{};
    if ((local_time_is_kept() ? ::localtime_r(&seconds, &parts) : ::gmtime_r(&seconds, &parts)) ==
        nullptr) {
        return fail_errno("cannot set the hardware clock", errno);
    }
    rtc_time time{};
    time.tm_sec = parts.tm_sec;
    time.tm_min = parts.tm_min;
    time.tm_hour = parts.tm_hour;
    time.tm_mday = parts.tm_mday;
    time.tm_mon = parts.tm_mon;
    time.tm_year = parts.tm_year;
    time.tm_isdst = -1;
    if (::ioctl(device->get(), RTC_SET_TIME, &time) != 0) {
        return fail_errno("cannot set the hardware clock", errno);
    }
    return {};
}

Result<void> LinuxClocks::hardware_to_system()
{
    const Result<UniqueFd> device = open_device();
    if (!device) {
        return fail(device.error());
    }
    rtc_time time{};
    if (::ioctl(device->get(), RTC_RD_TIME, &time) != 0) {
        return fail_errno("cannot read the hardware clock", errno);
    }
    std::tm parts{};
    parts.tm_sec = time.tm_sec;
    parts.tm_min = time.tm_min;
    parts.tm_hour = time.tm_hour;
    parts.tm_mday = time.tm_mday;
    parts.tm_mon = time.tm_mon;
    parts.tm_year = time.tm_year;
    parts.tm_isdst = -1;
    const std::time_t seconds = local_time_is_kept() ? ::mktime(&parts) : ::timegm(&parts);
    Result<void> set = set_system(std::chrono::seconds{seconds});
    if (!set) {
        return fail(std::move(set).error().with_context("cannot set the system's clock"));
    }
    return set;
}

} // namespace frostline::system
