// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hooks/hook.hpp"
#include "hooks/quiescer.hpp"
#include "hooks/settings.hpp"
#include "system/child_launcher.hpp"

#include <memory>
#include <set>
#include <string>
#include <vector>

namespace frostline::hooks {

class CheckRound;

/// Reads the hook directories anew for every freeze and every listing, so that a hook that was
/// just installed counts. Loop thread only; loop and launcher must outlive it.
class Engine : public Quiescer {
public:
    Engine(Settings settings, system::EventLoop& loop, system::ChildLauncher& launcher);
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;
    ~Engine() override;

    /// Everything that must not be looked up while frozen is looked up here: files, users, file
    /// systems. A refused hook is an error: leaving it out would break the promise it was
    /// installed for.
    [[nodiscard]] Result<std::unique_ptr<QuiesceRun>> prepare(QuiesceRequest request) override;
    /// Hooks that have been removed, refused or masked since are passed over with a log line.
    [[nodiscard]] Result<std::unique_ptr<QuiesceRun>>
    recover(const std::string& freeze_id, const std::vector<std::string>& names) override;
    void list(bool check, std::function<void(Result<std::vector<HookListing>>)> done) override;

private:
    [[nodiscard]] Result<std::vector<CatalogEntry>> read_entries();

    Settings settings_;
    system::EventLoop* loop_;
    system::ChildLauncher* launcher_;
    std::set<std::string> logged_; ///< ignored names that the log has already
    std::shared_ptr<std::set<std::shared_ptr<CheckRound>>> rounds_;
};

} // namespace frostline::hooks
