// SPDX-License-Identifier: Apache-2.0
#include "system/identity.hpp"

#include <grp.h>
#include <pwd.h>

#include <cerrno>

namespace frostline::system {

namespace {

constexpr std::size_t largest_entry = std::size_t{1} << 20U;
constexpr int most_groups = 65536; // NGROUPS_MAX

std::vector<gid_t> groups_of(const std::string& name, gid_t primary)
{
    std::vector<gid_t> groups(64);
    for (;;) {
        int count = static_cast<int>(groups.size());
        if (::getgrouplist(name.c_str(), primary, groups.data(), &count) >= 0 ||
            groups.size() >= most_groups) {
            groups.resize(static_cast<std::size_t>(count));
            return groups;
        }
        groups.resize(groups.size() * 2);
    }
}

} // namespace

Result<Identity> find_user(const std::string& name)
{
    std::vector<char> buffer(4096);
    passwd entry{};
    passwd* found = nullptr;
    int error = 0;
    while ((error = ::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found)) ==
               ERANGE &&
           buffer.size() < largest_entry) {
        buffer.resize(buffer.size() * 2);
    }
    if (found == nullptr) {
        // What "there is no such user" returns differs (getpwnam(3)); these are its forms.
        if (error == 0 || error == ENOENT || error == ESRCH) {
            return fail(ErrorKind::not_found, "there is no user '" + name + "'");
        }
        return fail_errno("cannot look up user '" + name + "'", error);
    }
    Identity identity;
    identity.user = entry.pw_uid;
    identity.group = entry.pw_gid;
    identity.groups = groups_of(name, entry.pw_gid);
    identity.name = name;
    identity.home = entry.pw_dir != nullptr ? entry.pw_dir : "/";
    return identity;
}

} // namespace frostline::system
