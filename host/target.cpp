// SPDX-License-Identifier: Apache-2.0
#include "host/target.hpp"

#include "host/agent/socket_transport.hpp"
#include "host/snapshot/qemu_checks.hpp"

#include <filesystem>

namespace frostline::host {

Result<Target> reach(const Options& options, const std::string& guest, Waiter& waiter)
{
    if (options.socket) {
        return Target{std::make_unique<SocketTransport>(*options.socket, waiter)};
    }
    // URI#DOMAIN: a group may lie on several hosts. No domain's name has a "#" behind a "://".
    const std::size_t scheme = guest.find("://");
    const std::size_t hash = scheme == std::string::npos ? scheme : guest.rfind('#');
    const bool own_uri = hash != std::string::npos && hash > scheme;
    Result<std::unique_ptr<Domain>> domain =
        connect_libvirt(own_uri ? guest.substr(0, hash) : options.connect.value_or(std::string{}),
                        own_uri ? guest.substr(hash + 1) : guest, waiter);
    if (!domain) {
        return fail(std::move(domain).error());
    }
    return Target{std::move(*domain)};
}

Result<std::unique_ptr<QmpClient>> reach_monitor(const Options& options, Waiter& waiter,
                                                 TimePoint until)
{
    // libvirt keeps a connection to each monitor of its own, so another one only waits there.
    if (options.qmp->find("/libvirt/qemu/") != std::string::npos) {
        return fail(ErrorKind::permission, "--qmp: " + *options.qmp +
                                               " is libvirt's; switching a domain's disks behind "
                                               "libvirt's back would break the domain");
    }
    Result<std::unique_ptr<QmpClient>> monitor = QmpClient::connect(*options.qmp, waiter, until);
    if (!monitor) {
        return fail(std::move(monitor).error());
    }
    if (Result<void> ours = check_owner(**monitor, until); !ours) {
        return fail(std::move(ours).error());
    }
    return monitor;
}

ExitStatus status_without_monitor(const Error& error)
{
    return error.kind() == ErrorKind::permission ? ExitStatus::usage : ExitStatus::unreachable;
}

std::string directory_of(const QmpClient& monitor)
{
    const pid_t process = monitor.process();
    std::error_code error;
    const std::filesystem::path path =
        std::filesystem::read_symlink("/proc/" + std::to_string(process) + "/cwd", error);
    return error || process == 0 ? std::string{} : path.string();
}

std::vector<std::string> lease_keys(const Options& options, const Target& target)
{
    if (target.domain() != nullptr) {
        return {"libvirt-" + target.domain()->uuid()};
    }
    std::vector<std::string> keys{*options.socket};
    if (options.qmp) {
        keys.push_back(*options.qmp);
    }
    return keys;
}

Limits limits_of(const Options& options)
{
    return options.timeout ? Limits::all(*options.timeout) : Limits{};
}

} // namespace frostline::host
