// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"
#include "common/unique_fd.hpp"

#include <string>
#include <string_view>

namespace frostline::system {

/// No authorized_keys file may be larger, neither before nor after a change.
constexpr std::size_t largest_keys_file = std::size_t{1} << 20U;

/// ~/.ssh/authorized_keys of one home. Works with the rights of the calling process, and relies on
/// them: links are followed, so the process must be the user (see docs/decisions). May wait for a
/// network file system for ever. Errors are in qemu-ga's words.
class AuthorizedKeysFile {
public:
    explicit AuthorizedKeysFile(const std::string& home);

    /// A missing file is a not_found error. Anything but a regular file is refused, not waited for.
    [[nodiscard]] Result<std::string> read() const;
    /// Puts `text` in the file's place at once, or leaves it as it was. Makes .ssh (0700) when it
    /// is missing. The new file belongs to the user and its group, mode 0600; a link in its place
    /// is replaced by it.
    [[nodiscard]] Result<void> replace(std::string_view text) const;

private:
    [[nodiscard]] Result<UniqueFd> make_folder() const;
    [[nodiscard]] Result<void> write(int folder, const std::string& name,
                                     std::string_view text) const;

    std::string folder_;
    std::string path_;
};

} // namespace frostline::system
