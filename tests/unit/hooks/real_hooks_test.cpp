// SPDX-License-Identifier: Apache-2.0
// The engine with real programs: the examples of docs/hooks.md, as they stand there.
#include "hooks/engine.hpp"

#include "support/poll_loop.hpp"
#include "support/prompt_workers.hpp"
#include "support/temp_folder.hpp"
#include "system/process_launcher.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include <sstream>

namespace frostline::hooks {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;
using testing::IsEmpty;

/// The block of code that follows "<!-- example: NAME -->".
std::string example(const std::string& name)
{
    std::ifstream file{FROSTLINE_SOURCE_ROOT "/docs/hooks.md"};
    std::stringstream text;
    text << file.rdbuf();
    const std::string all = text.str();
    const std::string mark = "<!-- example: " + name + " -->\n```";
    const std::size_t begin = all.find('\n', all.find(mark) + mark.size()) + 1;
    return all.substr(begin, all.find("```", begin) - begin);
}

class RealHooksTest : public testing::Test {
protected:
    void session()
    {
        lock_ = folder_.write("ledger/lock", "");
        const std::string program = folder_.program("bin/ledger", example("session"));
        std::string file = example("session-file");
        file.replace(file.find("/usr/local/lib/frostline/ledger"),
                     std::string{"/usr/local/lib/frostline/ledger"}.size(), program);
        file.replace(file.find("/var/lib/ledger"), std::string{"/var/lib/ledger"}.size(), lock_);
        folder_.write("d/60-ledger.hook", file + "Environment=LEDGER_LOCK=" + lock_ + "\n");
    }
    void quiesce()
    {
        struct stat status {};
        ::stat((folder_ / "d").c_str(), &status);
        run_.reset();
        engine_.prepare({"id", {"/"}, {status.st_dev}, seconds{30}, {}},
                        [this](Result<std::unique_ptr<QuiesceRun>> run) {
                            ASSERT_TRUE(run) << run.error().message();
                            run_ = std::move(*run);
                        });
        ASSERT_TRUE(loop_.run_until([this] { return run_ != nullptr; }));
        run_->on_lost([this](const std::string& reason) { lost_ = reason; });
        run_->quiesce([this](QuiesceResult result) { quiesced_ = std::move(result); });
        ASSERT_TRUE(loop_.run_until([this] { return quiesced_.has_value(); }));
    }
    HoldVerdict release()
    {
        std::optional<HoldVerdict> verdict;
        run_->release(Outcome::consistent, seconds{5},
                      [&verdict](HoldVerdict told) { verdict = std::move(told); });
        EXPECT_TRUE(loop_.run_until([&verdict] { return verdict.has_value(); }));
        return verdict.value_or(HoldVerdict{});
    }
    void thaw()
    {
        bool done = false;
        run_->thaw(Outcome::consistent, [&done] { done = true; });
        EXPECT_TRUE(loop_.run_until([&done] { return done; }));
    }
    [[nodiscard]] bool lock_is_free() const
    {
        const UniqueFd fd{::open(lock_.c_str(), O_RDONLY | O_CLOEXEC)};
        return ::flock(fd.get(), LOCK_EX | LOCK_NB) == 0;
    }
    [[nodiscard]] std::string error() const
    {
        return quiesced_ && quiesced_->error ? quiesced_->error->message() : "";
    }

