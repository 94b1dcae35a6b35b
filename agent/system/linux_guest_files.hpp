// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "system/guest_files.hpp"
#include "system/handle_counter.hpp"
#include "system/path_rules.hpp"
#include "system/strand.hpp"
#include "system/workers.hpp"

#include <cstddef>
#include <map>
#include <memory>

namespace frostline::system {

struct GuestFilesSettings {
    SharedPathRules allowed;     ///< null: every file
    std::string state_file;      ///< keeps the handles' counter
    std::size_t most_open = 256; ///< handles at a time
};

/// Plain descriptors without a buffer of our own: what one write has put, the next read, on
/// whatever handle, finds, and what does not fit is told at once.
class LinuxGuestFiles : public GuestFiles {
public:
    /// The workers must outlive this.
    LinuxGuestFiles(Workers& workers, GuestFilesSettings settings);
    LinuxGuestFiles(const LinuxGuestFiles&) = delete;
    LinuxGuestFiles& operator=(const LinuxGuestFiles&) = delete;
    /// Closes what is open. Calls under way answer no more.
    ~LinuxGuestFiles() override;

    [[nodiscard]] bool known(std::int64_t handle) const override;
    void open(std::string path, FileMode mode, Done<std::int64_t> done) override;
    void close(std::int64_t handle, Done<void> done) override;
    void read(std::int64_t handle, std::size_t count, Done<FileBytes> done) override;
    void write(std::int64_t handle, std::string bytes, std::size_t count,
               Done<std::size_t> done) override;
    void seek(std::int64_t handle, std::int64_t offset, Whence whence,
              Done<std::int64_t> done) override;
    void flush(std::int64_t handle, Done<void> done) override;

private:
    struct File;
    struct State; ///< what answers still on their way refer to

    /// The open file behind a handle when one more call may wait for it.
    [[nodiscard]] Result<std::shared_ptr<File>> find(std::int64_t handle) const;
    /// `call(file)` in the file's turn, or the error that find() gives.
    template <typename T, typename Call>
    void run(std::int64_t handle, Done<T> done, Call call);

    Workers* workers_;
    GuestFilesSettings settings_;
    std::shared_ptr<HandleCounter> counter_;
    std::shared_ptr<State> state_;
};

} // namespace frostline::system
