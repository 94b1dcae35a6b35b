// SPDX-License-Identifier: Apache-2.0
#include "system/linux_guest_identity.hpp"
#include "system/linux_wall_clock.hpp"
#include "system/os_release.hpp"

#include "support/temp_folder.hpp"

#include <chrono>
#include <cstdlib>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace frostline::system {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

constexpr const char* debian = R"text(PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
NAME="Debian GNU/Linux"
VERSION_ID="12"
VERSION="12 (bookworm)"
VERSION_CODENAME=bookworm
ID=debian
HOME_URL="https://www.debian.org/"
)text";

constexpr const char* fedora = R"text(NAME="Fedora Linux"
VERSION="40 (Server Edition)"
ID=fedora
VERSION_ID=40
ANSI_COLOR="0;38;2;60;110;180"
SUPPORT_END=2025-05-13
VARIANT="Server Edition"
VARIANT_ID=server
)text";

TEST(OsRelease, OfDebian)
{
    const auto all = parse_assignments(debian);
    EXPECT_EQ(all.at("PRETTY_NAME"), "Debian GNU/Linux 12 (bookworm)");
    EXPECT_EQ(all.at("VERSION_ID"), "12");
    EXPECT_EQ(all.at("ID"), "debian");
    EXPECT_EQ(all.count("VARIANT"), 0U);
}

TEST(OsRelease, OfFedora)
{
    const auto all = parse_assignments(fedora);
    EXPECT_EQ(all.at("VARIANT"), "Server Edition");
    EXPECT_EQ(all.at("VARIANT_ID"), "server");
    EXPECT_EQ(all.at("ANSI_COLOR"), "0;38;2;60;110;180");
    EXPECT_EQ(all.at("SUPPORT_END"), "2025-05-13");
}

TEST(OsRelease, OfAlpineInSingleQuotesAndWithCarriageReturns)
{
    EXPECT_THAT(parse_assignments("NAME='Alpine Linux'\r\nID=alpine\r\nPRETTY_NAME='a \"b\" \\ c'"),
                ElementsAre(Pair("ID", "alpine"), Pair("NAME", "Alpine Linux"),
                            Pair("PRETTY_NAME", "a \"b\" \\ c")));
}

