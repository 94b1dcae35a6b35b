// SPDX-License-Identifier: Apache-2.0
#include "profiles.hpp"

namespace frostline {

namespace {

std::optional<std::vector<std::string>> commands_of(config::Profile profile)
{
    switch (profile) {
    case config::Profile::full:
        break;
    case config::Profile::snapshot:
        return std::vector<std::string>{
            "guest-sync-delimited",
            "guest-sync",
            "guest-ping",
            "guest-info",
            "guest-fsfreeze-status",
            "guest-fsfreeze-freeze",
            "guest-fsfreeze-freeze-list",
            "guest-fsfreeze-thaw",
            "frostline-freeze",
            "frostline-thaw",
            "frostline-status",
            "frostline-list-hooks",
        };
    case config::Profile::inspect: // changes nothing in the guest
        return std::vector<std::string>{
            "guest-sync-delimited",
            "guest-sync",
            "guest-ping",
            "guest-info",
            "guest-get-disks",
            "guest-get-fsinfo",
            "guest-get-diskstats",
            "guest-get-time",
            "guest-get-timezone",
            "guest-get-vcpus",
            "guest-get-cpustats",
            "guest-get-load",
            "guest-get-memory-blocks",
            "guest-get-memory-block-info",
            "guest-get-host-name",
            "guest-get-osinfo",
            "guest-get-users",
            "guest-network-get-interfaces",
            "guest-network-get-route",
            "guest-fsfreeze-status",
            "frostline-status",
            "frostline-list-hooks",
        };
    case config::Profile::none:
        return std::vector<std::string>{};
    }
    return std::nullopt;
}

} // namespace

rpc::PolicyRules policy_rules(const config::PolicySettings& settings)
{
    rpc::PolicyRules rules;
    rules.profile = commands_of(settings.profile);
    rules.allow = settings.allow;
    rules.only = settings.only;
    rules.block = settings.block;
    rules.block.insert(rules.block.end(), settings.block_rpcs.begin(), settings.block_rpcs.end());
    return rules;
}

} // namespace frostline
