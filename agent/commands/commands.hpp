// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "freeze/session.hpp"
#include "hooks/quiescer.hpp"
#include "rpc/registry.hpp"
#include "system/accounts.hpp"
#include "system/clock_setter.hpp"
#include "system/cpus.hpp"
#include "system/event_loop.hpp"
#include "system/guest_files.hpp"
#include "system/guest_identity.hpp"
#include "system/guest_programs.hpp"
#include "system/logins.hpp"
#include "system/memory_blocks.hpp"
#include "system/network.hpp"
#include "system/power.hpp"
#include "system/storage.hpp"
#include "system/wall_clock.hpp"
#include "system/workers.hpp"

#include <cstddef>
#include <functional>
#include <memory>

/// The commands, one file per family. Each function binds its family's handlers; what is passed by
/// reference must outlive the registry's use; what is shared may be in use by a worker that
/// outlives even the agent's end.
namespace frostline::commands {

/// Whether a freeze that is asked for in this state may become the asker's own. Only then does the
/// asker's giving up call it off: not when it is told that another one's is under way, and not when
/// it asks about one by its id.
[[nodiscard]] constexpr bool may_begin(freeze::State state)
{
    return state == freeze::State::idle || state == freeze::State::thawing ||
           state == freeze::State::releasing;
}

/// guest-sync-delimited, guest-sync, guest-ping, guest-info. `enabled` tells whether a command
/// would run now.
void add_protocol(rpc::Registry& registry, std::function<bool(const rpc::Command&)> enabled);

/// guest-get-time, -timezone.
void add_time(rpc::Registry& registry, std::shared_ptr<const system::WallClock> clock);

/// guest-get-vcpus, -set-vcpus, -get-cpustats, -get-load, -get-memory-blocks, -set-memory-blocks,
/// -get-memory-block-info.
void add_cpu_memory(rpc::Registry& registry, const std::shared_ptr<const system::Cpus>& cpus,
                    const std::shared_ptr<const system::MemoryBlocks>& blocks,
                    system::Workers& workers);

/// guest-get-host-name, -osinfo, -users.
void add_identity(rpc::Registry& registry, std::shared_ptr<const system::GuestIdentity> identity,
                  std::shared_ptr<const system::Logins> logins);

/// guest-network-get-interfaces, -get-route.
void add_network(rpc::Registry& registry, std::shared_ptr<const system::Network> network,
                 system::Workers& workers);

/// guest-file-open, -close, -read, -write, -seek, -flush. A read gives at most `most_read` bytes:
/// what a reply has room for.
void add_file(rpc::Registry& registry, system::GuestFiles& files, std::size_t most_read);

/// guest-exec, guest-exec-status.
void add_exec(rpc::Registry& registry, system::GuestPrograms& programs);

/// The bytes that fit in base64 into a reply of at most `max_reply` bytes, with the rest of it and
/// an id of up to 4 KiB.
[[nodiscard]] constexpr std::size_t room_for_bytes(std::size_t max_reply)
{
    constexpr std::size_t all_else = 4608;
    return (max_reply - all_else) / 4 * 3;
}

/// guest-fsfreeze-status, -freeze, -freeze-list, -thaw.
void add_fsfreeze(rpc::Registry& registry, freeze::Session& session);

/// guest-get-fsinfo, guest-get-disks, guest-fstrim, guest-get-diskstats.
void add_storage(rpc::Registry& registry, system::EventLoop& loop, system::Workers& workers,
                 system::Storage& storage);

/// frostline-freeze, -thaw, -status, -list-hooks.
void add_frostline(rpc::Registry& registry, freeze::Session& session, hooks::Quiescer& quiescer);

/// guest-shutdown, guest-suspend-disk, -ram, -hybrid.
void add_power(rpc::Registry& registry, freeze::Session& session, system::Power& power);

/// guest-set-time.
void add_set_time(rpc::Registry& registry, system::ClockSetter& clock);

/// guest-set-user-password, guest-ssh-get-authorized-keys, -add-, -remove-.
void add_accounts(rpc::Registry& registry, system::Accounts& accounts);

} // namespace frostline::commands
