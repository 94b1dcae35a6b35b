// SPDX-License-Identifier: Apache-2.0
#include "host/cli/options.hpp"

#include "common/duration.hpp"
#include "common/text.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <memory>

namespace frostline::host {

namespace {

struct VerbEntry {
    std::string_view name;
    Verb verb;
};

constexpr std::array<VerbEntry, 9> verbs{{
    {"ping", Verb::ping},
    {"info", Verb::info},
    {"status", Verb::status},
    {"hooks", Verb::hooks},
    {"freeze", Verb::freeze},
    {"thaw", Verb::thaw},
    {"snapshot", Verb::snapshot},
    {"exec", Verb::exec},
    {"recover", Verb::recover},
}};

Failure usage(std::string message)
{
    return fail(ErrorKind::invalid_argument, std::move(message));
}

std::string verb_list()
{
    std::vector<std::string> names;
    for (const VerbEntry& entry : verbs) {
        names.emplace_back(entry.name);
    }
    return text::join(names, ", ");
}

/// One option: sets its part of Options from its value (empty when it takes none).
struct OptionEntry {
    std::string_view name;
    bool takes_value;
    std::vector<Verb> only; ///< verbs that know it; empty: all
    Result<void> (*apply)(Options&, const std::string&);
};

Result<void> set_duration(std::optional<std::chrono::milliseconds>& target, const char* option,
                          const std::string& value)
{
    const Result<std::chrono::milliseconds> parsed = parse_duration(value);
    if (!parsed) {
        return fail(Error{parsed.error()}.with_context(option));
    }
    if (parsed->count() == 0) {
        return usage(std::string{option} + ": zero makes no sense here");
    }
    target = *parsed;
    return {};
}

Result<void> set_require(Options& options, const std::string& value)
{
    for (const Level level : {Level::app, Level::fs, Level::crash}) {
        if (value == level_name(level)) {
            options.require = level;
            return {};
        }
    }
    return usage("--require: '" + text::printable(value, 64) +
                 "' is no level: write app, fs or crash");
}

Result<void> set_on_error(Options& options, const std::string& value)
{
    if (value != "abort" && value != "skip") {
        return usage("--on-error: '" + text::printable(value, 64) +
                     "' is neither abort (take nothing when one guest fails) nor skip (leave that "
                     "one out)");
    }
    options.skip_failed = value == "skip";
    return {};
}

/// The name becomes part of file names.
Result<void> set_name(Options& options, const std::string& value)
{
    const auto good = [](char letter) {
        return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
               (letter >= '0' && letter <= '9') || letter == '_' || letter == '-' || letter == '.';
    };
    if (value.empty() || value.size() > 100 || value.front() == '.' || value.front() == '-' ||
        !std::all_of(value.begin(), value.end(), good)) {
        return usage("--name: '" + text::printable(value, 64) +
                     "' is no name: write 1 to 100 letters, digits, '.', '_' or '-', not "
                     "beginning with '.' or '-'");
    }
    options.name = value;
    return {};
}

Result<void> set_path(std::string& target, const char* option, const std::string& value)
{
    if (value.empty()) {
        return usage(std::string{option} + ": give a path");
    }
    std::error_code error;
    std::filesystem::path path = std::filesystem::absolute(value, error).lexically_normal();
    if (error) {
        return usage(std::string{option} + ": " + error.message());
    }
    if (!path.has_filename() && path.has_relative_path()) {
        path = path.parent_path(); // "/a/b/" and "/a/b" are one folder
    }
    target = path.string();
    return {};
}

const std::vector<OptionEntry>& option_table()
{
    static const std::vector<OptionEntry> table{
        {"--connect",
         true,
         {},
         [](Options& o, const std::string& v) -> Result<void> {
             o.connect = v;
             return {};
         }},
        {"--socket",
         true,
         {},
         [](Options& o, const std::string& v) -> Result<void> {
             o.socket = v;
             return {};
         }},
        {"--qmp",
         true,
         {},
         [](Options& o, const std::string& v) -> Result<void> {
             o.qmp = v;
             return {};
         }},
        {"--json",
         false,
         {},
         [](Options& o, const std::string&) -> Result<void> {
             o.json = true;
             return {};
         }},
        {"--timeout",
         true,
         {},
         [](Options& o, const std::string& v) { return set_duration(o.timeout, "--timeout", v); }},
        {"--check",
         false,
         {Verb::hooks},
         [](Options& o, const std::string&) -> Result<void> {
             o.check = true;
             return {};
         }},
        {"--deadline",
         true,
         {Verb::freeze, Verb::snapshot},
         [](Options& o, const std::string& v) {
             return set_duration(o.deadline, "--deadline", v);
         }},
        {"--name", true, {Verb::snapshot}, set_name},
        {"--require", true, {Verb::snapshot}, set_require},
        {"--overlay",
         false,
         {Verb::snapshot},
         [](Options& o, const std::string&) -> Result<void> {
             o.overlay = true;
             return {};
         }},
        {"--backup",
         true,
         {Verb::snapshot},
         [](Options& o, const std::string& v) {
             return set_path(o.backup_directory, "--backup", v);
         }},
        {"--incremental",
         false,
         {Verb::snapshot},
         [](Options& o, const std::string&) -> Result<void> {
             o.incremental = true;
             return {};
         }},
        {"--commit",
         false,
         {Verb::snapshot},
         [](Options& o, const std::string&) -> Result<void> {
             o.commit = true;
             return {};
         }},
        {"--on-error", true, {Verb::snapshot}, set_on_error},
        {"--metrics",
         true,
         {Verb::snapshot},
         [](Options& o, const std::string& v) { return set_path(o.metrics_file, "--metrics", v); }},
        {"--timeline",
         true,
         {Verb::snapshot},
         [](Options& o, const std::string& v) {
             return set_path(o.timeline_file, "--timeline", v);
         }},
        {"--report-dir",
         true,
         {Verb::snapshot},
         [](Options& o, const std::string& v) {
             return set_path(o.report_directory, "--report-dir", v);
         }},
        {"--overlay-dir",
         true,
         {Verb::snapshot},
         [](Options& o, const std::string& v) {
             return set_path(o.overlay_directory, "--overlay-dir", v);
         }},
        {"--lease-dir",
         true,
         {Verb::snapshot, Verb::recover},
         [](Options& o, const std::string& v) {
             return set_path(o.lease_directory, "--lease-dir", v);
         }},
    };
    return table;
}

/// An option that was given, kept until the verb is known.
struct Given {
    const OptionEntry* entry;
    std::string value;
};

/// "--name=value" and "--name value" are the same.
Result<Given> read_option(const std::vector<std::string>& arguments, std::size_t& at)
{
    const std::string& argument = arguments[at];
    const std::size_t equals = argument.find('=');
    const std::string name = argument.substr(0, equals);
    for (const OptionEntry& entry : option_table()) {
        if (entry.name != name) {
            continue;
        }
        if (!entry.takes_value) {
            if (equals != std::string::npos) {
                return usage(name + " takes no value");
            }
            return Given{&entry, {}};
        }
        if (equals != std::string::npos) {
            return Given{&entry, argument.substr(equals + 1)};
        }
        if (at + 1 >= arguments.size()) {
            return usage(name + " needs a value");
        }
        return Given{&entry, arguments[++at]};
    }
    return usage("unknown option '" + text::printable(name, 64) +
                 "'; see frostline --help for what there is");
}

Result<void> set_verb(Options& options, const std::string& word)
{
    for (const VerbEntry& entry : verbs) {
        if (entry.name == word) {
            options.verb = entry.verb;
            return {};
        }
    }
    return usage("unknown verb '" + text::printable(word, 64) + "'; this frostline has " +
                 verb_list() + " (see frostline --help)");
}

Result<void> check_target(Options& options, const std::vector<std::string>& guests)
{
    if (options.connect && options.socket) {
        return usage("--connect and --socket exclude each other: a guest is reached through "
                     "libvirt or through its agent's socket");
    }
    if (options.qmp && !options.socket) {
        return usage("--qmp goes with --socket: a libvirt domain's monitor belongs to libvirt");
    }
    if (guests.size() > 1 && (options.verb != Verb::snapshot || options.socket)) {
        return usage("one guest at a time: '" + text::printable(guests[1], 64) +
                     "' is one too many" +
                     (options.verb == Verb::snapshot ? "; a group needs libvirt's guests" : ""));
    }
    if (!guests.empty()) {
        options.guest = guests[0];
    } else if (options.socket) {
        options.guest = *options.socket;
    } else {
        return usage("which guest? Give a libvirt domain, or --socket PATH for a guest agent's "
                     "Unix socket");
    }
    options.guests = guests.empty() ? std::vector{options.guest} : guests;
    std::vector<std::string> sorted = options.guests;
    std::sort(sorted.begin(), sorted.end());
    if (const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
        twice != sorted.end()) {
        return usage("the guest '" + text::printable(*twice, 64) + "' is named twice");
    }
    return {};
}

Result<void> check_snapshot(const Options& options)
{
    const int methods = static_cast<int>(options.overlay) + static_cast<int>(options.commit) +
                        static_cast<int>(!options.command.empty()) +
                        static_cast<int>(!options.backup_directory.empty());
    if (methods > 1) {
        return usage("--overlay, --backup, --commit and a command exclude each other: say one of "
                     "them");
    }
    if (methods == 0) {
        return usage("how? Say --overlay, --backup DIR, or \"-- COMMAND...\" for a command that "
                     "takes the snapshot of the storage");
    }
    if (options.command.empty() && options.socket && !options.qmp) {
        return usage("the disks can be reached by the monitor only: give --qmp PATH");
    }
    if (options.incremental && options.backup_directory.empty()) {
        return usage("--incremental goes with --backup DIR");
    }
    if (options.commit && options.name.empty()) {
        return usage("--commit: say which snapshot, by --name");
    }
    return {};
}

} // namespace

Result<Options> parse_options(const std::vector<std::string>& arguments)
{
    Options options;
    std::vector<Given> given;
    std::vector<std::string> words;
    bool only_words = false;
    for (std::size_t at = 0; at < arguments.size(); ++at) {
        const std::string& argument = arguments[at];
        if (only_words || argument.empty() || argument[0] != '-' || argument == "-") {
            words.push_back(argument);
        } else if (argument == "--" && !words.empty() &&
                   (words[0] == "snapshot" || words[0] == "exec")) {
            const auto rest = arguments.begin() + static_cast<std::ptrdiff_t>(at) + 1;
            options.command.assign(rest, arguments.end());
            break;
        } else if (argument == "--") {
            only_words = true;
        } else if (argument == "--help" || argument == "-h") {
            return options;
        } else if (argument == "--version" || argument == "-V") {
            options.verb = Verb::version;
            return options;
        } else {
            Result<Given> option = read_option(arguments, at);
            if (!option) {
                return fail(std::move(option).error());
            }
            given.push_back(std::move(*option));
        }
    }
    if (words.empty()) {
        return usage("no verb; this frostline has " + verb_list() + " (see frostline --help)");
    }
    if (Result<void> known = set_verb(options, words[0]); !known) {
        return fail(std::move(known).error());
    }
    for (const Given& option : given) {
        const std::vector<Verb>& only = option.entry->only;
        if (!only.empty() && std::find(only.begin(), only.end(), options.verb) == only.end()) {
            return usage(std::string{option.entry->name} + " does not go with " + words[0]);
        }
        if (Result<void> applied = option.entry->apply(options, option.value); !applied) {
            return fail(std::move(applied).error());
        }
    }
    words.erase(words.begin());
    if (options.verb == Verb::recover) {
        if (!words.empty() || options.socket || options.connect || options.qmp) {
            return usage("recover takes no guest: it finishes what runs have left that died");
        }
        return options;
    }
    if (Result<void> target = check_target(options, words); !target) {
        return fail(std::move(target).error());
    }
    if (options.verb == Verb::exec && options.command.empty()) {
        return usage("what? Write the program after \"--\": frostline exec GUEST -- PROGRAM ...");
    }
    if (options.verb == Verb::snapshot) {
        if (Result<void> method = check_snapshot(options); !method) {
            return fail(std::move(method).error());
        }
    }
    return options;
}

std::string_view verb_name(Verb verb)
{
    for (const VerbEntry& entry : verbs) {
        if (entry.verb == verb) {
            return entry.name;
        }
    }
    return verb == Verb::version ? "version" : "help";
}

} // namespace frostline::host
