// SPDX-License-Identifier: Apache-2.0
#include "config/own_file.hpp"

#include "common/text.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>

namespace frostline::config {

namespace {

/// Reads one key into the configuration, if it is there.
struct Key {
    std::string name; ///< "group/key"
    std::function<Result<void>(const KeyFile&, Config&)> read;
};

std::pair<std::string, std::string> parts_of(const std::string& name)
{
    const std::size_t slash = name.find('/');
    return {name.substr(0, slash), name.substr(slash + 1)};
}

/// A key whose value `get` reads (a member of KeyFile) and `put` stores.
template <typename Get, typename Put>
Key key(std::string name, Get get, Put put)
{
    const auto [group, plain] = parts_of(name);
    return {std::move(name),
            [group = group, plain = plain, get, put](const KeyFile& file, Config& config) {
                auto value = std::invoke(get, file, group, plain);
                if (!value) {
                    return Result<void>{fail(std::move(value).error())};
                }
                if (*value) {
                    put(config, **value);
                }
                return Result<void>{};
            }};
}

/// A key with a fixed set of words.
template <typename Value, std::size_t Size, typename Put>
Key choice(std::string name, std::array<std::pair<std::string_view, Value>, Size> words, Put put)
{
    const auto [group, plain] = parts_of(name);
    return {std::move(name),
            [group = group, plain = plain, words, put](const KeyFile& file, Config& config) {
                const auto value = file.string(group, plain);
                if (!value) {
                    return Result<void>{fail(value.error())};
                }
                if (!*value) {
                    return Result<void>{};
                }
                std::vector<std::string> right;
                for (const auto& [word, meaning] : words) {
                    if (**value == word) {
                        put(config, meaning);
                        return Result<void>{};
                    }
                    right.emplace_back(word);
                }
                return Result<void>{file.fail_at(group, plain,
                                                 "'" + text::printable(**value, 64) +
                                                     "' is none of " + text::join(right, ", "))};
            }};
}

auto integer(std::int64_t least, std::int64_t most)
{
    return [least, most](const KeyFile& file, const std::string& group, const std::string& name) {
        return file.integer(group, name, least, most);
    };
}

/// A list of absolute paths, perhaps with wildcards.
Result<std::optional<std::vector<std::string>>>
path_patterns(const KeyFile& file, const std::string& group, const std::string& name)
{
    auto patterns = file.list(group, name);
    if (patterns && *patterns) {
        for (const std::string& pattern : **patterns) {
            if (pattern.front() != '/') {
                return file.fail_at(group, name,
                                    "'" + text::printable(pattern, 64) +
                                        "' is no absolute path: write for example /opt/tools/* or "
                                        "/var/log/**");
            }
        }
    }
    return patterns;
}

using Milliseconds = std::chrono::milliseconds;
using Strings = std::vector<std::string>;

std::vector<Key> agent_keys()
{
    constexpr std::array<std::pair<std::string_view, Method>, 4> methods{{
        {"virtio-serial", Method::virtio_serial},
        {"isa-serial", Method::isa_serial},
        {"unix-listen", Method::unix_listen},
        {"vsock-listen", Method::vsock_listen},
    }};
    return {
        choice("agent/method", methods, [](Config& c, Method v) { c.agent.method = v; }),
        key("agent/path", &KeyFile::string,
            [](Config& c, const std::string& v) { c.agent.path = v; }),
        key("agent/logfile", &KeyFile::string,
            [](Config& c, const std::string& v) { c.agent.log_file = v; }),
        key("agent/statedir", &KeyFile::string,
            [](Config& c, const std::string& v) { set_state_directory(c.agent, v); }),
        key("agent/pidfile", &KeyFile::string,
            [](Config& c, const std::string& v) { c.agent.pid_file = v; }),
        key("agent/fsfreeze-hook", &KeyFile::string,
            [](Config& c, const std::string& v) { c.hooks.compatible_script = v; }),
        key("agent/verbose", &KeyFile::boolean, [](Config& c, bool v) { c.agent.verbose = v; }),
        key("agent/daemon", &KeyFile::boolean, [](Config& c, bool v) { c.agent.daemonize = v; }),
        key("agent/retry-path", &KeyFile::boolean,
            [](Config& c, bool v) { c.agent.retry_path = v; }),
        key("agent/max-reply", integer(65536, 10 << 20),
            [](Config& c, std::int64_t v) { c.agent.max_reply = static_cast<std::size_t>(v); }),
    };
}

std::vector<Key> freeze_keys()
{
    using freeze::ForeignFreeze;
    using freeze::LapseReply;
    using freeze::LapseStatus;
    constexpr std::array<std::pair<std::string_view, ForeignFreeze>, 2> foreign{
        {{"fail", ForeignFreeze::fail}, {"report", ForeignFreeze::report}}};
    constexpr std::array<std::pair<std::string_view, LapseStatus>, 2> lapse_status{
        {{"thawed", LapseStatus::thawed}, {"frozen", LapseStatus::frozen}}};
    constexpr std::array<std::pair<std::string_view, LapseReply>, 2> lapse_reply{
        {{"error", LapseReply::error}, {"count", LapseReply::count}}};
    return {
        key("freeze/deadline", &KeyFile::duration,
            [](Config& c, Milliseconds v) { c.freeze.deadline = v; }),
        key("freeze/hook-budget", &KeyFile::duration,
            [](Config& c, Milliseconds v) { c.freeze.hook_budget = v; }),
        key("freeze/thaw-reply-limit", &KeyFile::duration,
            [](Config& c, Milliseconds v) { c.freeze.thaw_reply_limit = v; }),
        key("freeze/presync", &KeyFile::boolean, [](Config& c, bool v) { c.freeze.presync = v; }),
        key("freeze/presync-budget", &KeyFile::duration,
            [](Config& c, Milliseconds v) { c.freeze.presync_budget = v; }),
        key("freeze/parallel", integer(1, 64),
            [](Config& c, std::int64_t v) { c.freeze.parallel = static_cast<int>(v); }),
        key("freeze/exclude", &KeyFile::list,
            [](Config& c, const Strings& v) { c.freeze.exclude = v; }),
        key("freeze/sync-only", &KeyFile::list,
            [](Config& c, const Strings& v) { c.freeze.sync_only = v; }),
        choice("freeze/foreign", foreign, [](Config& c, ForeignFreeze v) { c.freeze.foreign = v; }),
        choice("freeze/lapse-status", lapse_status,
               [](Config& c, LapseStatus v) { c.freeze.lapse_status = v; }),
        choice("freeze/lapse-reply", lapse_reply,
               [](Config& c, LapseReply v) { c.freeze.lapse_reply = v; }),
    };
}

std::vector<Key> other_keys()
{
    constexpr std::array<std::pair<std::string_view, Profile>, 4> profiles{{
        {"full", Profile::full},
        {"snapshot", Profile::snapshot},
        {"inspect", Profile::inspect},
        {"none", Profile::none},
    }};
    return {
        choice("policy/profile", profiles, [](Config& c, Profile v) { c.policy.profile = v; }),
        key("policy/allow", &KeyFile::list,
            [](Config& c, const Strings& v) { c.policy.allow = v; }),
        key("policy/block", &KeyFile::list,
            [](Config& c, const Strings& v) { c.policy.block = v; }),
        key("policy/exec-allow", path_patterns,
            [](Config& c, const Strings& v) { c.policy.exec_allow = v; }),
        key("policy/file-allow", path_patterns,
            [](Config& c, const Strings& v) { c.policy.file_allow = v; }),
        key("audit/commands", &KeyFile::boolean, [](Config& c, bool v) { c.audit_commands = v; }),
    };
}

const std::vector<Key>& all_keys()
{
    static const std::vector<Key> keys = [] {
        std::vector<Key> all = agent_keys();
        for (std::vector<Key> more : {freeze_keys(), other_keys()}) {
            all.insert(all.end(), more.begin(), more.end());
        }
        return all;
    }();
    return keys;
}

} // namespace

Result<void> read_own_file(const KeyFile& file, Config& config)
{
    std::vector<std::string> known;
    for (const Key& key : all_keys()) {
        known.push_back(key.name);
    }
    if (Result<void> checked = file.refuse_unknown(known); !checked) {
        return checked;
    }
    for (const Key& key : all_keys()) {
        if (Result<void> read = key.read(file, config); !read) {
            return read;
        }
    }
    return {};
}

} // namespace frostline::config
