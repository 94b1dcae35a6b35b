// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/agent/transport.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace frostline::host {

/// A domain that libvirt knows. Its calls block until libvirt answers; a signal is seen after them.
class Domain {
public:
    virtual ~Domain() = default;

    /// The agent in the guest, through libvirt's own connection to it.
    [[nodiscard]] virtual AgentTransport& agent() = 0;
    [[nodiscard]] virtual std::string uuid() = 0;
    /// Whether its images are files of this machine.
    [[nodiscard]] virtual bool local() = 0;
    /// How it is now, as libvirt's XML.
    [[nodiscard]] virtual Result<std::string> xml() = 0;
    /// What the guest sees, in bytes.
    [[nodiscard]] virtual Result<std::uint64_t> disk_size(const std::string& target) = 0;
    /// Errors: busy, when a job of the domain or of one of these disks is under way.
    [[nodiscard]] virtual Result<void> check_idle(const std::vector<std::string>& targets) = 0;
    /// An external snapshot of the disks alone, to files that are there already, all in one
    /// transaction, without metadata in libvirt. After an error nobody knows: ask xml().
    [[nodiscard]] virtual Result<void> switch_disks(const std::string& snapshot_xml) = 0;

    /// A job that writes what is in the disk's overlay into the image below it, and keeps both
    /// alike until it is ended.
    [[nodiscard]] virtual Result<void> start_commit(const std::string& target,
                                                    const std::string& base) = 0;
    /// A job that copies the disk to an image that is there already, and then keeps both alike
    /// until it is ended.
    [[nodiscard]] virtual Result<void> start_copy(const std::string& target,
                                                  const std::string& image_xml) = 0;
    struct BlockJob {
        std::uint64_t done = 0;
        std::uint64_t total = 0;
        bool there = false;
        bool ready = false;
    };
    [[nodiscard]] virtual Result<BlockJob> block_job(const std::string& target) = 0;
    /// `pivot`: the disk uses the image below from now on; else it stays with its overlay.
    [[nodiscard]] virtual Result<void> end_block_job(const std::string& target, bool pivot) = 0;

    /// Starts a push backup to images that are there already; returns when the moment is fixed.
    /// `checkpoint_xml` empty: nothing remembers it. After an error nobody knows: ask backup_job().
    [[nodiscard]] virtual Result<void> begin_backup(const std::string& backup_xml,
                                                    const std::string& checkpoint_xml) = 0;
    struct BackupJob {
        std::uint64_t done = 0;
        std::uint64_t total = 0;
        bool running = false;
        std::string error; ///< of one that has ended; empty: it went well
    };
    [[nodiscard]] virtual Result<BackupJob> backup_job() = 0;
    [[nodiscard]] virtual Result<void> cancel_backup() = 0;
    [[nodiscard]] virtual Result<bool> has_checkpoint(const std::string& name) = 0;
    /// One that isn't there is no error.
    [[nodiscard]] virtual Result<void> forget_checkpoint(const std::string& name) = 0;
};

/// `uri` empty: libvirt's default. `name` is a name, a UUID or an id. Errors: unsupported when this
/// frostline was built without libvirt, not_found for an unknown domain, io with libvirt's text.
[[nodiscard]] Result<std::unique_ptr<Domain>>
connect_libvirt(const std::string& uri, const std::string& name, Waiter& waiter);

} // namespace frostline::host
