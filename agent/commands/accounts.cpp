// SPDX-License-Identifier: Apache-2.0
#include "commands/commands.hpp"

#include "common/wipe.hpp"
#include "rpc/bind.hpp"

#include <utility>

namespace frostline::commands {

namespace {

void add_keys(rpc::Registry& registry, system::Accounts& accounts)
{
    rpc::bind_async<qapi::GuestSshGetAuthorizedKeys>(
        registry, [&accounts](const qapi::GuestSshGetAuthorizedKeys::Arguments& arguments,
                              const rpc::Responder<qapi::GuestSshGetAuthorizedKeys>& responder) {
            accounts.authorized_keys(arguments.username,
                                     [responder](Result<std::vector<std::string>> keys) {
                                         if (!keys) {
                                             return responder(fail(std::move(keys).error()));
                                         }
                                         qapi::GuestAuthorizedKeys found;
                                         found.keys = std::move(*keys);
                                         responder(std::move(found));
                                     });
        });
    rpc::bind_async<qapi::GuestSshAddAuthorizedKeys>(
        registry, [&accounts](qapi::GuestSshAddAuthorizedKeys::Arguments arguments,
                              const rpc::Responder<qapi::GuestSshAddAuthorizedKeys>& responder) {
            system::KeyChange change;
            change.what = arguments.reset.value_or(false) ? system::KeyChange::What::replace
                                                          : system::KeyChange::What::add;
            change.keys = std::move(arguments.keys);
            accounts.change_authorized_keys(arguments.username, std::move(change),
                                            rpc::answering(responder));
        });
    rpc::bind_async<qapi::GuestSshRemoveAuthorizedKeys>(
        registry, [&accounts](qapi::GuestSshRemoveAuthorizedKeys::Arguments arguments,
                              const rpc::Responder<qapi::GuestSshRemoveAuthorizedKeys>& responder) {
            system::KeyChange change;
            change.what = system::KeyChange::What::remove;
            change.keys = std::move(arguments.keys);
            accounts.change_authorized_keys(arguments.username, std::move(change),
                                            rpc::answering(responder));
        });
}

} // namespace

void add_accounts(rpc::Registry& registry, system::Accounts& accounts)
{
    rpc::bind_async<qapi::GuestSetUserPassword>(
        registry, [&accounts](qapi::GuestSetUserPassword::Arguments arguments,
                              const rpc::Responder<qapi::GuestSetUserPassword>& responder) {
            system::PasswordChange change;
            change.user = std::move(arguments.username);
            change.password = arguments.password.data; // a copy: a moved-from short string stays
            wipe(arguments.password.data);
            change.hashed = arguments.crypted;
            accounts.set_password(std::move(change), rpc::answering(responder));
        });
    add_keys(registry, accounts);
}

} // namespace frostline::commands
