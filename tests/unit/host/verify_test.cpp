// SPDX-License-Identifier: Apache-2.0
#include "host/verify/file_systems.hpp"
#include "host/verify/image_reader.hpp"

#include <gtest/gtest.h>

#include <map>

namespace frostline::host {
namespace {

/// A disk of zeroes with some bytes in it.
class FakeDisk final : public DiskReader {
public:
    [[nodiscard]] Result<std::string> read(std::uint64_t offset, std::size_t size) override
    {
        if (offset + size > length) {
            return fail(ErrorKind::io, "behind the end");
        }
        std::string bytes(size, '\0');
        for (const auto& [at, byte] : content) {
            if (at >= offset && at < offset + size) {
                bytes[at - offset] = byte;
            }
        }
        return bytes;
    }
    void put(std::uint64_t at, std::string_view bytes)
    {
        for (const char byte : bytes) {
            content[at++] = byte;
        }
    }
    void put_number(std::uint64_t at, std::uint64_t value, std::size_t size)
    {
        for (std::size_t i = 0; i < size; ++i) {
            content[at++] = static_cast<char>(value >> (8 * i));
        }
    }
    void put_ext4(std::uint64_t at, std::uint64_t incompatible, std::uint64_t state = 1)
    {
        put_number(at + 1024 + 56, 0xEF53, 2);
        put_number(at + 1024 + 58, state, 2);
        put_number(at + 1024 + 96, incompatible, 4);
    }

    std::uint64_t length = std::uint64_t{16} << 20U;
    std::map<std::uint64_t, char> content;
};

std::string told(FakeDisk& disk)
{
    const Result<std::vector<FoundFilesystem>> found = find_filesystems(disk);
    if (!found) {
        return found.error().message();
    }
    std::string text;
    for (const FoundFilesystem& one : *found) {
        text +=
            std::to_string(one.offset >> 10U) + "K " + one.type + (one.at_rest ? "" : " !") + ";";
    }
    return text;
}

TEST(FileSystems, OnAWholeDisk)
{
    FakeDisk empty;
    EXPECT_EQ(told(empty), "");
    FakeDisk clean;
    clean.put_ext4(0, 0x2C2);
    EXPECT_EQ(told(clean), "0K ext4;");
    FakeDisk replay;
    replay.put_ext4(0, 0x2C6);
    EXPECT_EQ(told(replay), "0K ext4 !;");
    FakeDisk errors;
    errors.put_ext4(0, 0x2C2, 3);
    EXPECT_EQ(told(errors), "0K ext4 !;");
    FakeDisk xfs;
    xfs.put(0, "XFSB");
    EXPECT_EQ(told(xfs), "0K xfs;");
    FakeDisk btrfs;
    btrfs.put(0x10040, "_BHRfS_M");
    EXPECT_EQ(told(btrfs), "0K btrfs;");
    FakeDisk swap;
    swap.put(4086, "SWAPSPACE2");
    EXPECT_EQ(told(swap), "0K swap;");
}

TEST(FileSystems, InPartitions)
{
    FakeDisk gpt;
    gpt.put_number(510, 0xAA55, 2);
    gpt.put(512, "EFI PART");
    gpt.put_number(512 + 72, 2, 8);
    gpt.put_number(512 + 80, 3, 4);
    gpt.put_number(512 + 84, 128, 4);
    gpt.put(1024, "type-1");
    gpt.put_number(1024 + 32, 2048, 8);
    gpt.put(1024 + 256, "type-3"); // the second is not used
    gpt.put_number(1024 + 256 + 32, 8192, 8);
    gpt.put_ext4(std::uint64_t{1} << 20U, 0x6);
    gpt.put(std::uint64_t{4} << 20U, "XFSB");
    EXPECT_EQ(told(gpt), "1024K ext4 !;4096K xfs;");

    FakeDisk mbr;
    mbr.put_number(510, 0xAA55, 2);
    mbr.put(446 + 4, "\x83");
    mbr.put_number(446 + 8, 2048, 4);
    mbr.put(446 + 16 + 4, "\x83");
    mbr.put_number(446 + 16 + 8, 0x7FFFFFFF, 4); // behind the end
    mbr.put(std::uint64_t{1} << 20U, "XFSB");
    EXPECT_EQ(told(mbr), "1024K xfs;");
}

TEST(FileSystems, NonsenseEndsWithNothing)
{
    FakeDisk disk;
    disk.put(512, "EFI PART");
    disk.put_number(512 + 72, ~std::uint64_t{0} / 512, 8);
    disk.put_number(512 + 80, 0xFFFFFFFF, 4);
    disk.put_number(512 + 84, 128, 4);
    EXPECT_EQ(told(disk), "");
    disk.put_number(512 + 84, 1, 4);
    EXPECT_EQ(told(disk), "");
    disk.length = 100;
    EXPECT_EQ(told(disk), "behind the end");
}

TEST(ImageReader, ReadsTheDumpOfQemuIo)
{
    EXPECT_EQ(
        read_dump("00000400:  53 ef 01 00  S...\n00000404:  ff\nread 5/5 bytes at offset 1024\n"
                  "5 bytes, 1 ops; 00:00 sec (1 KiB/sec)\n"),
        std::string("\x53\xef\x01\x00\xff", 5));
    EXPECT_EQ(read_dump("can't open\n"), "");
}

} // namespace
} // namespace frostline::host
