// SPDX-License-Identifier: Apache-2.0
#include "common/key_file.hpp"

#include "common/duration.hpp"
#include "common/read_all.hpp"
#include "common/text.hpp"
#include "common/unique_fd.hpp"

#include <fcntl.h>
#include <glib.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

namespace frostline {

namespace {

Result<std::string> read_file(const std::string& path)
{
    const UniqueFd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)};
    if (!fd) {
        return fail_errno(path + ": cannot open", errno);
    }
    return read_all(fd, path);
}

/// Whether GLib takes all of it.
bool load_into(GKeyFile* file, std::string_view text)
{
    return text.empty() || // for which GLib has an error of its own
           g_key_file_load_from_data(file, text.data(), text.size(), G_KEY_FILE_NONE, nullptr) !=
               FALSE;
}

/// The number of the first line that GLib objects to, which its error doesn't tell: the least
/// number of lines that, alone, are refused. `text` as a whole is.
int first_odd_line(std::string_view text)
{
    std::vector<std::size_t> ends;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = text.find('\n', at);
        at = end == std::string_view::npos ? text.size() : end + 1;
        ends.push_back(at);
    }
    const auto odd = std::partition_point(ends.begin(), ends.end(), [text](std::size_t end) {
        GKeyFile* trial = g_key_file_new();
        const bool good = load_into(trial, text.substr(0, end));
        g_key_file_unref(trial);
        return good;
    });
    return static_cast<int>(odd - ends.begin()) + 1;
}

} // namespace

void KeyFile::Free::operator()(GKeyFile* file) const noexcept
{
    g_key_file_unref(file);
}

KeyFile::KeyFile(GKeyFile* file, std::string name, std::vector<Place> places)
    : file_(file), name_(std::move(name)), places_(std::move(places))
{}
KeyFile::KeyFile(KeyFile&&) noexcept = default;
KeyFile& KeyFile::operator=(KeyFile&&) noexcept = default;
KeyFile::~KeyFile() = default;

Result<KeyFile> KeyFile::load(const std::string& path)
{
    Result<std::string> text = read_file(path);
    if (!text) {
        return fail(std::move(text).error());
    }
    return parse(*text, path);
}

Result<KeyFile> KeyFile::parse(std::string_view text, std::string name)
{
    if (text.find('\0') != std::string_view::npos || !text::valid_utf8(text)) {
        return fail(ErrorKind::invalid_argument,
                    name + ": not a text file in UTF-8; write it anew with a text editor");
    }
    KeyFile file{g_key_file_new(), std::move(name), find_places(text)};
    if (!load_into(file.file_.get(), text)) {
        return fail(ErrorKind::invalid_argument,
                    file.name_ + ":" + std::to_string(first_odd_line(text)) +
                        ": expected [group], key=value, # comment or a blank line");
    }
    return file;
}

std::vector<KeyFile::Place> KeyFile::find_places(std::string_view text)
{
    std::vector<Place> places;
    std::string group;
    for (int number = 1; !text.empty(); ++number) {
        const std::size_t end = text.find('\n');
        const std::string_view line = text::trim(text.substr(0, end));
        text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
        if (line.empty() || line.front() == '#') {
            continue;
        }
        if (line.front() == '[' && line.back() == ']') {
            group = line.substr(1, line.size() - 2);
            places.push_back({group, "", number});
        } else if (const std::size_t equals = line.find('='); equals != std::string_view::npos) {
            places.push_back({group, std::string{text::trim(line.substr(0, equals))}, number});
        }
    }
    return places;
}

std::vector<std::string> KeyFile::groups() const
{
    gsize count = 0;
    gchar** names = g_key_file_get_groups(file_.get(), &count);
    std::vector<std::string> out(names, names + count);
    g_strfreev(names);
    return out;
}

std::vector<std::string> KeyFile::keys(const std::string& group) const
{
    gsize count = 0;
    gchar** names = g_key_file_get_keys(file_.get(), group.c_str(), &count, nullptr);
    std::vector<std::string> out(names, names + count);
    g_strfreev(names);
    return out;
}

bool KeyFile::has(const std::string& group, const std::string& key) const
{
    return g_key_file_has_key(file_.get(), group.c_str(), key.c_str(), nullptr) != FALSE;
}

