// SPDX-License-Identifier: Apache-2.0
#include "ctl/survey.hpp"

#include "common/text.hpp"
#include "ctl/local_parts.hpp"
#include "ctl/scratch_folder.hpp"
#include "freeze/read_plan.hpp"
#include "hooks/engine.hpp"
#include "system/limited_calls.hpp"
#include "system/linux_fs_control.hpp"
#include "system/linux_mount_table.hpp"
#include "system/sysfs_block_layers.hpp"

#include <csignal>
#include <filesystem>
#include <utility>

#include <linux/magic.h>
#include <sys/vfs.h>

namespace frostline::ctl {

namespace {

using hooks::HookListing;
using hooks::HookResult;

constexpr std::chrono::seconds open_limit{10}; // the agent's own

/// A freeze gives up on a mount point that does not open, and waits for none longer than this.
class Openings {
public:
    Openings(LocalParts& parts, const freeze::Plan& plan)
        : calls_(*parts.loop, parts.workers, open_limit), plan_(plan)
    {}

    void run(std::vector<std::string>& problems, const std::function<void()>& done)
    {
        std::vector<system::LimitedCalls<bool>::Call> calls;
        for (const freeze::PlannedFs& planned : plan_.filesystems) {
            const std::string path = planned.mount.mount_point;
            calls.push_back({"opening " + text::printable(path), [this, path]() -> Result<bool> {
                                 Result<system::OpenedMount> opened = control_.open_mount(path);
                                 return opened ? Result<bool>{true}
                                               : fail(std::move(opened).error());
                             }});
        }
        calls_.run(std::move(calls), [&problems, done](const std::vector<Result<bool>>& results) {
            for (const Result<bool>& result : results) {
                if (!result) {
                    problems.push_back("a mount point can't be opened: " +
                                       result.error().message());
                }
            }
            done();
        });
    }

private:
    system::LinuxFsControl control_;
    system::LimitedCalls<bool> calls_;
    const freeze::Plan& plan_;
};

std::string last_words(const hooks::HookRecord& check)
{
    const std::string_view line = text::last_line(check.standard_error);
    return line.empty() ? "" : ": " + text::printable(line);
}

void judge_hook(const HookListing& hook, Survey& survey)
{
    if (hook.state == HookListing::State::refused) {
        survey.problems.push_back("the hook " + hook.name + " is refused: " + hook.reason +
                                  "; mend it, remove it, or mask it by a link to /dev/null");
    }
    if (!hook.check || hook.check->result == HookResult::done ||
        hook.check->result == HookResult::skipped) {
        return;
    }
    const std::string what =
        "the check of the hook " + hook.name + " fails" + last_words(*hook.check);
    if (hook.optional) {
        survey.hazards.push_back(
            {"hook", what + "; the freeze would go on without it, degraded",
             "run frostlinectl test-hook " + hook.name + " and mend what it says"});
    } else {
        survey.problems.push_back(what);
    }
}

void look_at_run_directory(const std::string& directory, Survey& survey)
{
    std::filesystem::path path{directory};
    std::error_code error;
    while (!std::filesystem::exists(path, error) && path.has_relative_path()) {
        path = path.parent_path(); // made by the agent's start
    }
    struct statfs status {};
    if (::statfs(path.c_str(), &status) == 0 && status.f_type != TMPFS_MAGIC &&
        status.f_type != RAMFS_MAGIC) {
        survey.hazards.push_back({"run-directory",
                                  "the run directory " + directory +
                                      " is not on tmpfs: when its file system is frozen, the agent "
                                      "may wait for the thaw that it has to make",
                                  "choose one below /run with --statedir"});
    }
}

} // namespace

Result<Survey> make_survey(config::Config config)
{
    Survey survey;
    survey.sources = config.sources;
    system::LinuxMountTable table;
    system::SysfsBlockLayers layers;
    Result<std::vector<system::Mount>> mounts = table.read();
    if (!mounts) {
        return fail(std::move(mounts).error());
    }
    Result<freeze::Plan> plan = freeze::read_and_plan(table, layers, config.freeze, {});
    if (!plan) {
        return fail(std::move(plan).error());
    }
    survey.plan = std::move(plan).value();
    survey.hazards = scan_hazards({}, survey.plan, *mounts);
    look_at_run_directory(config.agent.run_directory, survey);

    Result<std::unique_ptr<LocalParts>> parts = LocalParts::create();
    if (!parts) {
        return fail(std::move(parts).error());
    }
    const Result<ScratchFolder> scratch = ScratchFolder::create();
    if (!scratch) {
        return fail(scratch.error());
    }
    config.hooks.run_directory = scratch->path();
    system::GlibLoop& loop = *(*parts)->loop;
    hooks::Engine engine{config.hooks, loop, (*parts)->launcher, (*parts)->workers};
    Openings openings{**parts, survey.plan};
    const Result<system::Subscription> signals =
        loop.on_signals({SIGINT, SIGTERM, SIGHUP}, [&](int) {
            survey.problems.emplace_back("interrupted");
            loop.quit();
        });
    Result<std::vector<HookListing>> listed{std::vector<HookListing>{}};
    loop.post([&] {
        openings.run(survey.problems, [&] {
            engine.list(true, [&](Result<std::vector<HookListing>> result) {
                listed = std::move(result);
                loop.quit();
            });
        });
    });
    loop.run();
    if (!listed) {
        return fail(std::move(listed).error());
    }
    survey.hooks = std::move(listed).value();
    for (const HookListing& hook : survey.hooks) {
        judge_hook(hook, survey);
    }
    return survey;
}

} // namespace frostline::ctl