    test::TempFolder folder_;
    test::PollLoop loop_;
    system::ProcessLauncher launcher_{loop_};
    test::PromptWorkers workers_{loop_};
    Engine engine_{[this] {
                       Settings settings;
                       settings.directories = {folder_ / "d"};
                       settings.run_directory = folder_ / "run";
                       return settings;
                   }(),
                   loop_, launcher_, workers_};
    std::string lock_;
    std::unique_ptr<QuiesceRun> run_;
    std::optional<QuiesceResult> quiesced_;
    std::optional<std::string> lost_;
};

TEST_F(RealHooksTest, TheSessionOfTheManualHoldsUntilTheThaw)
{
    session();
    quiesce();
    EXPECT_EQ(error(), "");
    EXPECT_EQ(quiesced_->holding, 1);
    EXPECT_FALSE(lock_is_free());
    const HoldVerdict verdict = release();
    EXPECT_TRUE(verdict.held) << verdict.reason;
    EXPECT_TRUE(lock_is_free());
    thaw();
    EXPECT_THAT(run_->owed(), IsEmpty());
    EXPECT_TRUE(loop_.run_until([this] { return launcher_.pending() == 0; }));
}

TEST_F(RealHooksTest, TheSessionOfTheManualSaysBusyWhenItIs)
{
    session();
    const UniqueFd fd{::open(lock_.c_str(), O_RDONLY | O_CLOEXEC)};
    ASSERT_EQ(::flock(fd.get(), LOCK_EX), 0);
    // Not five seconds for a test.
    folder_.program("bin/ledger", [] {
        std::string text = example("session");
        text.replace(text.find("-w 5"), 4, "-n  ");
        return text;
    }());
    quiesce();
    EXPECT_THAT(error(), HasSubstr("hook 60-ledger: is busy: exit status 75: a long transaction"));
    EXPECT_EQ(quiesced_->retry_after, seconds{30});
}

TEST_F(RealHooksTest, AKilledSessionIsToldAtOnceAndThawed)
{
    folder_.program("bin/s", "#!/bin/sh\n[ $1 != thaw ] || { echo undone; exit; }\n"
                             "echo READY; kill -9 $$\n");
    folder_.write("d/60-s.hook", "[Hook]\nType=session\nExec=" + (folder_ / "bin/s") + "\n");
    quiesce();
    ASSERT_TRUE(loop_.run_until([this] { return lost_ || quiesced_->error; }));
    EXPECT_THAT(lost_.value_or(error()), HasSubstr("signal 9 (SIGKILL)"));
    EXPECT_FALSE(release().held);
    thaw();
    EXPECT_EQ(run_->records().back().standard_output, "undone\n");
    EXPECT_THAT(run_->owed(), IsEmpty());
}

TEST_F(RealHooksTest, TheOneShotOfTheManualFlushesSkipsAndChecks)
{
    folder_.program("bin/notes", example("oneshot"));
    folder_.write("d/30-notes.hook", "[Hook]\nExec=" + (folder_ / "bin/notes") +
                                         "\nEnvironment=NOTES_RUN=" + (folder_ / "notes") + "\n");
    quiesce();
    EXPECT_EQ(error(), "");
    EXPECT_EQ(run_->records().at(0).result, HookResult::skipped);

    quiesced_.reset();
    folder_.program("bin/app", "#!/bin/sh\ncd " + folder_ / "notes" +
                                   "\ntrap 'echo > flushed; exit 0' USR1\n"
                                   "echo up\nwhile :; do read -r x <fifo; done\n");
    folder_.write("notes/x", "");
    ASSERT_EQ(::mkfifo((folder_ / "notes/fifo").c_str(), 0600), 0);
    bool up = false;
    system::ChildSpec spec;
    spec.arguments = {folder_ / "bin/app"};
    auto app = launcher_.launch(spec, {[&up](std::string_view) { up = true; }, nullptr});
    ASSERT_TRUE(app) << app.error().message();
    ASSERT_TRUE(loop_.run_until([&up] { return up; }));
    folder_.write("notes/pid", std::to_string((*app)->pid()) + "\n");
    quiesce();
    EXPECT_EQ(error(), "");
    EXPECT_EQ(quiesced_->holding, 1);
    EXPECT_TRUE(std::filesystem::exists(folder_ / "notes/flushed"));
    EXPECT_TRUE(release().held);
    thaw();
    EXPECT_THAT(run_->owed(), IsEmpty());
}

TEST_F(RealHooksTest, AHookRunsAsItsUserInAFolderOfItsOwn)
{
    if (::geteuid() != 0) {
        GTEST_SKIP() << "needs root";
    }
    ::chmod((folder_ / "").c_str(), 0755);
    folder_.program("bin/who", "#!/bin/sh\nid -un\npwd\necho $HOME\ntouch \"$TMPDIR/mine\"\n"
                               "tr '\\0' '\\n' <\"$FROSTLINE_MOUNTS\"\n");
    folder_.write("d/30-who.hook", "[Hook]\nUser=nobody\nExec=" + (folder_ / "bin/who") + "\n");
    quiesce();
    EXPECT_EQ(error(), "");
    const std::string home = folder_ / "run/hooks/30-who";
    EXPECT_EQ(run_->records().at(0).standard_output, "nobody\n" + home + "\n" + home + "\n/\n");
}

} // namespace
} // namespace frostline::hooks
