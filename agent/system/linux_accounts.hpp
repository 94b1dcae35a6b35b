// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "system/accounts.hpp"
#include "system/authorized_keys_task.hpp"
#include "system/event_loop.hpp"
#include "system/helper_programs.hpp"
#include "system/workers.hpp"

#include <functional>
#include <map>
#include <string>

namespace frostline::system {

/// Passwords by chpasswd(8); keys by a process of the agent's own program that is the user (see
/// authorized_keys_task.hpp). Users are looked up on a worker: the name service may use the
/// network.
class LinuxAccounts : public Accounts {
public:
    struct Settings {
        /// What to run as the user: this very program, even when its file has been replaced.
        std::string task_program = "/proc/self/exe";
        std::function<Result<Identity>(const std::string&)> find_user; ///< any thread
        std::chrono::milliseconds lookup_limit{20'000};
    };

    LinuxAccounts(EventLoop& loop, HelperPrograms& helpers, Workers& workers, Settings settings);

    void set_password(PasswordChange change, Done done) override;
    void authorized_keys(const std::string& user, Keys done) override;
    void change_authorized_keys(const std::string& user, KeyChange change, Done done) override;

private:
    using Found = std::function<void(Result<Identity>)>;

    void look_up(const std::string& user, Found found);
    void work_on_keys(const std::string& user, KeyTask task, Keys done);
    void start_task(const std::string& user, const Identity& identity, KeyTask task, Keys done);

    EventLoop* loop_;
    HelperPrograms* helpers_;
    Workers* workers_;
    Settings settings_;
};

} // namespace frostline::system
