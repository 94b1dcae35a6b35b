// SPDX-License-Identifier: Apache-2.0
#include "hooks/engine.hpp"

#include "common/log.hpp"
#include "hooks/check_round.hpp"
#include "hooks/preparation.hpp"
#include "hooks/run.hpp"

#include <utility>

namespace frostline::hooks {

Engine::Engine(Settings settings, system::EventLoop& loop, system::ChildLauncher& launcher,
               system::Workers& workers)
    : settings_(std::move(settings)), loop_(&loop), launcher_(&launcher), workers_(&workers),
      rounds_(std::make_shared<std::set<std::shared_ptr<CheckRound>>>())
{}

Engine::~Engine() = default;

void Engine::note(const std::vector<std::string>& notes)
{
    for (const std::string& text : notes) {
        if (logged_.insert(text).second) {
            log::info(text);
        }
    }
}

std::unique_ptr<QuiesceRun> Engine::make_run(QuiesceRequest request, Preparation made,
                                             bool owes_all)
{
    note(made.notes);
    for (const std::string& warning : made.warnings) {
        log::warning(warning);
    }
    auto run = std::make_unique<Run>(*loop_, *launcher_, std::move(request),
                                     std::move(made.planned), made.skipped, std::move(made.mounts));
    if (owes_all) {
        run->owe_all();
    }
    return run;
}

void Engine::prepare(QuiesceRequest request, Prepared done)
{
    system::run_on(
        *workers_, [settings = settings_, request] { return prepare_hooks(settings, request); },
        [this, request, done = std::move(done),
         alive = std::weak_ptr{rounds_}](Result<Preparation> made) {
            if (alive.expired()) {
                return; // the engine has gone, and with it whoever asked
            }
            if (!made) {
                return done(fail(std::move(made).error()));
            }
            done(make_run(request, std::move(*made), false));
        });
}

void Engine::recover(std::string freeze_id, std::vector<OwedHook> owed, Prepared done)
{
    QuiesceRequest request;
    request.freeze_id = std::move(freeze_id);
    system::run_on(
        *workers_,
        [settings = settings_, owed = std::move(owed)] { return recover_hooks(settings, owed); },
        [this, request = std::move(request), done = std::move(done),
         alive = std::weak_ptr{rounds_}](Result<Preparation> made) {
            if (alive.expired()) {
                return;
            }
            if (!made) {
                return done(fail(std::move(made).error()));
            }
            done(make_run(request, std::move(*made), true));
        });
}

void Engine::list(bool check, ListDone done)
{
    system::run_on(
        *workers_, [settings = settings_, check] { return take_inventory(settings, check); },
        [this, done = std::move(done), alive = std::weak_ptr{rounds_}](Result<Inventory> made) {
            if (alive.expired()) {
                return;
            }
            if (!made) {
                return done(fail(std::move(made).error()));
            }
            this->check(std::move(*made), done);
        });
}

void Engine::check(Inventory made, ListDone done)
{
    note(made.notes);
    const auto round = std::make_shared<CheckRound>(*loop_, *launcher_, std::move(made.listing));
    rounds_->insert(round);
    for (const auto& [index, hook] : made.to_check) {
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
