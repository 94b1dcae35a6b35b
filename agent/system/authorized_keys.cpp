// SPDX-License-Identifier: Apache-2.0
#include "system/authorized_keys.hpp"

#include "common/text.hpp"

#include <set>

namespace frostline::system {

namespace {

using std::string_view;

/// Takes the first line, with its line feed, from `text`.
string_view take_line(string_view& text)
{
    const std::size_t end = text.find('\n');
    const string_view line = text.substr(0, end == string_view::npos ? end : end + 1);
    text.remove_prefix(line.size());
    return line;
}

} // namespace

Result<void> check_keys(const std::vector<std::string>& keys)
{
    for (const std::string& key : keys) {
        const string_view bare = text::trim(key);
        const bool comment = !bare.empty() && bare.front() == '#';
        if (comment || key.find_first_of(string_view{"\n\0", 2}) != std::string::npos) {
            return fail(ErrorKind::invalid_argument, "invalid OpenSSH public key: '" + key + "'");
        }
    }
    return {};
}

std::vector<std::string> keys_in(string_view text)
{
    std::vector<std::string> keys;
    while (!text.empty()) {
        const string_view line = text::trim(take_line(text));
        if (!line.empty() && line.front() != '#') {
            keys.emplace_back(line);
        }
    }
    return keys;
}

std::string with_keys(string_view text, const std::vector<std::string>& keys)
{
    std::string out{text};
    if (!out.empty() && out.back() != '\n') {
        out += '\n';
    }
    const std::vector<std::string> there = keys_in(text);
    std::set<string_view> known{there.begin(), there.end()};
    for (const std::string& key : keys) {
        const string_view bare = text::trim(key);
        if (!bare.empty() && known.insert(bare).second) {
            out.append(bare).append("\n");
        }
    }
    return out;
}

std::string without_keys(string_view text, const std::vector<std::string>& keys)
{
    std::set<string_view> unwanted;
    for (const std::string& key : keys) {
        unwanted.insert(text::trim(key));
    }
    unwanted.erase(string_view{}); // else a blank key would take the blank lines
    std::string out;
    while (!text.empty()) {
        const string_view line = take_line(text);
        if (unwanted.count(text::trim(line)) == 0) {
            out.append(line);
        }
    }
    return out;
}

} // namespace frostline::system
