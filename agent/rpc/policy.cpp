// SPDX-License-Identifier: Apache-2.0
#include "rpc/policy.hpp"

#include "common/text.hpp"

namespace frostline::rpc {

namespace {

/// qemu-ga takes "a;b" for one name and so blocks nothing, while its own documentation shows that
/// form. Whoever wrote it meant two names.
std::vector<std::string> names(const std::vector<std::string>& entries)
{
    return text::split(text::join(entries, ";"), ';');
}

} // namespace

Policy::Policy(const PolicyRules& rules)
{
    const std::vector<std::string> only = names(rules.only);
    if (!only.empty()) {
        allowed_.emplace(only.begin(), only.end());
    } else if (rules.profile) {
        allowed_.emplace(rules.profile->begin(), rules.profile->end());
    }
    if (allowed_) {
        const std::vector<std::string> more = names(rules.allow);
        allowed_->insert(more.begin(), more.end());
    }
    const std::vector<std::string> block = names(rules.block);
    blocked_.insert(block.begin(), block.end());
}

bool Policy::allows(const Command& command, bool frozen) const
{
    if (frozen && (!command.allowed_while_frozen || command.never_blocked_while_frozen)) {
        return command.allowed_while_frozen;
    }
    if (blocked_.find(command.name) != blocked_.end()) {
        return false;
    }
    return !allowed_ || allowed_->find(command.name) != allowed_->end();
}

std::vector<std::string> Policy::unknown_names(const Registry& registry) const
{
    std::vector<std::string> unknown;
    const auto check = [&](const auto& set) {
        for (const std::string& name : set) {
            if (registry.find(name) == nullptr) {
                unknown.push_back(name);
            }
        }
    };
    check(blocked_);
    if (allowed_) {
        check(*allowed_);
    }
    return unknown;
}

} // namespace frostline::rpc
