// SPDX-License-Identifier: Apache-2.0
#include "commands/commands.hpp"

#include "rpc/bind.hpp"

#include <utility>

namespace frostline::commands {

void add_protocol(rpc::Registry& registry, std::function<bool(const rpc::Command&)> enabled)
{
    rpc::bind<qapi::GuestSyncDelimited>(
        registry,
        [](const qapi::GuestSyncDelimited::Arguments& arguments) {
            return Result<std::int64_t>{arguments.id};
        },
        rpc::Resync::delimited);
    rpc::bind<qapi::GuestSync>(
        registry,
        [](const qapi::GuestSync::Arguments& arguments) {
            return Result<std::int64_t>{arguments.id};
        },
        rpc::Resync::plain);
    rpc::bind<qapi::GuestPing>(registry, [](const qapi::GuestPing::Arguments&) {
        return Result<qapi::GuestPing::Return>{qapi::GuestPing::Return{}};
    });
    rpc::bind<qapi::GuestInfo>(
        registry, [&registry, enabled = std::move(enabled)](const qapi::GuestInfo::Arguments&) {
            qapi::GuestAgentInfo info;
            info.version = FROSTLINE_VERSION;
            // The last one comes first, as upstream lists them.
            const auto& table = qapi::command_table;
            for (auto known = table.rbegin(); known != table.rend(); ++known) {
                const rpc::Command* command = registry.find(known->name);
                if (command == nullptr) {
                    continue;
                }
                qapi::GuestAgentCommandInfo entry;
                entry.name = command->name;
                entry.enabled = enabled(*command);
                entry.success_response = command->success_response;
                info.supported_commands.push_back(std::move(entry));
            }
            return Result<qapi::GuestAgentInfo>{std::move(info)};
        });
}

} // namespace frostline::commands
