// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/io/waiter.hpp"
#include "host/verify/disk_reader.hpp"

#include <string>
#include <string_view>

namespace frostline::host {

/// Reads an image by qemu-io: read-only, and without a lock, since a guest may run on top of it.
class ImageReader final : public DiskReader {
public:
    ImageReader(std::string path, std::string format, Waiter& waiter, Millis limit)
        : path_(std::move(path)), format_(std::move(format)), waiter_(waiter), limit_(limit)
    {}

    [[nodiscard]] Result<std::string> read(std::uint64_t offset, std::size_t size) override;

private:
    std::string path_;
    std::string format_;
    Waiter& waiter_;
    Millis limit_;
};

/// The bytes in qemu-io's "read -v": lines of an offset, 16 bytes in hexadecimal, and letters.
[[nodiscard]] std::string read_dump(std::string_view output);

} // namespace frostline::host
