// SPDX-License-Identifier: Apache-2.0
#include "system/open_file.hpp"

#include "common/text.hpp"
#include "system/real_path.hpp"

#include <climits>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

namespace frostline::system {

namespace {

constexpr int always = O_NOCTTY | O_NONBLOCK | O_CLOEXEC;
constexpr mode_t new_file = 0666;
constexpr int most_links = 40; // as many as the kernel follows (path_resolution(7))

Failure refuse(const std::string& path, std::string_view why)
{
    return fail(ErrorKind::permission, "the agent's policy ([policy] file-allow) does not let '" +
                                           text::printable(path) +
                                           "' be opened: " + std::string{why});
}

/// Where a name leads, one step at a time: the folder that holds it, and its last component.
class Walk {
public:
    Walk(const std::string& path, const PathRules& rules) : asked_(path), rules_(rules) {}

    Result<UniqueFd> open(int flags)
    {
        next_ = asked_;
        for (int step = 0; step < most_links; ++step) {
            const UniqueFd seen{::openat(folder(), next_.c_str(), O_PATH | O_CLOEXEC)};
            if (seen) {
                return reopen(seen.get(), flags & ~O_CREAT);
            }
            if (errno != ENOENT || (flags & O_CREAT) == 0) {
                return fail_errno("cannot open", errno);
            }
            Result<UniqueFd> made = create_or_follow(flags);
            if (!made || *made) {
                return made;
            }
        }
        return fail_errno("cannot open", ELOOP);
    }

private:
    [[nodiscard]] int folder() const { return folder_ ? folder_.get() : AT_FDCWD; }

    [[nodiscard]] Result<void> check(const std::string& real) const
    {
        if (rules_.allow(real)) {
            return {};
        }
        return refuse(asked_, real == asked_ ? "it does not name it"
                                             : "it is '" + text::printable(real) +
                                                   "', which that does not name");
    }

    [[nodiscard]] Result<UniqueFd> reopen(int seen, int flags) const
    {
        const Result<std::string> real = real_path(seen);
        if (!real) {
            return refuse(asked_, real.error().message());
        }
        if (Result<void> allowed = check(*real); !allowed) {
            return fail(std::move(allowed).error());
        }
        UniqueFd fd{::open(path_of_descriptor(seen).c_str(), flags | always)};
        return fd ? Result<UniqueFd>{std::move(fd)} : fail_errno("cannot open", errno);
    }

    /// Creates what is not there. Empty: look again, somebody was faster, or it is a link that
    /// leads nowhere yet and next_ is now what it names.
    Result<UniqueFd> create_or_follow(int flags)
    {
        const std::size_t slash = next_.rfind('/');
        const std::string last = slash == std::string::npos ? next_ : next_.substr(slash + 1);
        if (last.empty()) {
            return fail_errno("cannot open", next_.empty() ? ENOENT : EISDIR);
        }
        const std::string parent = slash == std::string::npos ? "."
                                   : slash == 0               ? "/"
                                                              : next_.substr(0, slash);
        UniqueFd holder{::openat(folder(), parent.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
        if (!holder) {
            return fail_errno("cannot open", errno);
        }
        folder_ = std::move(holder);
        next_ = last;

        std::array<char, PATH_MAX> target{};
        const ssize_t length = ::readlinkat(folder(), last.c_str(), target.data(), target.size());
        if (length > 0 && static_cast<std::size_t>(length) < target.size()) {
            next_.assign(target.data(), static_cast<std::size_t>(length));
            return UniqueFd{};
        }
        const Result<std::string> real = real_path(folder());
        if (!real) {
            return refuse(asked_, "its folder: " + real.error().message());
        }
        if (Result<void> allowed = check((*real == "/" ? "" : *real) + "/" + last); !allowed) {
            return fail(std::move(allowed).error());
        }
        UniqueFd fd{
            ::openat(folder(), last.c_str(), flags | O_EXCL | O_NOFOLLOW | always, new_file)};
        if (!fd && errno != EEXIST) {
            return fail_errno("cannot open", errno);
        }
        return fd;
    }

    const std::string& asked_;
    const PathRules& rules_;
    UniqueFd folder_; ///< empty: the working directory
    std::string next_;
};

Result<UniqueFd> open_any(const std::string& path, int flags)
{
    // Without O_CREAT first: with it the kernel refuses other users' files in sticky folders
    // (proc(5), protected_regular), which a client that overwrites a file in /tmp may mean.
    UniqueFd fd{::open(path.c_str(), (flags & ~O_CREAT) | always)};
    if (!fd && errno == ENOENT && (flags & O_CREAT) != 0) {
        fd.reset(::open(path.c_str(), flags | always, new_file));
    }
    return fd ? Result<UniqueFd>{std::move(fd)} : fail_errno("cannot open", errno);
}

} // namespace

std::optional<FileMode> parse_file_mode(std::string_view text)
{
    constexpr std::array<std::pair<std::string_view, int>, 6> modes{{
        {"r", O_RDONLY},
        {"w", O_WRONLY | O_CREAT | O_TRUNC},
        {"a", O_WRONLY | O_CREAT | O_APPEND},
        {"r+", O_RDWR},
        {"w+", O_RDWR | O_CREAT | O_TRUNC},
        {"a+", O_RDWR | O_CREAT | O_APPEND},
    }};
    std::string plain{text};
    if (const std::size_t b = plain.find('b'); b != std::string::npos && b > 0) {
        plain.erase(b, 1);
    }
    for (const auto& [name, flags] : modes) {
        if (name == plain) {
            return FileMode{std::string{text}, flags};
        }
    }
    return std::nullopt;
}

Result<UniqueFd> open_file(const std::string& path, const FileMode& mode, const PathRules* rules)
{
    if (path.find('\0') != std::string::npos) {
        return fail_errno("cannot open", EINVAL);
    }
    return rules == nullptr ? open_any(path, mode.flags) : Walk{path, *rules}.open(mode.flags);
}

} // namespace frostline::system
