// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/io/waiter.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace frostline::host {

/// The files of a snapshot. Tests of the method use a fake.
class ImageFiles {
public:
    virtual ~ImageFiles() = default;

    /// Makes a new, empty qcow2 of `size` bytes at `path` on top of `base` (of `format`), without
    /// opening the base, with the base's owner, group and permissions. An existing `path` is an
    /// error and stays as it is; after any error nothing new is left.
    [[nodiscard]] virtual Result<void> create_overlay(const std::string& path,
                                                      const std::string& base,
                                                      const std::string& format, std::uint64_t size,
                                                      TimePoint until) = 0;
    /// The same for a copy of `base`: a new qcow2 on top of `parent` (a qcow2; empty: on top of
    /// nothing), readable by nobody whom `base` isn't readable by.
    [[nodiscard]] virtual Result<void> create_image(const std::string& path,
                                                    const std::string& base,
                                                    const std::string& parent, std::uint64_t size,
                                                    TimePoint until) = 0;
    /// The names in a folder that end so.
    [[nodiscard]] virtual Result<std::vector<std::string>> list(const std::string& directory,
                                                                const std::string& ending) = 0;
    /// What a file takes of its disk, in bytes; 0 where nobody can say.
    [[nodiscard]] virtual std::uint64_t allocated(const std::string& path) = 0;
    /// Bytes free for new files in that directory.
    [[nodiscard]] virtual Result<std::uint64_t> free_space(const std::string& directory) = 0;
    [[nodiscard]] virtual bool exists(const std::string& path) = 0;
    /// Makes an empty file, so that the name is taken. An existing one is an error.
    [[nodiscard]] virtual Result<void> claim(const std::string& path) = 0;
    /// Puts a file with that text in the place of whatever is there, at once and for good.
    [[nodiscard]] virtual Result<void> replace(const std::string& path,
                                               const std::string& text) = 0;
    /// The whole text of a small file (up to 1 MiB).
    [[nodiscard]] virtual Result<std::string> read(const std::string& path) = 0;
    /// Whether only root or we can have written a regular file.
    [[nodiscard]] virtual bool trusted(const std::string& path) = 0;
    /// A file that isn't there is no error.
    [[nodiscard]] virtual Result<void> remove(const std::string& path) = 0;
};

/// With qemu-img and the file system.
class LocalImageFiles final : public ImageFiles {
public:
    explicit LocalImageFiles(Waiter& waiter) : waiter_(waiter) {}

    [[nodiscard]] Result<void> create_overlay(const std::string& path, const std::string& base,
                                              const std::string& format, std::uint64_t size,
                                              TimePoint until) override;
    [[nodiscard]] Result<void> create_image(const std::string& path, const std::string& base,
                                            const std::string& parent, std::uint64_t size,
                                            TimePoint until) override;
    [[nodiscard]] Result<std::vector<std::string>> list(const std::string& directory,
                                                        const std::string& ending) override;
    [[nodiscard]] std::uint64_t allocated(const std::string& path) override;
    [[nodiscard]] Result<std::uint64_t> free_space(const std::string& directory) override;
    [[nodiscard]] bool exists(const std::string& path) override;
    [[nodiscard]] Result<void> claim(const std::string& path) override;
    [[nodiscard]] Result<void> replace(const std::string& path, const std::string& text) override;
    [[nodiscard]] Result<std::string> read(const std::string& path) override;
    [[nodiscard]] bool trusted(const std::string& path) override;
    [[nodiscard]] Result<void> remove(const std::string& path) override;

private:
    [[nodiscard]] Result<void> create(const std::string& path, const std::string& access_of,
                                      const std::vector<std::string>& backing, std::uint64_t size,
                                      TimePoint until);

    Waiter& waiter_;
};

} // namespace frostline::host
