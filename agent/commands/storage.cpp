// SPDX-License-Identifier: Apache-2.0
#include "commands/commands.hpp"
#include "commands/storage_wire.hpp"

#include "common/log.hpp"
#include "rpc/bind.hpp"
#include "system/limited_calls.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>
#include <vector>

namespace frostline::commands {

namespace {

using system::run_on;
using system::Storage;

// For the file systems and disks that hang; the others answer from memory. Hosts that poll give a
// whole command about as long.
constexpr std::chrono::seconds answer_limit{1};

/// The mounted file systems on block devices, the last one mounted first.
Result<std::vector<system::BlockMount>> last_mounted_first(Storage& storage)
{
    Result<std::vector<system::BlockMount>> mounts = storage.mounts();
    if (!mounts && mounts.error().kind() == ErrorKind::not_found) { // in qemu-ga's words
        return fail(ErrorKind::io, "failed to open mtab file: '/proc/self/mounts'");
    }
    if (!mounts) {
        return mounts;
    }
    std::reverse(mounts->begin(), mounts->end());
    return mounts;
}

void tell_of_the_stuck(const Error& error)
{
    if (error.kind() == ErrorKind::timeout) {
        log::warning(error.message(), "left out of the reply");
    }
}

class FilesystemInfo {
public:
    using Responder = rpc::Responder<qapi::GuestGetFsinfo>;

    FilesystemInfo(system::EventLoop& loop, system::Workers& workers, Storage& storage)
        : workers_(workers), storage_(storage), calls_(loop, workers, answer_limit)
    {}

    void answer(const Responder& responder)
    {
        run_on(
            workers_, [&storage = storage_] { return find(storage); },
            [this, responder](Result<Found> found) {
                if (found) {
                    add_space(*std::move(found), responder);
                } else {
                    responder(fail(std::move(found).error()));
                }
            });
    }

private:
    struct Found {
        std::vector<qapi::GuestFilesystemInfo> filesystems;
        std::vector<std::optional<std::string>> reachable_at; ///< of each of them
    };

    static Result<Found> find(Storage& storage)
    {
        Result<std::vector<system::BlockMount>> mounts = last_mounted_first(storage);
        if (!mounts) {
            return fail(std::move(mounts).error());
        }
        Found found;
        for (const system::BlockMount& mount : *mounts) {
            found.filesystems.push_back(to_wire(mount, storage.below(mount)));
            found.reachable_at.push_back(mount.reachable_at);
        }
        return found;
    }

    void add_space(Found found, const Responder& responder)
    {
        using Call = system::LimitedCalls<system::FsSpace>::Call;
        std::vector<Call> calls;
        std::vector<std::size_t> whose;
        for (std::size_t i = 0; i < found.filesystems.size(); ++i) {
            if (const auto& path = found.reachable_at[i]) {
                calls.push_back(
                    {*path, [&storage = storage_, path = *path] { return storage.space(path); }});
                whose.push_back(i);
            }
        }
        calls_.run(std::move(calls),
                   [filesystems = std::move(found.filesystems), whose = std::move(whose),
                    responder](const std::vector<Result<system::FsSpace>>& spaces) mutable {
                       for (std::size_t i = 0; i < spaces.size(); ++i) {
                           set_space(filesystems[whose[i]], spaces[i]);
                       }
                       responder(std::move(filesystems));
                   });
    }

    static void set_space(qapi::GuestFilesystemInfo& filesystem,
                          const Result<system::FsSpace>& space)
    {
        if (!space) {
            return tell_of_the_stuck(space.error());
        }
        filesystem.used_bytes = space->used;
        filesystem.total_bytes = space->total;
        filesystem.total_bytes_privileged = space->total_privileged;
    }

    system::Workers& workers_;
    Storage& storage_;
    system::LimitedCalls<system::FsSpace> calls_;
};

class DiskList {
public:
    using Responder = rpc::Responder<qapi::GuestGetDisks>;

    DiskList(system::EventLoop& loop, system::Workers& workers, Storage& storage)
        : workers_(workers), storage_(storage), calls_(loop, workers, answer_limit)
    {}

    void answer(const Responder& responder)
    {
        run_on(
            workers_, [&storage = storage_] { return storage.devices(); },
            [this, responder](Result<std::vector<system::BlockDevice>> devices) {
                if (devices) {
                    add_health(*devices, responder);
                } else {
                    responder(fail(std::move(devices).error()));
                }
            });
    }

private:
    void add_health(const std::vector<system::BlockDevice>& devices, const Responder& responder)
    {
        using Call = system::LimitedCalls<system::NvmeSmart>::Call;
        std::vector<qapi::GuestDiskInfo> disks;
        std::vector<Call> calls;
        std::vector<std::size_t> whose;
        for (const system::BlockDevice& device : devices) {
            if (device.address && device.address->bus_type == system::DiskBus::nvme) {
                calls.push_back({device.node, [&storage = storage_, node = device.node] {
                                     return storage.smart(node);
                                 }});
                whose.push_back(disks.size());
            }
            disks.push_back(to_wire(device));
        }
        calls_.run(std::move(calls),
                   [disks = std::move(disks), whose = std::move(whose),
                    responder](const std::vector<Result<system::NvmeSmart>>& answers) mutable {
                       for (std::size_t i = 0; i < answers.size(); ++i) {
                           if (answers[i]) {
                               disks[whose[i]].smart = to_wire(*answers[i]);
                           } else {
                               tell_of_the_stuck(answers[i].error());
                           }
                       }
                       responder(std::move(disks));
                   });
    }

