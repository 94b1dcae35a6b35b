// SPDX-License-Identifier: Apache-2.0
#include "system/handle_counter.hpp"

#include "common/key_file.hpp"
#include "common/log.hpp"
#include "common/unique_fd.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace frostline::system {

namespace {

constexpr std::int64_t largest = std::int64_t{1} << 53; // what every JSON reader keeps exactly

Result<std::int64_t> load(const std::string& path)
{
    const Result<KeyFile> file = KeyFile::load(path);
    if (!file) {
        return file.error().os_error() == ENOENT ? Result<std::int64_t>{HandleCounter::first}
                                                 : fail(file.error());
    }
    const auto value = file->integer("global", "fd_counter", 0, largest);
    if (!value) {
        return fail(value.error());
    }
    return std::max(value->value_or(HandleCounter::first), HandleCounter::first);
}

} // namespace

std::int64_t HandleCounter::start() const
{
    const Result<std::int64_t> kept = load(path_);
    if (kept) {
        return *kept;
    }
    log::warning("the counter of file handles starts anew, from the time", kept.error().message());
    return clock_();
}

std::int64_t HandleCounter::next()
{
    const std::lock_guard lock{mutex_};
    if (next_ == 0) {
        next_ = start();
    }
    if (const Result<void> saved = save(next_ + 1); !saved) {
        if (!std::exchange(warned_, true)) {
            log::warning("file handles are numbered by the time", saved.error().message());
        }
        next_ = std::max(next_, clock_());
    }
    return next_++;
}

Result<void> HandleCounter::save(std::int64_t value) const
{
    const std::string text = "[global]\nfd_counter=" + std::to_string(value) + "\n";
    // In place: replacing the file would make ext4 write it to the disk each time, and what a crash
    // leaves half written is noticed when it is read.
    const UniqueFd file{
        ::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600)};
    if (!file) {
        return fail_errno("cannot write " + path_, errno);
    }
    const ssize_t put = ::pwrite(file.get(), text.data(), text.size(), 0);
    if (put != static_cast<ssize_t>(text.size()) ||
        ::ftruncate(file.get(), static_cast<off_t>(text.size())) != 0) {
        return fail_errno("cannot write " + path_,
                          put < 0 || put == static_cast<ssize_t>(text.size()) ? errno : ENOSPC);
    }
    return {};
}

} // namespace frostline::system
