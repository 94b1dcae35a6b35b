// SPDX-License-Identifier: Apache-2.0
#include "config/config_files.hpp"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace frostline::config {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

class ConfigFiles : public testing::Test {
protected:
    void SetUp() override
    {
        std::string pattern = testing::TempDir() + "frostline-config-XXXXXX";
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        root_ = pattern;
        places_.vendor = root_ + "/vendor.conf";
        places_.local = root_ + "/agent.conf";
        places_.drop_ins = root_ + "/agent.conf.d";
        places_.qemu = root_ + "/qemu-ga.conf";
    }
    void TearDown() override { std::filesystem::remove_all(root_); }

    static void write(const std::string& path, const std::string& text)
    {
        std::filesystem::create_directories(std::filesystem::path{path}.parent_path());
        std::ofstream{path} << text;
    }
    std::string complaint()
    {
        const Result<Config> config = load_files(places_);
        return config ? "no complaint" : config.error().message();
    }

    std::string root_;
    Places places_;
};

TEST_F(ConfigFiles, NoneIsFine)
{
    const Result<Config> config = load_files(places_);
    ASSERT_TRUE(config);
    EXPECT_EQ(config->agent.method, Method::virtio_serial);
    EXPECT_EQ(config->freeze.deadline, 60s);
    EXPECT_TRUE(config->sources.empty());
}

TEST_F(ConfigFiles, PathsThatMayBeUsed)
{
    write(places_.local, "[policy]\nexec-allow=/usr/bin/id; /opt/x/*\nfile-allow=\n");
    const Result<Config> config = load_files(places_);
    ASSERT_TRUE(config) << config.error().message();
    EXPECT_THAT(*config->policy.exec_allow, ElementsAre("/usr/bin/id", "/opt/x/*"));
    ASSERT_TRUE(config->policy.file_allow) << "set and empty is not the same as absent";
    EXPECT_TRUE(config->policy.file_allow->empty());
    write(places_.local, "[policy]\nfile-allow=/a;log/*\n");
    EXPECT_THAT(complaint(), HasSubstr(":2: [policy] file-allow: 'log/*' is no absolute path"));
    write(places_.local, "");
    EXPECT_FALSE(load_files(places_)->policy.exec_allow);
}

TEST_F(ConfigFiles, LaterFilesWinKeyByKey)
{
    write(places_.vendor, "[freeze]\ndeadline=10s\nparallel=2\n");
    write(places_.local, "[freeze]\ndeadline=20s\nhook-budget=1min\n");
    write(places_.drop_ins + "/20-b.conf", "[freeze]\ndeadline=40\n");
    write(places_.drop_ins + "/10-a.conf", "[freeze]\ndeadline=30s\nhook-budget=500ms\n");
    write(places_.drop_ins + "/note.txt", "not read");
    const Result<Config> config = load_files(places_);
    ASSERT_TRUE(config) << config.error().message();
    EXPECT_EQ(config->freeze.deadline, 40s);
    EXPECT_EQ(config->freeze.hook_budget, 500ms);
    EXPECT_EQ(config->freeze.parallel, 2);
}

TEST_F(ConfigFiles, EveryKeyOfTheContractIsRead)
{
    write(places_.local, "[agent]\nmethod=unix-listen\npath=/a\nlogfile=/b\nstatedir=/c\n"
                         "pidfile=/d\nverbose=true\nretry-path=1\nmax-reply=70000\ndaemon=yes\n"
                         "fsfreeze-hook=/e\n"
                         "[freeze]\nthaw-reply-limit=1s\npresync=false\npresync-budget=2s\n"
                         "exclude=/var/lib/docker;@fuse*\nsync-only=@vfat\nforeign=report\n"
                         "lapse-status=frozen\nlapse-reply=count\n"
                         "[policy]\nprofile=snapshot\nallow=guest-exec\nblock=guest-ping;guest-x\n"
                         "[audit]\ncommands=false\n");
    const Result<Config> config = load_files(places_);
    ASSERT_TRUE(config) << config.error().message();
    EXPECT_EQ(config->agent.method, Method::unix_listen);
    EXPECT_EQ(config->agent.path, "/a");
    EXPECT_EQ(config->agent.log_file, "/b");
    EXPECT_EQ(config->agent.run_directory, "/c");
    EXPECT_EQ(config->agent.pid_file, "/d");
    EXPECT_EQ(config->agent.max_reply, 70000U);
    EXPECT_TRUE(config->agent.verbose && config->agent.retry_path && config->agent.daemonize);
    EXPECT_EQ(config->hooks.compatible_script, "/e");
    EXPECT_EQ(config->freeze.thaw_reply_limit, 1s);
    EXPECT_FALSE(config->freeze.presync);
    EXPECT_EQ(config->freeze.presync_budget, 2s);
    EXPECT_THAT(config->freeze.exclude, ElementsAre("/var/lib/docker", "@fuse*"));
    EXPECT_THAT(config->freeze.sync_only, ElementsAre("@vfat"));
    EXPECT_EQ(config->freeze.foreign, freeze::ForeignFreeze::report);
    EXPECT_EQ(config->freeze.lapse_status, freeze::LapseStatus::frozen);
    EXPECT_EQ(config->freeze.lapse_reply, freeze::LapseReply::count);
    EXPECT_EQ(config->policy.profile, Profile::snapshot);
    EXPECT_THAT(config->policy.allow, ElementsAre("guest-exec"));
    EXPECT_THAT(config->policy.block, ElementsAre("guest-ping", "guest-x"));
    EXPECT_FALSE(config->audit_commands);
}

