// SPDX-License-Identifier: Apache-2.0
#include "host/snapshot/lease.hpp"

#include <cstdlib>
#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace frostline::host {
namespace {

using testing::HasSubstr;

class LeaseTest : public testing::Test {
protected:
    LeaseTest()
    {
        std::string name = testing::TempDir() + "frostline-lease-XXXXXX";
        folder_ = ::mkdtemp(name.data());
    }
    ~LeaseTest() override { std::filesystem::remove_all(folder_); }
    LeaseTest(const LeaseTest&) = delete;
    LeaseTest& operator=(const LeaseTest&) = delete;

    [[nodiscard]] std::string refused() const
    {
        const Result<Lease> lease = Lease::take(folder_, {"/run/a.sock"});
        return lease ? "taken" : lease.error().message();
    }

    std::string folder_;
};

TEST_F(LeaseTest, ASecondOneOfTheSameGuestIsBusyUntilTheFirstEnds)
{
    {
        const Result<Lease> lease = Lease::take(folder_, {"/run/a.sock", "/run/a.qmp"});
        ASSERT_TRUE(lease) << lease.error().message();
        EXPECT_THAT(refused(), HasSubstr("being worked on by frostline process " +
                                         std::to_string(::getpid())));
        EXPECT_TRUE(Lease::take(folder_, {"/run/b.sock"}));
    }
    EXPECT_EQ(refused(), "taken");
}

TEST_F(LeaseTest, AFolderOfAnotherUserIsRefused)
{
    if (::geteuid() != 0) {
        GTEST_SKIP() << "only root can give a folder away";
    }
    ASSERT_EQ(::chown(folder_.c_str(), 65534, 65534), 0);
    EXPECT_THAT(refused(), HasSubstr("belongs to another user (65534); choose another folder"));
}

TEST_F(LeaseTest, AFolderThatEverybodyMayWriteIsRefused)
{
    ASSERT_EQ(::chmod(folder_.c_str(), 0777), 0);
    EXPECT_THAT(refused(), HasSubstr("everybody may write"));
    ASSERT_EQ(::chmod(folder_.c_str(), 01777), 0); // nobody can take others' files away
    EXPECT_EQ(refused(), "taken");
}

TEST_F(LeaseTest, ALinkIsNoLockFile)
{
    std::filesystem::create_symlink("/etc/hostname", folder_ + "/%run%a.sock.lock");
    EXPECT_THAT(refused(), HasSubstr("open the lock file"));
}

} // namespace
} // namespace frostline::host
