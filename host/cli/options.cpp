// SPDX-License-Identifier: Apache-2.0
#include "host/cli/options.hpp"

#include "common/text.hpp"
#include "host/cli/option_table.hpp"

#include <algorithm>
#include <array>

namespace frostline::host {

namespace {

struct VerbEntry {
    std::string_view name;
    Verb verb;
};

constexpr std::array<VerbEntry, 10> verbs{{
    {"ping", Verb::ping},
    {"info", Verb::info},
    {"status", Verb::status},
    {"hooks", Verb::hooks},
    {"freeze", Verb::freeze},
    {"thaw", Verb::thaw},
    {"snapshot", Verb::snapshot},
    {"exec", Verb::exec},
    {"recover", Verb::recover},
    {"verify", Verb::verify},
}};

std::string verb_list()
{
    std::vector<std::string> names;
    names.reserve(verbs.size());
    for (const VerbEntry& entry : verbs) {
        names.emplace_back(entry.name);
    }
    return text::join(names, ", ");
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
                        static_cast<int>(!options.backup_directory.empty()) +
                        static_cast<int>(!options.copy_directory.empty());
    if (methods > 1) {
        return usage(
            "--overlay, --backup, --copy, --commit and a command exclude each other: say one of "
            "them");
    }
    if (methods == 0) {
        return usage(
            "how? Say --overlay, --backup DIR, --copy DIR, or \"-- COMMAND...\" for a command that "
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
    if (options.verb == Verb::verify) {
        if (words.size() != 1 || options.socket || options.connect || options.qmp) {
            return usage("verify takes one snapshot: the path of its NAME.frostline.json");
        }
        options.guest = words.front();
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
