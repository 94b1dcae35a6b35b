// SPDX-License-Identifier: Apache-2.0
#include "system/linux_accounts.hpp"

#include "common/text.hpp"
#include "common/wipe.hpp"
#include "system/authorized_keys.hpp"
#include "system/authorized_keys_file.hpp"

#include <unistd.h>

#include <memory>
#include <utility>

namespace frostline::system {

namespace {

constexpr std::size_t longest_error = 4096;

Error lookup_failed(const std::string& user, const Error& error)
{
    const std::string reason =
        error.kind() == ErrorKind::not_found ? "no such user" : error.message();
    return {error.kind(), "failed to lookup user '" + user + "': " + reason, error.os_error()};
}

/// The user's own process is not to be trusted with more than the user: its words are bounded and
/// its exit status decides only about this answer.
Result<std::vector<std::string>> answer_of(const std::string& action, const ChildResult& result)
{
    if (result.exit_status == 0 && result.out.dropped == 0) {
        std::vector<std::string> keys = keys_in(result.out.text);
        return keys;
    }
    if (result.exit_status && !result.err.text.empty()) {
        return fail(ErrorKind::io, text::printable(result.err.text, longest_error));
    }
    const Result<void> verdict = helper_verdict(action, result);
    return fail(verdict ? Error{ErrorKind::io, "failed to " + action + ": too many keys"}
                        : verdict.error());
}

} // namespace

LinuxAccounts::LinuxAccounts(EventLoop& loop, HelperPrograms& helpers, Workers& workers,
                             Settings settings)
    : loop_(&loop), helpers_(&helpers), workers_(&workers), settings_(std::move(settings))
{}

void LinuxAccounts::set_password(PasswordChange change, Done done)
{
    // What chpasswd reads is lines of NAME:PASSWORD, and C strings.
    const bool bad_password =
        change.password.find_first_of(std::string_view{"\n\0", 2}) != std::string::npos;
    const bool bad_name =
        change.user.find_first_of(std::string_view{":\n\0", 3}) != std::string::npos;
    if (bad_password || bad_name) {
        wipe(change.password);
        return loop_->post([bad_password, done = std::move(done)] {
            done(fail(ErrorKind::invalid_argument, bad_password
                                                       ? "forbidden characters in raw password"
                                                       : "forbidden characters in username"));
        });
    }
    HelperCall call;
    call.program = "chpasswd";
    call.action = "set user password";
    if (change.hashed) {
        call.arguments = {"-e"};
    }
    // In one piece: a string that grows leaves copies of the password behind.
    call.input.reserve(change.user.size() + change.password.size() + 2);
    call.input.append(change.user).append(":").append(change.password).append("\n");
    wipe(change.password);
    helpers_->run(std::move(call), std::move(done));
}

void LinuxAccounts::authorized_keys(const std::string& user, Keys done)
{
    work_on_keys(user, KeyTask{}, std::move(done));
}

void LinuxAccounts::change_authorized_keys(const std::string& user, KeyChange change, Done done)
{
    std::size_t bytes = 0;
    for (const std::string& key : change.keys) {
        bytes += key.size() + 1;
    }
    Result<void> checked = check_keys(change.keys);
    if (checked && bytes > largest_keys_file) {
        checked = fail(ErrorKind::invalid_argument, "the keys are more than 1 MiB");
    }
    if (!checked) {
        return loop_->post(
            [done = std::move(done), error = checked.error()] { done(fail(error)); });
    }
    KeyTask task;
    task.what = change.what == KeyChange::What::remove    ? KeyTask::What::remove
                : change.what == KeyChange::What::replace ? KeyTask::What::replace
                                                          : KeyTask::What::add;
    task.keys = std::move(change.keys);
    work_on_keys(user, std::move(task), [done = std::move(done)](const auto& result) {
        done(result ? Result<void>{} : fail(result.error()));
    });
}

void LinuxAccounts::look_up(const std::string& user, Found found)
{
    if (user.empty() || user.find('\0') != std::string::npos) {
        return loop_->post(
            [found = std::move(found)] { found(fail(ErrorKind::not_found, "not a user's name")); });
    }
    // Whichever comes first, the user or the limit; a name service that hangs keeps its worker.
    struct State {
        Found found;
        Subscription limit;
    };
    const auto state = std::make_shared<State>(State{std::move(found), {}});
    state->limit = loop_->after(settings_.lookup_limit, [state, limit = settings_.lookup_limit] {
        if (const Found tell = std::exchange(state->found, nullptr)) {
            tell(fail(ErrorKind::timeout,
                      "the name service did not answer within " + limit_text(limit)));
        }
    });
    run_on(
        *workers_, [find = settings_.find_user, user] { return find(user); },
        [state](Result<Identity> identity) {
            state->limit.cancel();
            if (const Found tell = std::exchange(state->found, nullptr)) {
                tell(std::move(identity));
            }
        });
}

void LinuxAccounts::work_on_keys(const std::string& user, KeyTask task, Keys done)
{
    look_up(user, [this, user, task = std::move(task),
                   done = std::move(done)](const Result<Identity>& identity) mutable {
        if (!identity) {
            return done(fail(lookup_failed(user, identity.error())));
        }
        start_task(user, *identity, std::move(task), std::move(done));
    });
}

void LinuxAccounts::start_task(const std::string& user, const Identity& identity, KeyTask task,
                               Keys done)
{
    task.home = identity.home;
    HelperCall call;
    call.program = settings_.task_program;
    call.arguments = {authorized_keys_option};
    call.action = (task.what == KeyTask::What::show ? "read" : "change") +
                  (" the SSH keys of user '" + user + "'");
    call.input = encode(task);
    call.output_cap = 2 * largest_keys_file;
    // An agent that isn't root can be no other user, and needn't become the one that it is.
    if (::geteuid() == 0 || ::geteuid() != identity.user) {
        call.identity = identity;
    }
    const std::string action = call.action;
    helpers_->start(std::move(call), [action, done = std::move(done)](Result<ChildResult> result) {
        done(result ? answer_of(action, *result) : fail(result.error()));
    });
}

} // namespace frostline::system
