// SPDX-License-Identifier: Apache-2.0
// Which method takes the snapshot of each guest.
#include "host/libvirt/domain_backup.hpp"
#include "host/libvirt/domain_copy.hpp"
#include "host/libvirt/domain_disks.hpp"
#include "host/libvirt/domain_overlay.hpp"
#include "host/qmp/qmp_backup.hpp"
#include "host/qmp/qmp_copy.hpp"
#include "host/snapshot/overlay.hpp"
#include "host/snapshot/qemu_checks.hpp"
#include "host/snapshot_run.hpp"

namespace frostline::host {

namespace {

/// By which the files of its backups are told apart: a domain's name, or the end of a socket's
/// path.
std::string backup_label(const std::string& name)
{
    const std::string end = name.substr(name.find_last_of("/#") + 1);
    return file_label(end.empty() ? "guest" : end);
}

using NamedPaths = std::vector<std::pair<std::string, std::string>>;

NamedPaths paths_of(const std::vector<Disk>& disks)
{
    NamedPaths paths;
    for (const Disk& disk : disks) {
        paths.emplace_back(disk.label, disk.base);
    }
    return paths;
}

} // namespace

void SnapshotRun::choose_method(SnapshotGuest& guest)
{
    if (!options_.backup_directory.empty()) {
        return choose_backup(guest);
    }
    if (!options_.copy_directory.empty()) {
        return choose_copy(guest);
    }
    if (Domain* domain = guest.target->domain(); domain != nullptr) {
        guest.own_method = std::make_unique<DomainOverlaySnapshot>(
            *domain, files_,
            OverlayFiles::Settings{
                name_, label_of(guest), options_.overlay_directory, {}, on_plan(guest)});
    } else {
        guest.own_method = std::make_unique<OverlaySnapshot>(
            *guest.monitor, files_,
            OverlaySnapshot::Settings{name_, options_.overlay_directory,
                                      directory_of(*guest.monitor), new_freeze_id().substr(0, 18),
                                      on_plan(guest)});
    }
    guest.method = guest.own_method.get();
}

void SnapshotRun::choose_backup(SnapshotGuest& guest)
{
    BackupFiles::Settings files{name_, backup_label(guest.name), options_.backup_directory,
                                options_.incremental, on_plan(guest)};
    if (Domain* domain = guest.target->domain(); domain != nullptr) {
        guest.own_method = std::make_unique<DomainBackup>(*domain, files_, std::move(files));
        guest.method = guest.own_method.get();
        return;
    }
    guest.own_method = std::make_unique<QmpBackup>(
        *guest.monitor, files_,
        QmpBackup::Settings{std::move(files), directory_of(*guest.monitor),
                            new_freeze_id().substr(0, 18), limits_of(options_).answer});
    guest.method = guest.own_method.get();
}

void SnapshotRun::choose_copy(SnapshotGuest& guest)
{
    BackupFiles::Settings files{name_, backup_label(guest.name), options_.copy_directory, false,
                                on_plan(guest)};
    if (Domain* domain = guest.target->domain(); domain != nullptr) {
        guest.own_method =
            std::make_unique<DomainCopy>(*domain, files_, waiter_, progress_, std::move(files));
    } else {
        guest.own_method = std::make_unique<QmpCopy>(
            *guest.monitor, files_, waiter_, progress_,
            QmpCopy::Settings{std::move(files), directory_of(*guest.monitor),
                              new_freeze_id().substr(0, 18), limits_of(options_).answer});
    }
    guest.method = guest.own_method.get();
}

CommandGuest SnapshotRun::command_guest(SnapshotGuest& guest)
{
    CommandGuest told{guest.name, guest.freeze_id, {}};
    if (Domain* domain = guest.target->domain(); domain != nullptr) {
        told.disks = [domain](TimePoint) -> Result<NamedPaths> {
            const Result<std::string> description = domain->xml();
            if (!description) {
                return fail(description.error());
            }
            return writable_sources(*description);
        };
    } else if (guest.monitor) {
        told.disks = [&guest](TimePoint until) -> Result<NamedPaths> {
            const Result<std::vector<Disk>> disks =
                ask_for_disks(*guest.monitor, directory_of(*guest.monitor), until);
            if (!disks) {
                return fail(disks.error());
            }
            return paths_of(*disks);
        };
    }
    return told;
}

void SnapshotRun::share_command()
{
    std::vector<CommandGuest> told;
    for (SnapshotGuest& guest : guests_) {
        if (!guest.out) {
            told.push_back(command_guest(guest));
        }
    }
    command_ = std::make_unique<CommandSnapshot>(
        waiter_, std::move(told),
        CommandSnapshot::Settings{name_, options_.command, options_.report_directory});
    for (SnapshotGuest& guest : guests_) {
        guest.method = command_.get();
    }
}

} // namespace frostline::host
