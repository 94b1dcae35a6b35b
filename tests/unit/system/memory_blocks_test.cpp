// SPDX-License-Identifier: Apache-2.0
#include "system/linux_memory_blocks.hpp"

#include "support/temp_folder.hpp"

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace frostline::system {
namespace {

using testing::AnyOf;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

class MemoryBlocksTest : public testing::Test {
protected:
    void block(int number, const std::string& state, const std::string& removable = {}) const
    {
        const std::string name = folder + "memory" + std::to_string(number) + "/";
        machine.write(name + "state", state + "\n");
        if (!removable.empty()) {
            machine.write(name + "removable", removable + "\n");
        }
    }
    [[nodiscard]] std::vector<std::string> list() const
    {
        const Result<std::vector<MemoryBlock>> found = blocks.list();
        if (!found) {
            return {found.error().message()};
        }
        std::vector<std::string> out;
        for (const MemoryBlock& entry : *found) {
            out.push_back(std::to_string(entry.number) +
                          (entry.state == OnlineState::online ? " on" : " off") +
                          (entry.can_offline ? " removable" : ""));
        }
        return out;
    }
    [[nodiscard]] std::pair<BlockOutcome, int> set(std::uint64_t number, OnlineState state) const
    {
        const BlockChange change = blocks.set_state(number, state);
        return {change.outcome, change.os_error};
    }
    [[nodiscard]] std::string state_of(int number) const
    {
        std::ifstream file{machine / (folder + "memory" + std::to_string(number) + "/state")};
        return {std::istreambuf_iterator<char>{file}, {}};
    }

    const std::string folder = "sys/devices/system/memory/";
    test::TempFolder machine;
    LinuxMemoryBlocks blocks{machine / ""};
};

TEST_F(MemoryBlocksTest, AKernelWithoutMemoryHotplugHasNone)
{
    EXPECT_THAT(list(), IsEmpty());
    EXPECT_EQ(blocks.block_size().error().message(),
              "open(\"/sys/devices/system/memory/\"): No such file or directory");
    EXPECT_THAT(set(1, OnlineState::online), Pair(BlockOutcome::unsupported, ENOENT));
}

TEST_F(MemoryBlocksTest, ListsThemByNumber)
{
    block(10, "online", "1");
    block(2, "offline", "0");
    block(0, "online");
    block(3, "going-offline", "1");
    machine.write(folder + "auto_online_blocks", "offline\n");
    EXPECT_THAT(list(), ElementsAre("0 on", "2 off", "3 off removable", "10 on removable"));
}

TEST_F(MemoryBlocksTest, AnUnpluggedOneIsLeftOut)
{
    block(0, "online", "1");
    std::filesystem::create_symlink("/nowhere", machine / (folder + "memory1"));
    EXPECT_THAT(list(), ElementsAre("0 on removable"));
}

TEST_F(MemoryBlocksTest, ListingSaysWhatItCannotRead)
{
    machine.write(folder + "block_size_bytes", "8000000\n");
    EXPECT_THAT(list(), ElementsAre("guest reported zero memory blocks!"));
    std::filesystem::create_directories(machine / (folder + "memory0/state"));
    EXPECT_THAT(list(),
                ElementsAre("pread(\"/sys/devices/system/memory/memory0/state\"): Is a directory"));
    std::filesystem::remove_all(machine / folder);
    machine.write("sys/devices/system/memory", "a file");
    EXPECT_THAT(
        list(),
        ElementsAre("Can't open directory\"/sys/devices/system/memory/\": Not a directory"));
}

TEST_F(MemoryBlocksTest, SizeIsHexadecimal)
{
    machine.write(folder + "block_size_bytes", "8000000\n");
    EXPECT_EQ(*blocks.block_size(), 134217728U);
    machine.write(folder + "block_size_bytes", "0x80\n");
    EXPECT_EQ(blocks.block_size().error().message(),
              "/sys/devices/system/memory/block_size_bytes: '0x80\\x0a' is no number of bytes in "
              "hexadecimal");
    std::filesystem::remove(machine / (folder + "block_size_bytes"));
    EXPECT_EQ(blocks.block_size().error().message(),
              "open(\"/sys/devices/system/memory/block_size_bytes\"): No such file or directory");
}

TEST_F(MemoryBlocksTest, SwitchesOffAndOnAndWritesNothingForNothing)
{
    block(5, " online", "1");
    EXPECT_THAT(set(5, OnlineState::online), Pair(BlockOutcome::done, 0));
    EXPECT_EQ(state_of(5), " online\n"); // writing would have moved it to the left
    // A plain file keeps the rest of what was longer before; the kernel's does not.
    EXPECT_THAT(set(5, OnlineState::offline), Pair(BlockOutcome::done, 0));
    EXPECT_EQ(state_of(5).substr(0, 7), "offline");
    machine.write(folder + "memory5/state", "offline\n");
    EXPECT_THAT(set(5, OnlineState::online), Pair(BlockOutcome::done, 0));
    EXPECT_EQ(state_of(5).substr(0, 6), "online");
}

TEST_F(MemoryBlocksTest, AFailureAlwaysHasAnErrorAndIsNeverASuccess)
{
    block(5, "online");
    EXPECT_THAT(set(6, OnlineState::online), Pair(BlockOutcome::not_found, ENOENT));
    std::filesystem::create_directories(machine / (folder + "memory7"));
    EXPECT_THAT(set(7, OnlineState::online), Pair(BlockOutcome::unsupported, ENOENT));
    EXPECT_THAT(set(7, OnlineState::offline), Pair(BlockOutcome::unsupported, ENOENT));
    std::filesystem::create_directories(machine / (folder + "memory8/state"));
    EXPECT_THAT(set(8, OnlineState::online), Pair(BlockOutcome::failed, EISDIR));
    std::filesystem::create_directories(machine / (folder + "memory9"));
    // Can be read, and says neither "online" nor anything that can be written.
    std::filesystem::create_symlink("/proc/version", machine / (folder + "memory9/state"));
    EXPECT_THAT(set(9, OnlineState::online),
                Pair(BlockOutcome::failed, AnyOf(EIO, EINVAL, EACCES)));
    std::filesystem::remove_all(machine / folder);
    machine.write("sys/devices/system/memory", "a file");
    EXPECT_THAT(set(5, OnlineState::online), Pair(BlockOutcome::failed, ENOTDIR));
}

} // namespace
} // namespace frostline::system
