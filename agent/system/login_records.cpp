// SPDX-License-Identifier: Apache-2.0
#include "system/login_records.hpp"

#include "system/os_release.hpp"
#include "system/words.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <unordered_map>

#include <utmpx.h>

namespace frostline::system {

namespace {

/// The text in a field that need not end with a NUL.
template <std::size_t Size>
std::string field(const char (&text)[Size])
{
    return {text, ::strnlen(text, Size)};
}

std::chrono::microseconds login_time(const utmpx& record)
{
    // Of 32 bits where the record's form has to be the same for 32-bit programs (utmp(5)). Nobody
    // logged in before 1970, so taking it as unsigned lasts until 2106 instead of 2038.
    std::chrono::seconds seconds{record.ut_tv.tv_sec};
    if constexpr (sizeof record.ut_tv.tv_sec == sizeof(std::uint32_t)) {
        seconds = std::chrono::seconds{static_cast<std::uint32_t>(record.ut_tv.tv_sec)};
    }
    const std::chrono::microseconds fraction{record.ut_tv.tv_usec};
    const bool sane = fraction >= fraction.zero() && fraction < std::chrono::seconds{1};
    return sane ? seconds + fraction : std::chrono::microseconds{seconds};
}

} // namespace

std::vector<Login> earliest_of_each(const std::vector<Login>& logins)
{
    std::vector<Login> users;
    std::unordered_map<std::string, std::size_t> places;
    for (const Login& login : logins) {
        const auto [place, is_new] = places.emplace(login.user, users.size());
        if (is_new) {
            users.push_back(login);
        } else {
            Login& known = users[place->second];
            known.time = std::min(known.time, login.time);
        }
    }
    return users;
}

std::vector<Login> parse_utmp(std::string_view bytes)
{
    std::vector<Login> logins;
    for (; bytes.size() >= sizeof(utmpx); bytes.remove_prefix(sizeof(utmpx))) {
        utmpx record{};
        std::memcpy(&record, bytes.data(), sizeof record);
        std::string user = field(record.ut_user);
        if (record.ut_type == USER_PROCESS && !user.empty()) {
            logins.push_back({std::move(user), login_time(record)});
        }
    }
    return logins;
}

std::optional<Login> parse_session(std::string_view text)
{
    const auto assignments = parse_assignments(text);
    const auto value = [&assignments](std::string_view name) {
        const auto found = assignments.find(name);
        return found != assignments.end() ? std::string_view{found->second} : std::string_view{};
    };
    const std::string_view kind = value("CLASS"); // "user", "user-early", "user-light", ...
    const auto since = number<std::int64_t>(value("REALTIME"));
    if (kind.rfind("user", 0) != 0 || kind == "user-incomplete" || value("STATE") == "closing" ||
        value("USER").empty() || !since) {
        return std::nullopt;
    }
    return Login{std::string{value("USER")}, std::chrono::microseconds{*since}};
}

} // namespace frostline::system
