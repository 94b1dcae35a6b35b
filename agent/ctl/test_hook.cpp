// SPDX-License-Identifier: Apache-2.0
#include "ctl/test_hook.hpp"

#include "common/duration.hpp"
#include "common/table.hpp"
#include "common/text.hpp"
#include "ctl/local_parts.hpp"
#include "ctl/scratch_folder.hpp"
#include "ctl/words.hpp"
#include "freeze/read_plan.hpp"
#include "hooks/engine.hpp"
#include "system/linux_mount_table.hpp"
#include "system/sysfs_block_layers.hpp"

#include <csignal>
#include <filesystem>
#include <utility>

namespace frostline::ctl {

namespace {

using hooks::HookListing;
using hooks::HookPhase;
using hooks::HookRecord;
using hooks::HookResult;

/// The settings that leave only the hook that is meant: by its name, or by its file.
hooks::Settings only_this(hooks::Settings settings, const std::string& given)
{
    std::filesystem::path path{given};
    if (given.find('/') != std::string::npos) {
        std::error_code error;
        path = std::filesystem::absolute(path, error);
        settings.directories = {path.parent_path().string()};
    }
    settings.only = path.extension() == ".hook" ? path.stem() : path.filename();
    settings.compatible_script.reset();
    return settings;
}

/// All that a freeze of everything would freeze, so that Filesystems= is met where it can be.
hooks::QuiesceRequest request_for(const config::Config& config)
{
    hooks::QuiesceRequest request;
    request.freeze_id = "test";
    request.budget = config.freeze.hook_budget;
    system::LinuxMountTable table;
    system::SysfsBlockLayers layers;
    if (const auto plan = freeze::read_and_plan(table, layers, config.freeze, {})) {
        request.remote = plan->remote;
        for (const freeze::PlannedFs& planned : plan->filesystems) {
            request.mount_points.push_back(planned.mount.mount_point);
            request.devices.push_back(planned.mount.device);
        }
    }
    return request;
}

class Test {
public:
    Test(LocalParts& parts, const hooks::Settings& settings, hooks::QuiesceRequest request,
         std::chrono::milliseconds hold)
        : loop_(*parts.loop), engine_(settings, loop_, parts.launcher, parts.workers),
          request_(std::move(request)), hold_(hold)
    {}

    void run()
    {
        const auto signals = loop_.on_signals({SIGINT, SIGTERM, SIGHUP}, [this](int) {
            problem_ = "interrupted";
            if (!run_) {
                return loop_.quit();
            }
            run_->cancel();
            if (holds_) {
                release();
            }
        });
        loop_.post([this] {
            engine_.list(true, [this](Result<std::vector<HookListing>> listed) {
                checked(std::move(listed));
            });
        });
        loop_.run();
    }

    std::vector<HookRecord> records;
    [[nodiscard]] const std::string& problem() const { return problem_; }
    [[nodiscard]] bool found() const { return found_; }

private:
    void end(std::string problem)
    {
        if (problem_.empty()) {
            problem_ = std::move(problem);
        }
        if (run_) {
            records.insert(records.end(), run_->records().begin(), run_->records().end());
        }
        loop_.quit();
    }

    void checked(Result<std::vector<HookListing>> listed)
    {
        if (!listed) {
            return end(listed.error().message());
        }
        if (listed->empty()) {
            return end("there is no such hook");
        }
        found_ = true;
        const HookListing& hook = listed->front();
        if (hook.state != HookListing::State::active) {
            return end(std::string{"the hook is "} + word(hook.state) + ": " + hook.reason);
        }
        if (hook.check) {
            records.push_back(*hook.check);
        }
        engine_.prepare(
            std::move(request_), [this](Result<std::unique_ptr<hooks::QuiesceRun>> run) {
                if (!run) {
                    return end(run.error().message());
                }
                run_ = std::move(run).value();
                run_->on_debts([] { return Result<void>{}; });
                run_->on_lost([this](const std::string& reason) { lost_ = reason; });
                run_->quiesce([this](const hooks::QuiesceResult& result) { quiesced(result); });
            });
    }

    void quiesced(const hooks::QuiesceResult& result)
    {
        if (result.error) {
            problem_ = result.error->message();
        }
        if (result.error || result.holding == 0) {
            return release();
        }
        holds_ = true;
        timer_ = loop_.after(hold_, [this] { release(); });
    }

    void release()
    {
        holds_ = false;
        timer_.cancel();
        const auto outcome =
            problem_.empty() ? hooks::Outcome::consistent : hooks::Outcome::aborted;
        run_->release(
            outcome, std::chrono::seconds{60}, [this, outcome](const hooks::HoldVerdict& verdict) {
                if (!verdict.held && problem_.empty()) {
                    problem_ = "it did not hold: " + (lost_.empty() ? verdict.reason : lost_);
                }
                run_->thaw(outcome, [this] {
                    if (!run_->owed().empty() && problem_.empty()) {
                        problem_ = "its thaw failed";
                    }
                    end({});
                });
            });
    }

    system::GlibLoop& loop_;
    hooks::Engine engine_;
    hooks::QuiesceRequest request_;
    std::chrono::milliseconds hold_;
    std::unique_ptr<hooks::QuiesceRun> run_;
    system::Subscription timer_;
    bool holds_ = false;
    bool found_ = false;
    std::string lost_;
    std::string problem_;
};

json::Value document(const HookRecord& record)
{
    return json::Object{
        {"phase", word(record.phase)},
        {"result", word(record.result)},
        {"duration-us",
         std::int64_t{
             std::chrono::duration_cast<std::chrono::microseconds>(record.duration).count()}},
        {"stdout", text::printable(record.standard_output, 65536)},
        {"stderr", text::printable(record.standard_error, 65536)},
    };
}

Outcome describe(const Test& test)
{
    Outcome outcome;
    std::vector<std::vector<std::string>> rows{{"PHASE", "RESULT", "TIME"}};
    json::Array runs;
    std::string output;
    for (const HookRecord& record : test.records) {
        rows.push_back({word(record.phase), word(record.result),
                        format_duration(std::chrono::duration_cast<std::chrono::microseconds>(
                            record.duration))});
        runs.push_back(document(record));
        if (!record.standard_error.empty()) {
            output += std::string{"\n"} + word(record.phase) + ", standard error:\n";
            for (const std::string& line : text::split(record.standard_error, '\n')) {
                output += "    " + text::printable(line) + "\n";
            }
        }
    }
    outcome.text = rows.size() > 1 ? format_table(rows) + output : "";
    outcome.details.set("runs", std::move(runs));
    outcome.problem = test.problem();
    const bool skipped = !test.records.empty() && test.records.back().result == HookResult::skipped;
    if (!test.found()) {
        outcome.status = ExitStatus::error;
    } else if (!test.problem().empty()) {
        outcome.status = ExitStatus::freeze_fails;
    } else if (skipped) {
        outcome.text += "\nIt says that its application is not here or not running (status 77): a "
                        "freeze goes on without it.\n";
    }
    return outcome;
}

} // namespace

Outcome test_hook(const Options& options, config::Config config)
{
    Result<std::unique_ptr<LocalParts>> parts = LocalParts::create();
    if (!parts) {
        return failed(ExitStatus::error, parts.error().message());
    }
    const Result<ScratchFolder> scratch = ScratchFolder::create();
    if (!scratch) {
        return failed(ExitStatus::error, scratch.error().message());
    }
    config.hooks.run_directory = scratch->path();
    Test test{**parts, only_this(config.hooks, options.name), request_for(config), options.hold};
    test.run();
    return describe(test);
}

} // namespace frostline::ctl
