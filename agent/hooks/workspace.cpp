// SPDX-License-Identifier: Apache-2.0
#include "hooks/workspace.hpp"

#include "common/unique_fd.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <string_view>

namespace frostline::hooks {

namespace {

Result<void> make_folder(const std::string& path, mode_t mode)
{
    if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST) {
        return fail_errno("cannot make the folder " + path, errno);
    }
    return {};
}

/// RUN_DIRECTORY/hooks, which every hook's user may pass through.
Result<std::string> make_base(const std::string& run_directory)
{
    const std::string base = run_directory + "/hooks";
    for (const std::string& folder : {run_directory, base}) {
        if (const Result<void> made = make_folder(folder, 0755); !made) {
            return fail(made.error());
        }
    }
    return base;
}

Result<void> write_all(const UniqueFd& fd, const std::string& path, std::string_view text)
{
    while (!text.empty()) {
        const ssize_t put = ::write(fd.get(), text.data(), text.size());
        if (put < 0 && errno != EINTR) {
            return fail_errno("cannot write " + path, errno);
        }
        text.remove_prefix(put > 0 ? static_cast<std::size_t>(put) : 0);
    }
    return {};
}

constexpr std::string_view list_prefix = "mounts.";

/// Lists that an agent which was killed has left: a run directory has one agent at a time.
void remove_lists_of_others(const std::string& base)
{
    const std::string ours = std::string{list_prefix} + std::to_string(::getpid()) + ".";
    std::error_code error; // best effort: the folder is small, and a reboot clears it
    for (std::filesystem::directory_iterator entry{base, error}, end; !error && entry != end;
         entry.increment(error)) {
        const std::string name = entry->path().filename();
        if (name.compare(0, list_prefix.size(), list_prefix) == 0 &&
            name.compare(0, ours.size(), ours) != 0) {
            ::unlink(entry->path().c_str());
        }
    }
}

} // namespace

Result<std::string> make_hook_folder(const std::string& run_directory, const std::string& name,
                                     const std::optional<system::Identity>& owner)
{
    const Result<std::string> base = make_base(run_directory);
    if (!base) {
        return fail(base.error());
    }
    std::string path = *base + "/" + name;
    if (const Result<void> made = make_folder(path, 0700); !made) {
        return fail(made.error());
    }
    // Through a descriptor, so that only a real folder in that place changes its owner.
    const UniqueFd folder{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
    struct stat status {};
    if (!folder || ::fstat(folder.get(), &status) != 0) {
        return fail_errno("cannot open the hook's folder " + path, errno);
    }
    const uid_t user = owner ? owner->user : ::geteuid();
    const gid_t group = owner ? owner->group : ::getegid();
    if ((status.st_uid != user || status.st_gid != group) &&
        ::fchown(folder.get(), user, group) != 0) {
        return fail_errno("cannot give " + path + " to the hook's user", errno);
    }
    return path;
}

Result<MountList> MountList::write(const std::string& run_directory,
                                   const std::vector<std::string>& mount_points)
{
    static std::atomic<unsigned> serial{0};
    const Result<std::string> base = make_base(run_directory);
    if (!base) {
        return fail(base.error());
    }
    MountList list;
    remove_lists_of_others(*base);
    list.path_ = *base + "/" + std::string{list_prefix} + std::to_string(::getpid()) + "." +
                 std::to_string(++serial);
    ::unlink(list.path_.c_str()); // of an agent that died with our process id
    const UniqueFd fd{
        ::open(list.path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644)};
    if (!fd) {
        return fail_errno("cannot create " + list.path_, errno);
    }
    ::fchmod(fd.get(), 0644); // whatever the umask says: hooks read it as their own users
    std::string text;
    for (const std::string& mount_point : mount_points) {
        text += mount_point;
        text += '\0';
    }
    if (const Result<void> written = write_all(fd, list.path_, text); !written) {
        return fail(written.error());
    }
    return list;
}

MountList::~MountList()
{
    if (!path_.empty()) {
        ::unlink(path_.c_str());
    }
}

} // namespace frostline::hooks
