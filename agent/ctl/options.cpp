// SPDX-License-Identifier: Apache-2.0
#include "ctl/options.hpp"

#include "common/duration.hpp"
#include "common/text.hpp"

#include <algorithm>
#include <array>

namespace frostline::ctl {

namespace {

struct VerbEntry {
    std::string_view name;
    Verb verb;
};

constexpr std::array<VerbEntry, 7> verbs{{
    {"status", Verb::status},
    {"hooks", Verb::hooks},
    {"check", Verb::check},
    {"rehearse", Verb::rehearse},
    {"thaw", Verb::thaw},
    {"new-hook", Verb::new_hook},
    {"test-hook", Verb::test_hook},
}};

Failure usage(std::string message)
{
    return fail(ErrorKind::invalid_argument, std::move(message));
}

Result<std::chrono::milliseconds> duration(const std::string& value)
{
    Result<std::chrono::milliseconds> parsed = parse_duration(value);
    if (parsed && parsed->count() == 0) {
        return usage("zero makes no sense here");
    }
    return parsed;
}

/// One option: sets its part of Options from its value (empty when it takes none).
struct OptionEntry {
    std::string_view name;
    bool takes_value;
    std::vector<Verb> only; ///< verbs that know it; empty: all
    Result<void> (*apply)(Options&, const std::string&);
};

template <auto Member>
Result<void> set_text(Options& options, const std::string& value)
{
    if (value.empty()) {
        return usage("is empty");
    }
    options.*Member = value;
    return {};
}

template <auto Member>
Result<void> add_text(Options& options, const std::string& value)
{
    if (value.empty() || value.front() != '/') {
        return usage("'" + text::printable(value, 64) + "' is no absolute path");
    }
    (options.*Member).push_back(value);
    return {};
}

template <auto Member>
Result<void> set_duration(Options& options, const std::string& value)
{
    const Result<std::chrono::milliseconds> parsed = duration(value);
    if (!parsed) {
        return fail(parsed.error());
    }
    options.*Member = *parsed;
    return {};
}

template <auto Member, bool Value>
Result<void> set_flag(Options& options, const std::string&)
{
    options.*Member = Value;
    return {};
}

const std::vector<OptionEntry>& option_table()
{
    static const std::vector<OptionEntry> table{
        {"--socket", true, {}, set_text<&Options::socket>},
        {"--statedir", true, {}, set_text<&Options::run_directory>},
        {"-t", true, {}, set_text<&Options::run_directory>},
        {"--config", true, {}, set_text<&Options::config_file>},
        {"-c", true, {}, set_text<&Options::config_file>},
        {"--hooks-dir", true, {}, add_text<&Options::hook_directories>},
        {"--json", false, {}, set_flag<&Options::json, true>},
        {"--timeout", true, {}, set_duration<&Options::timeout>},
        {"--check", false, {Verb::hooks}, set_flag<&Options::check, true>},
        {"--image", true, {Verb::check}, set_text<&Options::image>},
        {"--mountpoint", true, {Verb::rehearse}, add_text<&Options::mount_points>},
        {"--deadline", true, {Verb::rehearse}, set_duration<&Options::deadline>},
        {"--hold", true, {Verb::test_hook}, set_duration<&Options::hold>},
        {"--session", false, {Verb::new_hook}, set_flag<&Options::session, true>},
        {"--oneshot", false, {Verb::new_hook}, set_flag<&Options::session, false>},
        {"--dir", true, {Verb::new_hook}, set_text<&Options::directory>},
    };
    return table;
}

/// Options are applied when the verb is known.
struct Given {
    const OptionEntry* entry;
    std::string value;
};

class Reader {
public:
    explicit Reader(const std::vector<std::string>& arguments) : arguments_(arguments) {}

