// SPDX-License-Identifier: Apache-2.0
#include "hooks/engine.hpp"

#include "common/log.hpp"
#include "hooks/check_round.hpp"
#include "hooks/hook_directory.hpp"
#include "hooks/planned_hook.hpp"
#include "hooks/run.hpp"

#include <algorithm>
#include <utility>

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

} // namespace

Engine::Engine(Settings settings, system::EventLoop& loop, system::ChildLauncher& launcher)
    : settings_(std::move(settings)), loop_(&loop), launcher_(&launcher),
      rounds_(std::make_shared<std::set<std::shared_ptr<CheckRound>>>())
{}

Engine::~Engine() = default;

Result<std::vector<CatalogEntry>> Engine::read_entries()
{
    Result<Catalog> catalog = read_hook_directories(settings_.directories);
    if (!catalog) {
        return fail(std::move(catalog).error());
    }
    for (const std::string& ignored : catalog->ignored) {
        if (logged_.insert(ignored).second) {
            log::info(ignored);
        }
    }
    std::vector<CatalogEntry> entries = std::move(catalog->entries);
    if (settings_.compatible_script) {
        entries.insert(entries.begin(), compatible_script_entry(*settings_.compatible_script));
    }
    return entries;
}

Result<std::unique_ptr<QuiesceRun>> Engine::prepare(QuiesceRequest request)
{
    const Result<std::vector<CatalogEntry>> entries = read_entries();
    if (!entries) {
        return fail(entries.error());
    }
    std::vector<PlannedHook> planned;
    std::vector<Hook> skipped;
    for (const CatalogEntry& entry : *entries) {
        if (entry.state == State::refused) {
            return fail(ErrorKind::invalid_argument,
                        "hook " + entry.hook.name + " is refused: " + entry.reason +
                            "; mend it, remove it, or mask it by a link to /dev/null");
        }
        if (entry.state != State::active) {
            continue;
        }
        if (!concerned(entry.hook, request)) {
            skipped.push_back(entry.hook);
            continue;
        }
        Result<PlannedHook> hook = plan_hook(entry.hook, settings_.run_directory);
        if (!hook) {
            return fail(std::move(hook).error());
        }
        planned.push_back(std::move(*hook));
    }
    Result<MountList> mounts = MountList::write(settings_.run_directory, request.mount_points);
    if (!mounts) {
        return fail(std::move(mounts).error());
    }
    return std::unique_ptr<QuiesceRun>{std::make_unique<Run>(
        *loop_, *launcher_, std::move(request), std::move(planned), skipped, std::move(*mounts))};
}

Result<std::unique_ptr<QuiesceRun>> Engine::recover(const std::string& freeze_id,
                                                    const std::vector<std::string>& names)
{
    const Result<std::vector<CatalogEntry>> entries = read_entries();
    if (!entries) {
        return fail(entries.error());
    }
    std::vector<PlannedHook> planned;
    for (const CatalogEntry& entry : *entries) {
        const bool owed = std::find(names.begin(), names.end(), entry.hook.name) != names.end();
        // A session, too: it let go when its standard input ended, but nobody saw how.
        if (!owed || entry.state != State::active) {
            continue;
        }
        Result<PlannedHook> hook = plan_hook(entry.hook, settings_.run_directory);
        if (!hook) {
            log::warning("a hook that is owed its thaw cannot run", hook.error().message());
            continue; // the others still get theirs
        }
        planned.push_back(std::move(*hook));
    }
    QuiesceRequest request;
    request.freeze_id = freeze_id;
    Result<MountList> mounts = MountList::write(settings_.run_directory, request.mount_points);
    if (!mounts) {
        return fail(std::move(mounts).error());
    }
    auto run = std::make_unique<Run>(*loop_, *launcher_, std::move(request), std::move(planned),
                                     std::vector<Hook>{}, std::move(*mounts));
    run->owe_all();
    return std::unique_ptr<QuiesceRun>{std::move(run)};
}

void Engine::list(bool check, std::function<void(Result<std::vector<HookListing>>)> done)
{
    const Result<std::vector<CatalogEntry>> entries = read_entries();
    if (!entries) {
        loop_->post([done = std::move(done), error = entries.error()] { done(fail(error)); });
        return;
    }
    std::vector<HookListing> listing;
    std::vector<std::pair<std::size_t, PlannedHook>> to_check;
    for (const CatalogEntry& entry : *entries) {
        listing.push_back(list_entry(entry));
        // qemu-ga's scripts know freeze and thaw only.
        if (entry.state != State::active || !check || entry.hook.stage == compatible_stage) {
            continue;
        }
        Result<PlannedHook> hook = plan_hook(entry.hook, settings_.run_directory);
        if (!hook) {
            listing.back().state = State::refused;
            listing.back().reason = hook.error().message();
            continue;
        }
        to_check.emplace_back(listing.size() - 1, std::move(*hook));
    }
    const auto round = std::make_shared<CheckRound>(*loop_, *launcher_, std::move(listing));
    rounds_->insert(round);
    for (const auto& [index, hook] : to_check) {
        round->start(index, hook);
    }
    const std::weak_ptr rounds{rounds_};
    round->finish([done = std::move(done), rounds,
                   weak = std::weak_ptr{round}](std::vector<HookListing> finished) {
        const auto open = rounds.lock();
        if (!open) {
            return; // the engine has gone, and with it whoever asked
        }
        open->erase(weak.lock());
        done(std::move(finished));
    });
}

} // namespace frostline::hooks
