// SPDX-License-Identifier: Apache-2.0
#include "system/linux_logins.hpp"
#include "system/login_records.hpp"

#include "support/temp_folder.hpp"

#include <algorithm>
#include <cstring>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <utmpx.h>

namespace frostline::system {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

using Micro = std::chrono::microseconds;

std::string record(short type, const std::string& user, std::int64_t seconds, int micro = 0)
{
    utmpx entry{};
    entry.ut_type = type;
    std::memcpy(entry.ut_user, user.data(), std::min(user.size(), sizeof entry.ut_user));
    entry.ut_tv.tv_sec = static_cast<decltype(entry.ut_tv.tv_sec)>(seconds);
    entry.ut_tv.tv_usec = micro;
    std::string bytes(sizeof entry, '\0');
    std::memcpy(bytes.data(), &entry, sizeof entry);
    return bytes;
}

constexpr const char* session = "# This is private data. Do not parse.\n"
                                "UID=1000\nUSER=alice\nACTIVE=1\nSTATE=active\nREMOTE=1\n"
                                "TYPE=tty\nCLASS=user\nREMOTE_HOST=192.0.2.9\nSERVICE=sshd\n"
                                "LEADER=123\nREALTIME=1700000000123456\nMONOTONIC=77\n";

TEST(Utmp, OnlyUsersWhoAreLoggedIn)
{
    const std::string file = record(BOOT_TIME, "reboot", 1) + record(RUN_LVL, "runlevel", 2) +
                             record(LOGIN_PROCESS, "LOGIN", 3) +
                             record(USER_PROCESS, "alice", 1700000000, 250000) +
                             record(DEAD_PROCESS, "bob", 5) + record(USER_PROCESS, "root", 6);
    EXPECT_THAT(parse_utmp(file),
                ElementsAre(Login{"alice", Micro{1700000000250000}}, Login{"root", 6s}));
}

TEST(Utmp, SurvivesDamage)
{
    const std::string longest(sizeof utmpx{}.ut_user, 'n'); // fills its field, no NUL
    const std::string file = record(USER_PROCESS, longest, 1) + record(USER_PROCESS, "", 2) +
                             record(USER_PROCESS, "odd", 3, 5000000) + record(77, "x", 4) +
                             record(USER_PROCESS, "cut", 5).substr(0, 100);
    EXPECT_THAT(parse_utmp(file), ElementsAre(Login{longest, 1s}, Login{"odd", 3s}));
    EXPECT_THAT(parse_utmp(""), IsEmpty());
}

TEST(Utmp, LastsBeyond2038)
{
    EXPECT_THAT(parse_utmp(record(USER_PROCESS, "late", 3000000000)),
                ElementsAre(Login{"late", 3000000000s}));
}

TEST(Session, OfAUser)
{
    EXPECT_EQ(parse_session(session), (Login{"alice", Micro{1700000000123456}}));
}

TEST(Session, NotOfSomethingElseAndNotDamaged)
{
    for (const char* text :
         {"", "USER=gdm\nCLASS=greeter\nREALTIME=1\n", "USER=alice\nCLASS=manager\nREALTIME=1\n",
          "USER=alice\nCLASS=user-incomplete\nREALTIME=1\n", "CLASS=user\nREALTIME=1\n",
          "USER=alice\nCLASS=user\nSTATE=closing\nREALTIME=1\n", "USER=alice\nCLASS=user\n",
          "USER=alice\nCLASS=user\nREALTIME=soon\n", "USER=alice\nREALTIME=1\n"}) {
        EXPECT_EQ(parse_session(text), std::nullopt) << text;
    }
    EXPECT_TRUE(parse_session("USER=alice\nCLASS=user-light\nREALTIME=1\n"));
}

TEST(Logins, TheEarliestOfEachUser)
{
    EXPECT_THAT(earliest_of_each({{"bob", 5s}, {"alice", 9s}, {"bob", 3s}, {"bob", 4s}}),
                ElementsAre(Login{"bob", 3s}, Login{"alice", 9s}));
}

TEST(Logins, UtmpFirstThenSessions)
{
    const test::TempFolder machine;
    const LinuxLogins logins{machine / ""};
    EXPECT_THAT(*logins.list(), IsEmpty()); // nobody keeps a record
    machine.write("run/systemd/sessions/3", session);
    machine.write("run/systemd/sessions/c1", "USER=gdm\nCLASS=greeter\nREALTIME=1\n");
    // Nobody writes into it: opening it would wait for ever.
    ASSERT_EQ(::mkfifo((machine / "run/systemd/sessions/3.ref").c_str(), 0600), 0);
    std::filesystem::create_symlink("/nowhere", machine / "run/systemd/sessions/4");
    EXPECT_THAT(*logins.list(), ElementsAre(Login{"alice", Micro{1700000000123456}}));
    machine.write("run/utmp", record(USER_PROCESS, "root", 6));
    EXPECT_THAT(*logins.list(), ElementsAre(Login{"root", 6s}));
    machine.write("run/utmp", "");
    EXPECT_THAT(*logins.list(), IsEmpty());
}

TEST(Logins, AUtmpThatCannotBeReadIsNoReasonToForgetTheSessions)
{
    const test::TempFolder machine;
    const LinuxLogins logins{machine / ""};
    std::filesystem::create_directories(machine / "run/utmp");
    EXPECT_EQ(logins.list().error().message(), "pread(\"/run/utmp\"): Is a directory");
    machine.write("run/systemd/sessions/3", session);
    EXPECT_THAT(*logins.list(), ElementsAre(Login{"alice", Micro{1700000000123456}}));
}

} // namespace
} // namespace frostline::system
