// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"
#include "system/guest_files.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

/// What guest-file-read, -write, -seek and -close do to a descriptor. May block: for a worker.
namespace frostline::system {

/// Until `count` bytes are there, the file ends, or no more come without waiting. An error only
/// when nothing was read: what came before it is handed out first.
[[nodiscard]] Result<FileBytes> read_file(int fd, std::size_t count);

/// All of `bytes`, or as many as go without waiting (at least one; else it is an EAGAIN error).
[[nodiscard]] Result<std::size_t> write_file(int fd, std::string_view bytes);

/// The position counted from the start.
[[nodiscard]] Result<std::int64_t> seek_file(int fd, std::int64_t offset, Whence whence);

/// Closes it, whatever comes of it (close(2)).
[[nodiscard]] Result<void> close_file(int fd);

} // namespace frostline::system
