// SPDX-License-Identifier: Apache-2.0
#include "freeze/run_state.hpp"

#include "common/unique_fd.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <sstream>

#include <fcntl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace frostline::freeze {

namespace {

constexpr std::string_view first_line = "frostline-freeze-state 1";
constexpr std::size_t largest = std::size_t{4} * 1024 * 1024;

std::string escape(std::string_view text)
{
    std::string result;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7f || c == '\\') {
            result += '\\';
            result += static_cast<char>('0' + (byte >> 6));
            result += static_cast<char>('0' + ((byte >> 3) & 7));
            result += static_cast<char>('0' + (byte & 7));
        } else {
            result += c;
        }
    }
    return result;
}

std::string unescape(std::string_view text)
{
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && i + 3 < text.size()) {
            result += static_cast<char>(((text[i + 1] - '0') << 6) + ((text[i + 2] - '0') << 3) +
                                        (text[i + 3] - '0'));
            i += 3;
        } else {
            result += text[i];
        }
    }
    return result;
}

std::optional<RunState::FileSystem> parse_file_system(const std::string& text)
{
    std::istringstream stream{text};
    unsigned device_major = 0;
    unsigned device_minor = 0;
    char colon = 0;
    if (!(stream >> device_major >> colon >> device_minor) || colon != ':' || stream.get() != ' ') {
        return std::nullopt;
    }
    std::string mount_point;
    std::getline(stream, mount_point);
    return RunState::FileSystem{unescape(mount_point), makedev(device_major, device_minor)};
}

std::optional<hooks::OwedHook> parse_hook(const std::string& key, const std::string& text)
{
    if (key == "hook") {
        return hooks::OwedHook{unescape(text), 0};
    }
    std::istringstream stream{text};
    hooks::OwedHook hook;
    if (key != "call" || !(stream >> hook.running) || stream.get() != ' ') {
        return std::nullopt;
    }
    std::string name;
    std::getline(stream, name);
    hook.name = unescape(name);
    return hook;
}

std::optional<RunState::Lapse> parse_lapse(const std::string& text)
{
    std::istringstream stream{text};
    RunState::Lapse lapse;
    std::int64_t when = 0;
    if (!(stream >> when >> lapse.count) || stream.get() != ' ') {
        return std::nullopt;
    }
    lapse.when = system::EventLoop::TimePoint{std::chrono::nanoseconds{when}};
    std::string what;
    std::getline(stream, what);
    lapse.what = unescape(what);
    return lapse;
}

} // namespace

std::string RunState::encode() const
{
    std::ostringstream text;
    text << first_line << "\nid " << escape(id) << '\n';
    for (const FileSystem& fs : filesystems) {
        text << "fs " << major(fs.device) << ':' << minor(fs.device) << ' '
             << escape(fs.mount_point) << '\n';
    }
    for (const hooks::OwedHook& hook : hooks) {
        if (hook.running != 0) {
            text << "call " << hook.running << ' ' << escape(hook.name) << '\n';
        } else {
            text << "hook " << escape(hook.name) << '\n';
        }
    }
    if (granted) {
        text << "granted\n";
    }
    if (lapse) {
        text << "lapse " << lapse->when.time_since_epoch().count() << ' ' << lapse->count << ' '
             << escape(lapse->what) << '\n';
    }
    return text.str();
}

Result<RunState> RunState::decode(std::string_view text)
{
    std::istringstream stream{std::string{text}};
    std::string line;
    if (!std::getline(stream, line) || line != first_line) {
        return fail(ErrorKind::invalid_argument, "not a freeze state of this version");
    }
    RunState state;
    while (std::getline(stream, line)) {
        const std::size_t space = line.find(' ');
        const std::string key = line.substr(0, space);
        const std::string rest = space == std::string::npos ? "" : line.substr(space + 1);
        if (key == "id") {
            state.id = unescape(rest);
        } else if (key == "granted") {
            state.granted = true;
        } else if (auto lapse = key == "lapse" ? parse_lapse(rest) : std::nullopt) {
            state.lapse = std::move(lapse);
        } else if (auto hook = parse_hook(key, rest)) {
            state.hooks.push_back(*std::move(hook));
        } else if (auto fs = key == "fs" ? parse_file_system(rest) : std::nullopt) {
            state.filesystems.push_back(*std::move(fs));
        } else {
            return fail(ErrorKind::invalid_argument, "a line that makes no sense: " + line);
        }
    }
    return state;
}

namespace {

Result<void> write_all(const UniqueFd& file, std::string_view rest, const std::string& path)
{
    while (!rest.empty()) {
        const ssize_t done = ::write(file.get(), rest.data(), rest.size());
        if (done < 0 && errno != EINTR) {
            return fail_errno("writing " + path, errno);
        }
        rest.remove_prefix(done > 0 ? static_cast<std::size_t>(done) : 0);
    }
    return {};
}

} // namespace

Result<void> FileRunState::save(const RunState& state)
{
    const std::string text = state.encode();
    const std::string fresh = path_ + ".new";
    const UniqueFd file{
        ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600)};
    Result<void> done =
        file ? write_all(file, text, fresh) : Result<void>{fail_errno("writing " + fresh, errno)};
    if (done && ::rename(fresh.c_str(), path_.c_str()) != 0) {
        done = fail_errno("replacing " + path_, errno);
    }
    if (!done) {
        ::unlink(fresh.c_str());
        return fail(std::move(done).error().with_context(
            "without a record of it a crash would leave this freeze in place"));
    }
    return done;
}

Result<std::optional<RunState>> FileRunState::load()
{
    const UniqueFd file{::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)};
    if (!file) {
        return errno == ENOENT ? Result<std::optional<RunState>>{std::nullopt}
                               : fail_errno("reading " + path_, errno);
    }
    std::string text;
    std::array<char, 65536> buffer{};
    for (;;) {
        const ssize_t got = ::read(file.get(), buffer.data(), buffer.size());
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return fail_errno("reading " + path_, errno);
        }
        if (got == 0 || text.size() > largest) {
            break;
        }
        text.append(buffer.data(), static_cast<std::size_t>(got));
    }
    Result<RunState> state = RunState::decode(text);
    if (!state) {
        return fail(std::move(state).error().with_context(path_));
    }
    return std::optional<RunState>{*std::move(state)};
}

void FileRunState::remove()
{
    ::unlink(path_.c_str()); // not there: nothing was left
}

} // namespace frostline::freeze
