// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/agent/agent_client.hpp"
#include "host/cli/options.hpp"
#include "host/libvirt/domain.hpp"
#include "host/qmp/qmp_client.hpp"

#include <memory>
#include <string>
#include <vector>

namespace frostline::host {

/// The way to one guest: by its agent's socket, or by libvirt.
class Target {
public:
    explicit Target(std::unique_ptr<AgentTransport> socket) : socket_(std::move(socket)) {}
    explicit Target(std::unique_ptr<Domain> domain) : domain_(std::move(domain)) {}

    [[nodiscard]] AgentTransport& agent() const { return domain_ ? domain_->agent() : *socket_; }
    /// nullptr: not reached by libvirt.
    [[nodiscard]] Domain* domain() const { return domain_.get(); }

private:
    std::unique_ptr<AgentTransport> socket_;
    std::unique_ptr<Domain> domain_;
};

/// `guest` may name its own libvirt, URI#DOMAIN. Errors: those of connect_libvirt(); a socket is
/// connected to by the first call only.
[[nodiscard]] Result<Target> reach(const Options& options, const std::string& guest,
                                   Waiter& waiter);

[[nodiscard]] Limits limits_of(const Options& options);

/// The monitor that --qmp names. Errors: permission when it belongs to libvirt, io and others when
/// it can't be reached.
[[nodiscard]] Result<std::unique_ptr<QmpClient>> reach_monitor(const Options& options,
                                                               Waiter& waiter, TimePoint until);

/// What a failure of reach_monitor() means for the exit status.
[[nodiscard]] ExitStatus status_without_monitor(const Error& error);

/// Where QEMU was started, for disks given by relative paths. Empty: can't be known.
[[nodiscard]] std::string directory_of(const QmpClient& monitor);

/// What stands for the guest in the folder of leases.
[[nodiscard]] std::vector<std::string> lease_keys(const Options& options, const Target& target);

} // namespace frostline::host
