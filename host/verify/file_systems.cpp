// SPDX-License-Identifier: Apache-2.0
#include "host/verify/file_systems.hpp"

#include <algorithm>
#include <optional>

namespace frostline::host {

namespace {

constexpr std::uint64_t sector = 512;
constexpr std::size_t most_partitions = 128;

/// Little-endian, as all of these are but xfs.
std::uint64_t number(const std::string& bytes, std::size_t at, std::size_t size)
{
    std::uint64_t value = 0;
    for (std::size_t i = size; i-- > 0;) {
        value = (value << 8U) | static_cast<unsigned char>(bytes[at + i]);
    }
    return value;
}

bool has(const std::string& bytes, std::size_t at, std::string_view magic)
{
    return bytes.size() >= at + magic.size() && bytes.compare(at, magic.size(), magic) == 0;
}

FoundFilesystem ext4(std::uint64_t offset, const std::string& head)
{
    constexpr std::size_t super_block = 1024;
    const std::uint64_t state = number(head, super_block + 58, 2);
    const std::uint64_t incompatible = number(head, super_block + 96, 4);
    constexpr std::uint64_t recover = 0x4;
    constexpr std::uint64_t has_errors = 0x2;
    FoundFilesystem found{offset, "ext4", "at rest", true};
    if ((state & has_errors) != 0) {
        found = {offset, "ext4", "marked as having errors", false};
    } else if ((incompatible & recover) != 0) {
        found = {offset, "ext4", "its journal has to be replayed", false};
    }
    return found;
}

std::optional<FoundFilesystem> look(DiskReader& disk, std::uint64_t offset)
{
    const Result<std::string> head = disk.read(offset, 4096);
    if (!head || head->size() < 4096) {
        return std::nullopt; // a partition table may name what lies behind the end
    }
    if (number(*head, 1024 + 56, 2) == 0xEF53) {
        return ext4(offset, *head);
    }
    if (has(*head, 0, "XFSB")) {
        return FoundFilesystem{offset, "xfs", "there; its log is looked at by a mount only", true};
    }
    if (has(*head, 4086, "SWAPSPACE2")) {
        return FoundFilesystem{offset, "swap", "there", true};
    }
    if (has(*head, 512, "LABELONE")) {
        return FoundFilesystem{offset, "LVM", "a physical volume; not looked into", true};
    }
    if (has(*head, 0, std::string_view{"LUKS\xba\xbe", 6})) {
        return FoundFilesystem{offset, "LUKS", "encrypted; not looked into", true};
    }
    const Result<std::string> btrfs = disk.read(offset + 0x10000, 128);
    if (btrfs && has(*btrfs, 64, "_BHRfS_M")) {
        return FoundFilesystem{offset, "btrfs", "there", true};
    }
    return std::nullopt;
}

/// Where partitions begin.
std::vector<std::uint64_t> partitions(DiskReader& disk, const std::string& head)
{
    std::vector<std::uint64_t> starts;
    if (has(head, sector, "EFI PART")) {
        const std::uint64_t table = number(head, sector + 72, 8) * sector;
        const auto count = std::min<std::uint64_t>(number(head, sector + 80, 4), most_partitions);
        const std::uint64_t size = number(head, sector + 84, 4);
        if (size < 128 || size > 4096) {
            return starts;
        }
        for (std::uint64_t i = 0; i < count; ++i) {
            const Result<std::string> entry = disk.read(table + i * size, 128);
            if (!entry || entry->size() < 128) {
                break;
            }
            if (entry->find_first_not_of('\0') < 16) { // its type; all zero: not used
                starts.push_back(number(*entry, 32, 8) * sector);
            }
        }
        return starts;
    }
    if (number(head, 510, 2) == 0xAA55) {
        for (std::size_t i = 0; i < 4; ++i) {
            const std::size_t entry = 446 + 16 * i;
            const std::uint64_t start = number(head, entry + 8, 4) * sector;
            if (head[entry + 4] != 0 && start != 0) {
                starts.push_back(start);
            }
        }
    }
    return starts;
}

} // namespace

Result<std::vector<FoundFilesystem>> find_filesystems(DiskReader& disk)
{
    const Result<std::string> head = disk.read(0, 4096);
    if (!head) {
        return fail(head.error());
    }
    std::vector<FoundFilesystem> found;
    if (std::optional<FoundFilesystem> whole = look(disk, 0)) {
        found.push_back(std::move(*whole));
        return found;
    }
    if (head->size() < 4096) {
        return found;
    }
    for (const std::uint64_t start : partitions(disk, *head)) {
        if (std::optional<FoundFilesystem> one = look(disk, start)) {
            found.push_back(std::move(*one));
        }
    }
    return found;
}

} // namespace frostline::host
