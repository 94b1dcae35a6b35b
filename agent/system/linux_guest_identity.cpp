// SPDX-License-Identifier: Apache-2.0
#include "system/linux_guest_identity.hpp"

#include "common/read_all.hpp"
#include "system/os_release.hpp"

#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <utility>

#include <fcntl.h>
#include <sys/utsname.h>
#include <unistd.h>

namespace frostline::system {

std::vector<std::string> os_release_files()
{
    // NOLINTNEXTLINE(concurrency-mt-unsafe): start-up, nothing changes the environment
    if (const char* only = std::getenv("QGA_OS_RELEASE"); only != nullptr) {
        return {only};
    }
    return {"/etc/os-release", "/usr/lib/os-release"};
}

LinuxGuestIdentity::LinuxGuestIdentity(std::function<bool()> frozen, std::vector<std::string> files)
    : frozen_(std::move(frozen)), files_(std::move(files))
{
    look(); // the first question may come while something is frozen
}

void LinuxGuestIdentity::look() const
{
    for (const std::string& file : files_) {
        // Non-blocking, should it be a FIFO: nothing would ever come out of that.
        const UniqueFd fd{::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
        if (!fd) {
            continue;
        }
        if (const Result<std::string> text = read_all(fd, file)) {
            known_ = parse_assignments(*text);
            return;
        }
    }
    known_.clear();
}

Result<std::string> LinuxGuestIdentity::host_name() const
{
    std::array<char, HOST_NAME_MAX + 1> name{};
    if (::gethostname(name.data(), name.size() - 1) < 0) {
        return fail_errno("cannot get hostname", errno);
    }
    return std::string{name.data()};
}

Result<KernelName> LinuxGuestIdentity::kernel() const
{
    utsname name{};
    if (::uname(&name) < 0) {
        return fail_errno("cannot ask the kernel for its name", errno);
    }
    return KernelName{name.release, name.version, name.machine};
}

std::map<std::string, std::string, std::less<>> LinuxGuestIdentity::os_release() const
{
    if (!frozen_()) {
        look();
    }
    return known_;
}

} // namespace frostline::system
