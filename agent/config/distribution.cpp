// SPDX-License-Identifier: Apache-2.0
#include "config/distribution.hpp"

#include "common/shell_words.hpp"
#include "common/text.hpp"

#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

namespace frostline::config {

namespace {

using Words = std::vector<std::string>;

/// An option that qemu-ga has renamed, under its present name.
std::string renamed(const std::string& word)
{
    constexpr std::string_view old = "--blacklist";
    if (word == old || word.rfind(std::string{old} + "=", 0) == 0) {
        return "--block-rpcs" + word.substr(old.size());
    }
    return word;
}

Result<Words> option_words(const std::string& value)
{
    Result<Words> words = shell_words(value);
    if (words) {
        for (std::string& word : *words) {
            word = renamed(word);
        }
    }
    return words;
}

/// A list of commands. Some put the whole option where a list is expected.
Result<Words> list_words(const std::string& value)
{
    if (value.front() == '-') {
        return option_words(value);
    }
    return Words{"--block-rpcs=" + value};
}

Result<Words> transport_words(const std::string& value)
{
    const std::size_t colon = value.find(':');
    if (colon == std::string::npos) {
        return fail(ErrorKind::invalid_argument,
                    "'" + text::printable(value) + "' is not of the form METHOD:PATH");
    }
    return Words{"--method=" + value.substr(0, colon), "--path=" + value.substr(colon + 1)};
}

/// The words of one variable's value, which is not empty.
Result<Words> words_of(std::string_view variable, const std::string& value)
{
    if (variable == "TRANSPORT") {
        return transport_words(value);
    }
    if (variable == "BLACKLIST_RPC" || variable == "BLOCK_RPCS") {
        return list_words(value);
    }
    if (variable == "FSFREEZE_HOOK_PATHNAME") {
        return Words{"--fsfreeze-hook=" + value};
    }
    return option_words(value);
}

Result<CommandLine> parse(Words words)
{
    std::string program = "frostline-agent";
    std::vector<char*> argv{program.data()};
    for (std::string& word : words) {
        argv.push_back(word.data());
    }
    argv.push_back(nullptr);
    Result<CommandLine> line = parse_command_line(static_cast<int>(argv.size()) - 1, argv.data());
    if (line && line->action != Action::serve) {
        return fail(ErrorKind::invalid_argument, "an option that does not serve a host");
    }
    if (!line && line.error().kind() == ErrorKind::not_found) {
        return fail(ErrorKind::invalid_argument, "an option that does not exist, or is not whole");
    }
    return line;
}

/// The sysconfig file names a hook script by default, whether there is one or not.
bool is_missing_hook(std::string_view variable, const std::string& value)
{
    std::error_code error;
    return variable == "FSFREEZE_HOOK_PATHNAME" && !std::filesystem::exists(value, error) && !error;
}

} // namespace

Result<DistributionDefaults>
distribution_defaults(const std::function<const char*(const char* name)>& value_of)
{
    DistributionDefaults defaults;
    for (const char* const variable : distribution_variables) {
        const char* const set = value_of(variable);
        const std::string value{text::trim(set == nullptr ? "" : set)};
        if (value.empty()) {
            continue;
        }
        if (is_missing_hook(variable, value)) {
            defaults.notes.push_back(std::string{variable} + ": " + text::printable(value) +
                                     " does not exist, so no such hook is run");
            continue;
        }
        Result<Words> words = words_of(variable, value);
        Result<CommandLine> line =
            words ? parse(std::move(words).value()) : Result<CommandLine>{fail(words.error())};
        if (!line) {
            return fail(std::move(line).error().with_context(std::string{variable} +
                                                             " in the environment"));
        }
        defaults.lines.push_back(std::move(line).value());
    }
    return defaults;
}

} // namespace frostline::config
