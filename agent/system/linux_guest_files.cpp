// SPDX-License-Identifier: Apache-2.0
#include "system/linux_guest_files.hpp"

#include "common/text.hpp"
#include "common/unique_fd.hpp"
#include "system/file_io.hpp"

#include <chrono>
#include <utility>

namespace frostline::system {

namespace {

// Each takes a thread for as long as it hangs.
constexpr std::size_t most_opening = 32;
constexpr std::size_t most_waiting = 64;

std::int64_t milliseconds_since_1970()
{
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

/// What became of an open: the file and its number.
struct Opened {
    UniqueFd fd;
    std::int64_t handle = 0;
};

Result<Opened> open_numbered(const std::string& path, const FileMode& mode,
                             const PathRules* allowed, HandleCounter& counter)
{
    Result<UniqueFd> fd = open_file(path, mode, allowed);
    if (!fd) {
        const int code = fd.error().os_error();
        const std::string what = "failed to open file '" + path + "' (mode: '" + mode.text + "')";
        return code != 0 ? fail_errno(what, code) : fail(std::move(fd).error().with_context(what));
    }
    return Opened{std::move(fd).value(), counter.next()};
}

} // namespace

struct LinuxGuestFiles::File {
    explicit File(Workers& workers) : turn(std::make_shared<Strand>(workers)) {}

    UniqueFd fd; ///< used in its turn only, on whatever thread
    std::shared_ptr<Strand> turn;
};

struct LinuxGuestFiles::State {
    std::map<std::int64_t, std::shared_ptr<File>> files;
    std::size_t opening = 0;
};

Failure unknown_handle(std::int64_t handle)
{
    return fail(ErrorKind::not_found, "handle '" + std::to_string(handle) + "' has not been found");
}

LinuxGuestFiles::LinuxGuestFiles(Workers& workers, GuestFilesSettings settings)
    : workers_(&workers), settings_(std::move(settings)),
      counter_(std::make_shared<HandleCounter>(settings_.state_file, &milliseconds_since_1970)),
      state_(std::make_shared<State>())
{}

LinuxGuestFiles::~LinuxGuestFiles() = default;

bool LinuxGuestFiles::known(std::int64_t handle) const
{
    return state_->files.count(handle) != 0;
}

Result<std::shared_ptr<LinuxGuestFiles::File>> LinuxGuestFiles::find(std::int64_t handle) const
{
    const auto found = state_->files.find(handle);
    if (found == state_->files.end()) {
        return unknown_handle(handle);
    }
    if (found->second->turn->waiting() >= most_waiting) {
        return fail(ErrorKind::busy, "handle '" + std::to_string(handle) +
                                         "' is busy: " + std::to_string(most_waiting) +
                                         " commands wait for one that hangs");
    }
    return found->second;
}

void LinuxGuestFiles::open(std::string path, FileMode mode, Done<std::int64_t> done)
{
    if (state_->files.size() + state_->opening >= settings_.most_open) {
        done(fail(ErrorKind::busy, "failed to open file '" + path + "' (mode: '" + mode.text +
                                       "'): " + std::to_string(settings_.most_open) +
                                       " handles are open already, and that is the limit; close "
                                       "some with guest-file-close"));
        return;
    }
    if (state_->opening >= most_opening) {
        done(fail(ErrorKind::busy, "failed to open file '" + path + "' (mode: '" + mode.text +
                                       "'): " + std::to_string(most_opening) +
                                       " others hang while they are opened"));
        return;
    }
    ++state_->opening;
    const std::weak_ptr<State> alive = state_;
    run_on(
        *workers_,
        [path = std::move(path), mode = std::move(mode), allowed = settings_.allowed,
         counter = counter_] { return open_numbered(path, mode, allowed.get(), *counter); },
        [alive, workers = workers_, done = std::move(done)](Result<Opened> opened) {
            const auto state = alive.lock();
            if (!state) {
                return;
            }
            --state->opening;
            if (!opened) {
                done(fail(std::move(opened).error()));
                return;
            }
            auto file = std::make_shared<File>(*workers);
            file->fd = std::move(opened->fd);
            state->files.emplace(opened->handle, std::move(file));
            done(opened->handle);
        });
}

template <typename T, typename Call>
void LinuxGuestFiles::run(std::int64_t handle, Done<T> done, Call call)
{
    Result<std::shared_ptr<File>> found = find(handle);
    if (!found) {
        done(fail(std::move(found).error()));
        return;
    }
    std::shared_ptr<File> file = std::move(found).value();
    Strand& turn = *file->turn;
    run_on(
        turn, [file = std::move(file), call = std::move(call)]() mutable { return call(*file); },
        [alive = std::weak_ptr<State>{state_}, done = std::move(done)](Result<T> result) {
            if (!alive.expired()) {
                done(std::move(result));
            }
        });
}

void LinuxGuestFiles::close(std::int64_t handle, Done<void> done)
{
    const bool accepted = find(handle).has_value();
    run<void>(handle, std::move(done), [](File& file) { return close_file(file.fd.release()); });
    if (accepted) {
        state_->files.erase(handle); // what waits for its turn still has it
    }
}

void LinuxGuestFiles::read(std::int64_t handle, std::size_t count, Done<FileBytes> done)
{
    run<FileBytes>(handle, std::move(done),
                   [count](File& file) { return read_file(file.fd.get(), count); });
}

void LinuxGuestFiles::write(std::int64_t handle, std::string bytes, std::size_t count,
                            Done<std::size_t> done)
{
    run<std::size_t>(handle, std::move(done), [bytes = std::move(bytes), count](File& file) {
        return write_file(file.fd.get(), std::string_view{bytes}.substr(0, count));
    });
}

void LinuxGuestFiles::seek(std::int64_t handle, std::int64_t offset, Whence whence,
                           Done<std::int64_t> done)
{
    run<std::int64_t>(handle, std::move(done), [offset, whence](File& file) {
        return seek_file(file.fd.get(), offset, whence);
    });
}

void LinuxGuestFiles::flush(std::int64_t handle, Done<void> done)
{
    run<void>(handle, std::move(done), [](File&) { return Result<void>{}; });
}

} // namespace frostline::system