    system::Workers& workers_;
    Storage& storage_;
    system::LimitedCalls<system::NvmeSmart> calls_;
};

/// One guest-fstrim: file system after file system, as each of them may take minutes.
class Trim : public std::enable_shared_from_this<Trim> {
public:
    Trim(system::Workers& workers, Storage& storage, std::uint64_t minimum,
         rpc::Responder<qapi::GuestFstrim> responder)
        : workers_(workers), storage_(storage), minimum_(minimum), responder_(std::move(responder))
    {}

    void start()
    {
        responder_.on_cancel([self = weak_from_this()](const std::string& /*reason*/) {
            if (const auto trim = self.lock()) {
                trim->cancelled_ = true;
            }
        });
        run_on(
            workers_, [&storage = storage_] { return last_mounted_first(storage); },
            [self = shared_from_this()](Result<std::vector<system::BlockMount>> mounts) {
                if (!mounts) {
                    return self->responder_(fail(std::move(mounts).error()));
                }
                self->mounts_ = *std::move(mounts);
                self->next();
            });
    }

private:
    void next()
    {
        while (!cancelled_ && response_.paths.size() < mounts_.size()) {
            const system::BlockMount& mount = mounts_[response_.paths.size()];
            if (mount.reachable_at) {
                return trim(*mount.reachable_at);
            }
            add(fail(ErrorKind::not_found, "failed to open: other mounts cover it"));
        }
        responder_(std::move(response_));
    }

    void trim(const std::string& path)
    {
        run_on(
            workers_,
            [&storage = storage_, path, minimum = minimum_] { return storage.trim(path, minimum); },
            [self = shared_from_this()](const Result<system::Trimmed>& trimmed) {
                self->add(trimmed);
                self->next();
            });
    }

    void add(const Result<system::Trimmed>& trimmed)
    {
        qapi::GuestFilesystemTrimResult result;
        result.path = mounts_[response_.paths.size()].mount.mount_point;
        if (trimmed) {
            result.trimmed = static_cast<std::int64_t>(trimmed->bytes);
            result.minimum = static_cast<std::int64_t>(trimmed->minimum);
        } else {
            result.error = trimmed.error().message();
        }
        response_.paths.push_back(std::move(result));
    }

    system::Workers& workers_;
    Storage& storage_;
    std::uint64_t minimum_;
    rpc::Responder<qapi::GuestFstrim> responder_;
    std::vector<system::BlockMount> mounts_;
    qapi::GuestFilesystemTrimResponse response_;
    bool cancelled_ = false;
};

void answer_statistics(system::Workers& workers, Storage& storage,
                       const rpc::Responder<qapi::GuestGetDiskstats>& responder)
{
    run_on(
        workers, [&storage] { return storage.stats(); },
        [responder](Result<std::vector<system::DiskStats>> stats) {
            if (!stats) {
                return responder(fail(std::move(stats).error()));
            }
            std::vector<qapi::GuestDiskStatsInfo> out;
            for (const system::DiskStats& device : *stats) {
                out.push_back(to_wire(device));
            }
            responder(std::move(out));
        });
}

} // namespace

void add_storage(rpc::Registry& registry, system::EventLoop& loop, system::Workers& workers,
                 system::Storage& storage)
{
    rpc::bind_async<qapi::GuestGetFsinfo>(
        registry,
        [info = std::make_shared<FilesystemInfo>(loop, workers, storage)](
            const qapi::GuestGetFsinfo::Arguments&,
            const rpc::Responder<qapi::GuestGetFsinfo>& responder) { info->answer(responder); });
    rpc::bind_async<qapi::GuestGetDisks>(
        registry,
        [list = std::make_shared<DiskList>(loop, workers, storage)](
            const qapi::GuestGetDisks::Arguments&,
            const rpc::Responder<qapi::GuestGetDisks>& responder) { list->answer(responder); });
    rpc::bind_async<qapi::GuestFstrim>(
        registry, [&workers, &storage](const qapi::GuestFstrim::Arguments& arguments,
                                       const rpc::Responder<qapi::GuestFstrim>& responder) {
            const auto minimum = static_cast<std::uint64_t>(arguments.minimum.value_or(0));
            std::make_shared<Trim>(workers, storage, minimum, responder)->start();
        });
    rpc::bind_async<qapi::GuestGetDiskstats>(
        registry, [&workers, &storage](const qapi::GuestGetDiskstats::Arguments&,
                                       const rpc::Responder<qapi::GuestGetDiskstats>& responder) {
            answer_statistics(workers, storage, responder);
        });
}

} // namespace frostline::commands
