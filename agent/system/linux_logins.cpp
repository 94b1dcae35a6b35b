// SPDX-License-Identifier: Apache-2.0
#include "system/linux_logins.hpp"

#include "system/login_records.hpp"

#include <cerrno>
#include <optional>

namespace frostline::system {

namespace {

constexpr const char* sessions_folder = "/run/systemd/sessions";

} // namespace

Result<std::vector<Login>> LinuxLogins::sessions() const
{
    const Result<std::vector<std::string>> names = files_.names(sessions_folder);
    if (!names) {
        return fail(names.error());
    }
    std::vector<Login> logins;
    for (const std::string& name : *names) {
        // "NAME.ref" is a FIFO that stands for the session's life; names of sessions have no dot.
        if (name.find('.') != std::string::npos) {
            continue;
        }
        const Result<std::string> text = files_.read(std::string{sessions_folder} + "/" + name);
        if (!text) {
            continue; // ended meanwhile
        }
        if (std::optional<Login> login = parse_session(*text)) {
            logins.push_back(*std::move(login));
        }
    }
    return logins;
}

Result<std::vector<Login>> LinuxLogins::list() const
{
    const Result<std::string> utmp = files_.read("/run/utmp");
    if (utmp) {
        return parse_utmp(*utmp);
    }
    const bool no_utmp = utmp.error().os_error() == ENOENT;
    Result<std::vector<Login>> logins = sessions();
    if (!logins && !no_utmp) {
        return fail(utmp.error());
    }
    if (!logins && logins.error().os_error() == ENOENT) {
        return std::vector<Login>{}; // nobody keeps a record here
    }
    return logins;
}

} // namespace frostline::system