    Result<Options> read()
    {
        for (; at_ < arguments_.size(); ++at_) {
            const std::string& word = arguments_[at_];
            if (word == "--help" || word == "-h" || word == "--version" || word == "-V") {
                Options options;
                options.verb = word == "--help" || word == "-h" ? Verb::help : Verb::version;
                return options;
            }
            Result<void> taken =
                word.size() > 1 && word.front() == '-' ? option(word) : plain(word);
            if (!taken) {
                return fail(std::move(taken).error());
            }
        }
        return finish();
    }

private:
    Result<void> option(const std::string& word)
    {
        const std::size_t equals = word.rfind("--", 0) == 0 ? word.find('=') : std::string::npos;
        const std::string name = word.substr(0, equals);
        const auto found =
            std::find_if(option_table().begin(), option_table().end(),
                         [&name](const OptionEntry& entry) { return entry.name == name; });
        if (found == option_table().end()) {
            return usage("there is no option '" + text::printable(name, 64) +
                         "'; see frostlinectl --help");
        }
        Given given{&*found, {}};
        if (equals != std::string::npos) {
            if (!found->takes_value) {
                return usage(name + " takes no value");
            }
            given.value = word.substr(equals + 1);
        } else if (found->takes_value) {
            if (++at_ == arguments_.size()) {
                return usage(name + " needs a value");
            }
            given.value = arguments_[at_];
        }
        given_.push_back(std::move(given));
        return {};
    }

    Result<void> plain(const std::string& word)
    {
        if (!verb_) {
            const auto found = std::find_if(verbs.begin(), verbs.end(),
                                            [&word](const VerbEntry& e) { return e.name == word; });
            if (found == verbs.end()) {
                return usage("there is no verb '" + text::printable(word, 64) +
                             "'; see frostlinectl --help");
            }
            verb_ = found->verb;
            return {};
        }
        const bool takes_name = *verb_ == Verb::new_hook || *verb_ == Verb::test_hook;
        if (!takes_name || !name_.empty()) {
            return usage("'" + text::printable(word, 64) + "' is one word too many");
        }
        name_ = word;
        return {};
    }

    Result<Options> finish()
    {
        if (!verb_) {
            return usage("say what to do; see frostlinectl --help");
        }
        Options options;
        options.verb = *verb_;
        options.name = name_;
        if ((options.verb == Verb::new_hook || options.verb == Verb::test_hook) && name_.empty()) {
            return usage(std::string{verb_name(options.verb)} + " needs the name of a hook");
        }
        for (const Given& given : given_) {
            const std::vector<Verb>& only = given.entry->only;
            if (!only.empty() && std::find(only.begin(), only.end(), options.verb) == only.end()) {
                return usage(std::string{given.entry->name} + " means nothing to " +
                             std::string{verb_name(options.verb)});
            }
            if (Result<void> applied = given.entry->apply(options, given.value); !applied) {
                return fail(std::move(applied).error().with_context(given.entry->name));
            }
        }
        return options;
    }

    const std::vector<std::string>& arguments_;
    std::size_t at_ = 0;
    std::optional<Verb> verb_;
    std::string name_;
    std::vector<Given> given_;
};

} // namespace

Result<Options> parse_options(const std::vector<std::string>& arguments)
{
    return Reader{arguments}.read();
}

std::string_view help_text()
{
    return R"(usage: frostlinectl [--socket PATH] [-t DIR] [-c FILE] [--hooks-dir DIR]...
                    [--json] [--timeout T] VERB [OPTION...]

  status               what the agent is doing, and how the last freeze went
  hooks [--check]      the hooks; --check runs their checks
  check                what a freeze would do, without one: configuration, plan,
                       hooks with their checks, and hazards; needs no agent
  check --image ROOT   what can be said of a system that does not run
  rehearse [--mountpoint DIR]... [--deadline T]
                       freeze and thaw for real, once, and show the report
  thaw                 thaw whatever the agent has frozen
  new-hook NAME [--session | --oneshot] [--dir DIR]
                       write a commented hook to begin with
  test-hook NAME|FILE [--hold T]
                       its whole life, with nothing frozen

-t, -c and --hooks-dir: as the agent was started with them.
Exit status: 0 good, 1 usage or an error, 2 agent not reached, 3 a freeze fails,
5 not consistent, or a hazard, 6 thaw not confirmed. See frostlinectl(8).
)";
}

std::string_view verb_name(Verb verb)
{
    const auto found = std::find_if(verbs.begin(), verbs.end(),
                                    [verb](const VerbEntry& entry) { return entry.verb == verb; });
    return found != verbs.end() ? found->name : "";
}

} // namespace frostline::ctl
