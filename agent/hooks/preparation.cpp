// SPDX-License-Identifier: Apache-2.0
#include "hooks/preparation.hpp"

#include "hooks/hook_directory.hpp"
#include "system/run_tag.hpp"

#include <algorithm>

namespace frostline::hooks {

namespace {

using State = HookListing::State;

HookListing list_entry(const CatalogEntry& entry)
{
    HookListing listing;
    listing.name = entry.hook.name;
    listing.stage = entry.hook.stage;
    listing.session = entry.hook.session;
    listing.path = entry.hook.path;
    listing.description = entry.hook.description;
    listing.state = entry.state;
    listing.reason = entry.reason;
    listing.freeze_timeout = entry.hook.freeze_timeout;
    listing.thaw_timeout = entry.hook.thaw_timeout;
    listing.optional = entry.hook.optional;
    return listing;
}

Result<Catalog> read_catalog(const Settings& settings)
{
    Result<Catalog> catalog = read_hook_directories(settings.directories);
    if (catalog && settings.compatible_script) {
        catalog->entries.insert(catalog->entries.begin(),
                                compatible_script_entry(*settings.compatible_script));
    }
    if (catalog && settings.only) {
        std::erase_if(catalog->entries, [&settings](const CatalogEntry& entry) {
            return entry.hook.name != *settings.only;
        });
    }
    return catalog;
}

} // namespace

Result<Preparation> prepare_hooks(const Settings& settings, const QuiesceRequest& request)
{
    Result<Catalog> catalog = read_catalog(settings);
    if (!catalog) {
        return fail(std::move(catalog).error());
    }
    Preparation made;
    made.notes = std::move(catalog->ignored);
    for (const CatalogEntry& entry : catalog->entries) {
        if (entry.state == State::refused) {
            return fail(ErrorKind::invalid_argument,
                        "hook " + entry.hook.name + " is refused: " + entry.reason +
                            "; mend it, remove it, or mask it by a link to /dev/null");
        }
        if (entry.state != State::active) {
            continue;
        }
        if (!concerned(entry.hook, request)) {
            made.skipped.push_back(entry.hook);
            continue;
        }
        Result<PlannedHook> hook = plan_hook(entry.hook, settings.run_directory);
        if (!hook) {
            return fail(std::move(hook).error());
        }
        made.planned.push_back(std::move(*hook));
    }
    Result<MountList> mounts = MountList::write(settings.run_directory, request.mount_points);
    if (!mounts) {
        return fail(std::move(mounts).error());
    }
    made.mounts = std::move(*mounts);
    return made;
}

Result<Preparation> recover_hooks(const Settings& settings, const std::vector<OwedHook>& owed)
{
    // A freeze call that went on would freeze its application after the thaw call has let it go.
    for (const OwedHook& hook : owed) {
        if (hook.running != 0) {
            system::kill_tagged(hook.running);
        }
    }
    Result<Catalog> catalog = read_catalog(settings);
    if (!catalog) {
        return fail(std::move(catalog).error());
    }
    Preparation made;
    made.notes = std::move(catalog->ignored);
    for (const CatalogEntry& entry : catalog->entries) { // in order of the stages
        const bool asked = std::any_of(owed.begin(), owed.end(), [&entry](const OwedHook& hook) {
            return hook.name == entry.hook.name;
        });
        // A session, too: it let go when its standard input ended, but nobody saw how.
        if (!asked || entry.state != State::active) {
            continue;
        }
        Result<PlannedHook> hook = plan_hook(entry.hook, settings.run_directory);
        if (!hook) {
            made.warnings.push_back(hook.error().message());
            continue; // the others still get theirs
        }
        made.planned.push_back(std::move(*hook));
    }
    for (const OwedHook& hook : owed) {
        if (std::none_of(
                made.planned.begin(), made.planned.end(),
                [&hook](const PlannedHook& found) { return found.hook.name == hook.name; })) {
            made.warnings.push_back("the hook " + hook.name +
                                    " was asked to freeze, but cannot be called any more: if its "
                                    "application still holds something, let it go by hand");
        }
    }
    Result<MountList> mounts = MountList::write(settings.run_directory, {});
    if (!mounts) {
        return fail(std::move(mounts).error());
    }
    made.mounts = std::move(*mounts);
    return made;
}

Result<Inventory> take_inventory(const Settings& settings, bool check)
{
    Result<Catalog> catalog = read_catalog(settings);
    if (!catalog) {
        return fail(std::move(catalog).error());
    }
    Inventory made;
    made.notes = std::move(catalog->ignored);
    for (const CatalogEntry& entry : catalog->entries) {
        made.listing.push_back(list_entry(entry));
        // qemu-ga's scripts know freeze and thaw only.
        if (entry.state != State::active || !check || entry.hook.stage == compatible_stage) {
            continue;
        }
        Result<PlannedHook> hook = plan_hook(entry.hook, settings.run_directory);
        if (!hook) {
            made.listing.back().state = State::refused;
            made.listing.back().reason = hook.error().message();
            continue;
        }
        made.to_check.emplace_back(made.listing.size() - 1, std::move(*hook));
    }
    return made;
}

} // namespace frostline::hooks