TEST_F(ConfigFiles, ComplaintsNameFileLineGroupAndKeyAndWhatIsRight)
{
    write(places_.local, "# ours\n[freeze]\ndedline=3s\n");
    EXPECT_THAT(complaint(), HasSubstr(places_.local + ":3: [freeze] dedline: unknown key"));
    EXPECT_THAT(complaint(), HasSubstr("deadline"));
    write(places_.local, "[frieze]\nx=1\n");
    EXPECT_THAT(complaint(), HasSubstr(places_.local + ":1: [frieze] unknown group"));
    write(places_.local, "[freeze]\n\ndeadline=soon\n");
    EXPECT_THAT(complaint(), HasSubstr(":3: [freeze] deadline: 'soon' is no duration"));
    write(places_.local, "[freeze]\nparallel=0\n");
    EXPECT_THAT(complaint(), HasSubstr(":2: [freeze] parallel: '0' is no whole number from 1"));
    write(places_.local, "[freeze]\nforeign=maybe\n");
    EXPECT_THAT(complaint(), HasSubstr(":2: [freeze] foreign: 'maybe' is none of fail, report"));
    write(places_.local, "[audit]\ncommands=perhaps\n");
    EXPECT_THAT(complaint(), HasSubstr(":2: [audit] commands: 'perhaps' is neither true nor"));
    write(places_.local, "[agent]\nmethod\n");
    EXPECT_THAT(complaint(), HasSubstr(places_.local + ":2: expected"));
}

TEST_F(ConfigFiles, QemuGaConfCountsOnlyWithoutOurs)
{
    write(places_.qemu, "[general]\nmethod=unix-listen\nblock-rpcs=a,b\nunknown=1\n[other]\nx=1\n");
    Result<Config> config = load_files(places_);
    ASSERT_TRUE(config) << config.error().message();
    EXPECT_EQ(config->agent.method, Method::unix_listen);
    EXPECT_THAT(config->policy.block_rpcs, ElementsAre("a", "b"));
    write(places_.vendor, "[audit]\ncommands=true\n");
    config = load_files(places_);
    ASSERT_TRUE(config);
    EXPECT_EQ(config->agent.method, Method::virtio_serial);
}

TEST_F(ConfigFiles, QemuGaBooleansAreFourWordsOnly)
{
    write(places_.qemu, "[general]\nverbose=yes\n");
    EXPECT_THAT(complaint(), HasSubstr(places_.qemu + ":2: [general] verbose: 'yes' is none of"));
}

TEST_F(ConfigFiles, ANamedFileIsTheOnlyOneAndMustExist)
{
    write(places_.local, "[freeze]\nparallel=2\n");
    places_.only = root_ + "/mine.conf";
    EXPECT_THAT(complaint(), HasSubstr("mine.conf"));
    write(*places_.only, "[general]\nmethod=unix-listen\n");
    const Result<Config> config = load_files(places_);
    ASSERT_TRUE(config) << config.error().message();
    EXPECT_EQ(config->agent.method, Method::unix_listen);
    EXPECT_EQ(config->freeze.parallel, 8);
}

TEST_F(ConfigFiles, QgaConfNamesAFileThatMayBeMissing)
{
    places_.qga_conf = root_ + "/sample.conf";
    EXPECT_TRUE(load_files(places_));
    write(*places_.qga_conf, "[general]\nstatedir=/var/state\n");
    EXPECT_EQ(load_files(places_)->agent.run_directory, "/var/state");
}

} // namespace
} // namespace frostline::config
