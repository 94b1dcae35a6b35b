// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"
#include "system/open_file.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace frostline::system {

enum class Whence { start, current, end };

/// What a read has brought. Fewer bytes than asked for without `end` are no error: a FIFO or a
/// terminal has no more just now, or the next read will tell why.
struct FileBytes {
    std::string bytes;
    bool end = false; ///< this read met the end of the file
};

/// The files that clients have opened, by handle. Every call is done off the loop, in order per
/// handle, and answered by `done` later; one that hangs holds up its own handle only. Errors say
/// what failed in the words of the guest agent protocol. Loop thread only.
class GuestFiles {
public:
    template <typename T>
    using Done = std::function<void(Result<T>)>;

    virtual ~GuestFiles() = default;

    /// Whether a handle is open. The calls below answer not_found for one that isn't.
    [[nodiscard]] virtual bool known(std::int64_t handle) const = 0;
    virtual void open(std::string path, FileMode mode, Done<std::int64_t> done) = 0;
    /// The handle is gone at once, also when closing fails.
    virtual void close(std::int64_t handle, Done<void> done) = 0;
    /// At most `count` bytes from the current position.
    virtual void read(std::int64_t handle, std::size_t count, Done<FileBytes> done) = 0;
    /// The first `count` of `bytes`. Fewer are written only by what would block: FIFO, terminal.
    virtual void write(std::int64_t handle, std::string bytes, std::size_t count,
                       Done<std::size_t> done) = 0;
    /// The new position.
    virtual void seek(std::int64_t handle, std::int64_t offset, Whence whence,
                      Done<std::int64_t> done) = 0;
    virtual void flush(std::int64_t handle, Done<void> done) = 0;
};

/// The not_found error for a handle.
[[nodiscard]] Failure unknown_handle(std::int64_t handle);

} // namespace frostline::system