TEST(OsRelease, UpstreamsSampleWithEverythingEscaped)
{
    EXPECT_EQ(parse_assignments(R"(VARIANT="Unit test \"\'\$\`\\ and \\\\ etc.")").at("VARIANT"),
              R"(Unit test "'$`\ and \\ etc.)");
    EXPECT_EQ(parse_assignments(R"(A="\n stays")").at("A"), R"(\n stays)");
}

TEST(OsRelease, WithoutQuotesAValueEndsAtABlankOrSemicolon)
{
    EXPECT_THAT(parse_assignments("A=one two\nB=one;two\nC=\nD=\"\"\nE=a\\ b\nF = spaced\n"),
                ElementsAre(Pair("A", "one"), Pair("B", "one"), Pair("C", ""), Pair("D", ""),
                            Pair("E", "a b"), Pair("F", "spaced")));
}

TEST(OsRelease, ABadLineLosesOnlyItself)
{
    EXPECT_THAT(parse_assignments("# a comment=x\n"
                                  "\n"
                                  "what is this?\n"
                                  "NAME=\"no end\n"
                                  "VARIANT='no end\n"
                                  "ENDS=\"in a backslash\\\n"
                                  "=nameless\n"
                                  "two words=x\n"
                                  "LATIN1=\"\xE9\"\n"
                                  "  ID=\"good\" # and what follows\n"
                                  "VERSION_ID=1\n"
                                  "VERSION_ID=2\n"
                                  "VERSION_ID=\"3"),
                ElementsAre(Pair("ID", "good"), Pair("VERSION_ID", "2")));
    EXPECT_THAT(parse_assignments(""), IsEmpty());
    EXPECT_THAT(parse_assignments(std::string(3, '\0')), IsEmpty());
}

/// Sets a variable of the environment, for one test.
class Variable {
public:
    Variable(const char* name, const char* value) : name_(name) { set(value); }
    Variable(const Variable&) = delete;
    Variable& operator=(const Variable&) = delete;
    ~Variable() { ::unsetenv(name_); } // NOLINT(concurrency-mt-unsafe): one thread

    void set(const char* value) const
    {
        ::setenv(name_, value, 1); // NOLINT(concurrency-mt-unsafe): one thread
    }

private:
    const char* name_;
};

class GuestIdentityTest : public testing::Test {
protected:
    test::TempFolder folder;
    bool frozen = false;
    const std::function<bool()> is_frozen = [this] { return frozen; };
};

TEST_F(GuestIdentityTest, TheFirstFileThatCanBeReadCounts)
{
    const LinuxGuestIdentity identity{is_frozen, {folder / "etc", folder / "usr"}};
    EXPECT_THAT(identity.os_release(), IsEmpty());
    folder.write("usr", "ID=usr\n");
    EXPECT_THAT(identity.os_release(), ElementsAre(Pair("ID", "usr")));
    folder.write("etc", "ID=etc\n");
    EXPECT_THAT(identity.os_release(), ElementsAre(Pair("ID", "etc")));
    std::filesystem::remove(folder / "etc");
    std::filesystem::create_directory(folder / "etc");
    EXPECT_THAT(identity.os_release(), ElementsAre(Pair("ID", "usr")));
}

TEST_F(GuestIdentityTest, WhileFrozenTheFileIsLeftAlone)
{
    folder.write("os-release", "ID=before\n");
    frozen = true;
    const LinuxGuestIdentity identity{is_frozen, {folder / "os-release"}};
    folder.write("os-release", "ID=after\n");
    EXPECT_THAT(identity.os_release(), Contains(Pair("ID", "before")));
    std::filesystem::remove(folder / "os-release");
    EXPECT_THAT(identity.os_release(), Contains(Pair("ID", "before")));
    folder.write("os-release", "ID=after\n");
    frozen = false;
    EXPECT_THAT(identity.os_release(), Contains(Pair("ID", "after")));
}

TEST_F(GuestIdentityTest, TheVariableNamesTheOnlyFile)
{
    {
        const Variable variable{"QGA_OS_RELEASE", "/some/file"};
        EXPECT_THAT(os_release_files(), ElementsAre("/some/file"));
    }
    EXPECT_THAT(os_release_files(), ElementsAre("/etc/os-release", "/usr/lib/os-release"));
}

TEST_F(GuestIdentityTest, TheKernelHasNames)
{
    const LinuxGuestIdentity identity{is_frozen, {}};
    EXPECT_FALSE(identity.kernel()->machine.empty());
    EXPECT_TRUE(identity.host_name());
}

class WallClockTest : public GuestIdentityTest {
protected:
    /// The zone's name and its offset in seconds.
    std::pair<std::string, long> zone(const LinuxWallClock& clock)
    {
        const Result<TimeZone> now = clock.time_zone();
        return {now->name, now->offset.count()};
    }
    const Variable variable{"TZ", ""};
};

TEST_F(WallClockTest, OffsetsCountEastwards)
{
    const LinuxWallClock clock{is_frozen};
    variable.set("ABC-5:30");
    EXPECT_THAT(zone(clock), Pair("ABC", 5 * 3600 + 1800));
    variable.set("XYZ3");
    EXPECT_THAT(zone(clock), Pair("XYZ", -3 * 3600));
    variable.set("");
    EXPECT_THAT(zone(clock), Pair("UTC", 0));
}

TEST_F(WallClockTest, WhileFrozenTheZoneIsNotLookedUp)
{
    variable.set("ABC-1");
    frozen = true;
    const LinuxWallClock clock{is_frozen};
    variable.set("XYZ3");
    EXPECT_THAT(zone(clock), Pair("ABC", 3600));
    frozen = false;
    EXPECT_THAT(zone(clock), Pair("XYZ", -3 * 3600));
}

TEST_F(WallClockTest, TellsTheTimeOfToday)
{
    const auto before = std::chrono::system_clock::now().time_since_epoch();
    const std::chrono::nanoseconds now = LinuxWallClock{is_frozen}.now();
    EXPECT_GE(now, before);
    EXPECT_LE(now, std::chrono::system_clock::now().time_since_epoch());
}

} // namespace
} // namespace frostline::system
