// SPDX-License-Identifier: Apache-2.0
#include "commands/commands.hpp"

#include "rpc/bind.hpp"

#include <chrono>
#include <optional>
#include <utility>

namespace frostline::commands {

namespace {

Result<qapi::GuestHostName> host_name(const system::GuestIdentity& identity)
{
    Result<std::string> name = identity.host_name();
    if (!name) {
        return fail(std::move(name).error());
    }
    return qapi::GuestHostName{std::move(name).value()};
}

qapi::GuestOSInfo os_info(const system::GuestIdentity& identity)
{
    qapi::GuestOSInfo out;
    if (Result<system::KernelName> kernel = identity.kernel()) { // what is not known is absent
        out.kernel_release = std::move(kernel->release);
        out.kernel_version = std::move(kernel->version);
        out.machine = std::move(kernel->machine);
    }
    const auto release = identity.os_release();
    const auto said = [&release](std::string_view name) {
        const auto found = release.find(name);
        return found != release.end() ? std::optional{found->second} : std::nullopt;
    };
    out.id = said("ID");
    out.name = said("NAME");
    out.pretty_name = said("PRETTY_NAME");
    out.version = said("VERSION");
    out.version_id = said("VERSION_ID");
    out.variant = said("VARIANT");
    out.variant_id = said("VARIANT_ID");
    return out;
}

Result<std::vector<qapi::GuestUser>> users(const system::Logins& logins)
{
    Result<std::vector<system::Login>> found = logins.list();
    if (!found) {
        return fail(std::move(found).error());
    }
    std::vector<qapi::GuestUser> out;
    for (const system::Login& login : system::earliest_of_each(*found)) {
        qapi::GuestUser user;
        user.user = login.user;
        user.login_time = std::chrono::duration<double>{login.time}.count();
        out.push_back(std::move(user));
    }
    return out;
}

} // namespace

void add_identity(rpc::Registry& registry, std::shared_ptr<const system::GuestIdentity> identity,
                  std::shared_ptr<const system::Logins> logins)
{
    rpc::bind<qapi::GuestGetHostName>(
        registry,
        [identity](const qapi::GuestGetHostName::Arguments&) { return host_name(*identity); });
    rpc::bind<qapi::GuestGetOsinfo>(
        registry, [identity = std::move(identity)](const qapi::GuestGetOsinfo::Arguments&) {
            return Result<qapi::GuestOSInfo>{os_info(*identity)};
        });
    rpc::bind<qapi::GuestGetUsers>(
        registry, [logins = std::move(logins)](const qapi::GuestGetUsers::Arguments&) {
            return users(*logins);
        });
}

} // namespace frostline::commands
