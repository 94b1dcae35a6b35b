// SPDX-License-Identifier: Apache-2.0
#include "system/linux_memory_blocks.hpp"

#include "common/text.hpp"
#include "system/words.hpp"

#include <cerrno>

namespace frostline::system {

namespace {

constexpr const char* all_blocks = "/sys/devices/system/memory/";

std::string folder_of(std::uint64_t number)
{
    return std::string{all_blocks} + "memory" + std::to_string(number) + "/";
}

BlockChange failed(int os_error)
{
    return {BlockOutcome::failed, os_error};
}

} // namespace

Result<OnlineState> LinuxMemoryBlocks::state_of(std::uint64_t number) const
{
    const Result<std::string> text = files_.read(folder_of(number) + "state");
    if (!text) {
        return fail(text.error());
    }
    // The third one, "going-offline", is no longer in use.
    return text::trim(*text) == "online" ? OnlineState::online : OnlineState::offline;
}

Result<std::vector<MemoryBlock>> LinuxMemoryBlocks::list() const
{
    const Result<std::vector<std::string>> names = files_.names(all_blocks);
    if (!names && names.error().os_error() == ENOENT) {
        return std::vector<MemoryBlock>{};
    }
    if (!names) {
        return fail_errno(std::string{"Can't open directory\""} + all_blocks + "\"",
                          names.error().os_error());
    }
    std::vector<MemoryBlock> blocks;
    for (const std::uint64_t number : numbers_after("memory", *names)) {
        const Result<OnlineState> state = state_of(number);
        if (!state && has_vanished(state.error())) {
            continue;
        }
        if (!state) {
            return fail(state.error());
        }
        // Not every kernel has this file.
        const Result<std::string> removable = files_.read(folder_of(number) + "removable");
        const bool can = removable && !removable->empty() && removable->front() != '0';
        blocks.push_back({number, *state, can});
    }
    if (blocks.empty()) {
        return fail(ErrorKind::not_found, "guest reported zero memory blocks!");
    }
    return blocks;
}

BlockChange LinuxMemoryBlocks::set_state(std::uint64_t number, OnlineState wanted) const
{
    if (const Result<void> hotplug = files_.open_folder(all_blocks); !hotplug) {
        const int error = hotplug.error().os_error();
        return error == ENOENT ? BlockChange{BlockOutcome::unsupported, error} : failed(error);
    }
    if (const Result<void> block = files_.open_folder(folder_of(number)); !block) {
        const int error = block.error().os_error();
        return error == ENOENT ? BlockChange{BlockOutcome::not_found, error} : failed(error);
    }
    const Result<OnlineState> state = state_of(number);
    if (!state) {
        const int error = state.error().os_error();
        return error == ENOENT ? BlockChange{BlockOutcome::unsupported, error} : failed(error);
    }
    if (*state == wanted) {
        return {};
    }
    const Result<void> written = files_.write(folder_of(number) + "state",
                                              wanted == OnlineState::online ? "online" : "offline");
    return written ? BlockChange{} : failed(written.error().os_error());
}

Result<std::uint64_t> LinuxMemoryBlocks::block_size() const
{
    if (Result<void> hotplug = files_.open_folder(all_blocks); !hotplug) {
        return fail(std::move(hotplug).error());
    }
    const std::string path = std::string{all_blocks} + "block_size_bytes";
    const Result<std::string> text = files_.read(path);
    if (!text) {
        return fail(text.error());
    }
    const auto size = number<std::uint64_t>(text::trim(*text), 16);
    if (!size || *size == 0) {
        return fail(ErrorKind::io, path + ": '" + text::printable(*text, 64) +
                                       "' is no number of bytes in hexadecimal");
    }
    return *size;
}

} // namespace frostline::system
