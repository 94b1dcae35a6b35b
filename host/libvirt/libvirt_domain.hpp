// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/libvirt/domain.hpp"

#include <memory>

#include <libvirt/libvirt.h>

namespace frostline::host {

/// libvirt's objects, freed with their holder.
struct FreeLibvirtObject {
    void operator()(virConnectPtr connection) const noexcept { ::virConnectClose(connection); }
    void operator()(virDomainPtr domain) const noexcept { ::virDomainFree(domain); }
    void operator()(virDomainSnapshotPtr snapshot) const noexcept
    {
        ::virDomainSnapshotFree(snapshot);
    }
    void operator()(virDomainCheckpointPtr checkpoint) const noexcept
    {
        ::virDomainCheckpointFree(checkpoint);
    }
    void operator()(char* text) const noexcept;
};
using ConnectionHandle = std::unique_ptr<virConnect, FreeLibvirtObject>;
using DomainHandle = std::unique_ptr<virDomain, FreeLibvirtObject>;
using SnapshotHandle = std::unique_ptr<virDomainSnapshot, FreeLibvirtObject>;
using CheckpointHandle = std::unique_ptr<virDomainCheckpoint, FreeLibvirtObject>;
using LibvirtText = std::unique_ptr<char, FreeLibvirtObject>;

struct LibvirtError {
    int code = 0;
    std::string text = "no reason given";
};
/// Of the last call of this thread.
[[nodiscard]] LibvirtError last_libvirt_error();
/// With what that call was for.
[[nodiscard]] Failure libvirt_failure(const std::string& what);

class LibvirtDomain final : public Domain, private AgentTransport {
public:
    LibvirtDomain(ConnectionHandle connection, DomainHandle domain, Waiter& waiter)
        : connection_(std::move(connection)), domain_(std::move(domain)), waiter_(waiter)
    {}

    [[nodiscard]] AgentTransport& agent() override { return *this; }
    [[nodiscard]] std::string uuid() override;
    [[nodiscard]] bool local() override;
    [[nodiscard]] Result<std::string> xml() override;
    [[nodiscard]] Result<std::uint64_t> disk_size(const std::string& target) override;
    [[nodiscard]] Result<void> check_idle(const std::vector<std::string>& targets) override;
    [[nodiscard]] Result<void> switch_disks(const std::string& snapshot_xml) override;
    [[nodiscard]] Result<void> start_commit(const std::string& target,
                                            const std::string& base) override;
    [[nodiscard]] Result<void> start_copy(const std::string& target,
                                          const std::string& image_xml) override;
    [[nodiscard]] Result<BlockJob> block_job(const std::string& target) override;
    [[nodiscard]] Result<void> end_block_job(const std::string& target, bool pivot) override;
    [[nodiscard]] Result<void> begin_backup(const std::string& backup_xml,
                                            const std::string& checkpoint_xml) override;
    [[nodiscard]] Result<BackupJob> backup_job() override;
    [[nodiscard]] Result<void> cancel_backup() override;
    [[nodiscard]] Result<bool> has_checkpoint(const std::string& name) override;
    [[nodiscard]] Result<void> forget_checkpoint(const std::string& name) override;

private:
    [[nodiscard]] Result<Reply> call(std::string_view command, json::Object arguments,
                                     TimePoint until) override;

    ConnectionHandle connection_;
    DomainHandle domain_;
    Waiter& waiter_;
};

} // namespace frostline::host
