// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "freeze/session.hpp"
#include "hooks/quiescer.hpp"
#include "rpc/registry.hpp"
#include "system/event_loop.hpp"
#include "system/storage.hpp"
#include "system/workers.hpp"

#include <functional>

/// The commands, one file per family. Each function binds its family's handlers; what is passed by
/// reference must outlive the registry's use.
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

/// guest-fsfreeze-status, -freeze, -freeze-list, -thaw.
void add_fsfreeze(rpc::Registry& registry, freeze::Session& session);

/// guest-get-fsinfo, guest-get-disks, guest-fstrim, guest-get-diskstats.
void add_storage(rpc::Registry& registry, system::EventLoop& loop, system::Workers& workers,
                 system::Storage& storage);

/// frostline-freeze, -thaw, -status, -list-hooks.
void add_frostline(rpc::Registry& registry, freeze::Session& session, hooks::Quiescer& quiescer);

} // namespace frostline::commands
