// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hooks/quiescer.hpp"
#include "hooks/settings.hpp"
#include "system/child_launcher.hpp"
#include "system/workers.hpp"

#include <memory>
#include <set>
#include <string>
#include <vector>

namespace frostline::hooks {

class CheckRound;
struct Inventory;
struct Preparation;

/// Reads the hook directories anew for every freeze and every listing, so that a hook that was
/// just installed counts; on a worker, since disks may be slow and servers gone. Loop thread only;
/// loop, launcher and workers must outlive it.
class Engine : public Quiescer {
public:
    Engine(Settings settings, system::EventLoop& loop, system::ChildLauncher& launcher,
           system::Workers& workers);
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;
    ~Engine() override;

    void prepare(QuiesceRequest request, Prepared done) override;
    void recover(std::string freeze_id, std::vector<OwedHook> owed, Prepared done) override;
    void list(bool check, std::function<void(Result<std::vector<HookListing>>)> done) override;

private:
    using ListDone = std::function<void(Result<std::vector<HookListing>>)>;

    void note(const std::vector<std::string>& notes);
    [[nodiscard]] std::unique_ptr<QuiesceRun> make_run(QuiesceRequest request, Preparation made,
                                                       bool owes_all);
    void check(Inventory made, ListDone done);

    Settings settings_;
    system::EventLoop* loop_;
    system::ChildLauncher* launcher_;
    system::Workers* workers_;
    std::set<std::string> logged_; ///< ignored names that the log has already
    std::shared_ptr<std::set<std::shared_ptr<CheckRound>>> rounds_; ///< weakly: the engine lives
};

} // namespace frostline::hooks