Result<std::optional<std::string>> KeyFile::string(const std::string& group,
                                                   const std::string& key) const
{
    if (!has(group, key)) {
        return std::optional<std::string>{};
    }
    GError* error = nullptr;
    gchar* value = g_key_file_get_string(file_.get(), group.c_str(), key.c_str(), &error);
    // After an unknown escape GLib sets the error and returns what it could read as well.
    const std::string text = value != nullptr ? value : "";
    g_free(value);
    if (error != nullptr) {
        const std::string reason = text::printable(error->message);
        g_error_free(error);
        return fail_at(group, key, reason);
    }
    return std::optional<std::string>{text::trim(text)};
}

Result<std::optional<bool>> KeyFile::boolean(const std::string& group, const std::string& key) const
{
    const Result<std::optional<std::string>> value = string(group, key);
    if (!value) {
        return fail(value.error());
    }
    if (!*value) {
        return std::optional<bool>{};
    }
    for (const char* yes : {"true", "1", "yes", "on"}) {
        if (**value == yes) {
            return std::optional<bool>{true};
        }
    }
    for (const char* no : {"false", "0", "no", "off"}) {
        if (**value == no) {
            return std::optional<bool>{false};
        }
    }
    return fail_at(group, key, "'" + text::printable(**value, 64) + "' is neither true nor false");
}

Result<std::optional<std::int64_t>> KeyFile::integer(const std::string& group,
                                                     const std::string& key, std::int64_t least,
                                                     std::int64_t most) const
{
    const Result<std::optional<std::string>> value = string(group, key);
    if (!value) {
        return fail(value.error());
    }
    if (!*value) {
        return std::optional<std::int64_t>{};
    }
    const std::string& digits = **value;
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error != std::errc{} || end != digits.data() + digits.size() || number < least ||
        number > most) {
        return fail_at(group, key,
                       "'" + text::printable(digits, 64) + "' is no whole number from " +
                           std::to_string(least) + " to " + std::to_string(most));
    }
    return std::optional<std::int64_t>{number};
}

Result<std::optional<std::chrono::milliseconds>> KeyFile::duration(const std::string& group,
                                                                   const std::string& key) const
{
    const Result<std::optional<std::string>> value = string(group, key);
    if (!value) {
        return fail(value.error());
    }
    if (!*value) {
        return std::optional<std::chrono::milliseconds>{};
    }
    const Result<std::chrono::milliseconds> parsed = parse_duration(**value);
    if (!parsed) {
        return fail_at(group, key, parsed.error().message());
    }
    return std::optional{*parsed};
}

Result<std::optional<std::vector<std::string>>> KeyFile::list(const std::string& group,
                                                              const std::string& key) const
{
    const Result<std::optional<std::string>> value = string(group, key);
    if (!value) {
        return fail(value.error());
    }
    if (!*value) {
        return std::optional<std::vector<std::string>>{};
    }
    std::string text = **value;
    std::replace(text.begin(), text.end(), ',', ';');
    return std::optional{text::split(text, ';')};
}

int KeyFile::line(const std::string& group, const std::string& key) const
{
    int found = 0;
    for (const Place& place : places_) {
        if (place.group == group && place.key == key) {
            found = place.line;
        }
    }
    return found;
}

Failure KeyFile::fail_at(const std::string& group, const std::string& key,
                         std::string_view what) const
{
    std::string message = name_;
    if (const int at = line(group, key); at > 0) {
        message += ":" + std::to_string(at);
    }
    message += ": [" + text::printable(group, 64) + "] ";
    if (!key.empty()) {
        message += text::printable(key, 64) + ": ";
    }
    return fail(ErrorKind::invalid_argument, message + std::string{what});
}

Result<void> KeyFile::refuse_unknown(const std::vector<std::string>& known) const
{
    for (const std::string& group : groups()) {
        std::vector<std::string> fitting;
        for (const std::string& entry : known) {
            if (entry.compare(0, group.size() + 1, group + "/") == 0) {
                fitting.push_back(entry.substr(group.size() + 1));
            }
        }
        if (fitting.empty()) {
            std::vector<std::string> right;
            for (const std::string& entry : known) {
                std::string name = "[" + entry.substr(0, entry.find('/')) + "]";
                if (std::find(right.begin(), right.end(), name) == right.end()) {
                    right.push_back(std::move(name));
                }
            }
            return fail_at(group, "", "unknown group; known are " + text::join(right, " "));
        }
        for (const std::string& key : keys(group)) {
            if (std::find(fitting.begin(), fitting.end(), key) == fitting.end()) {
                return fail_at(group, key,
                               "unknown key; this group knows " + text::join(fitting, ", "));
            }
        }
    }
    return {};
}

} // namespace frostline
