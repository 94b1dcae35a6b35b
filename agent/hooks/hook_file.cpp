// SPDX-License-Identifier: Apache-2.0
#include "hooks/hook_file.hpp"

#include "common/duration.hpp"
#include "common/key_file.hpp"
#include "common/text.hpp"

#include <algorithm>

namespace frostline::hooks {

namespace {

constexpr std::string_view key_file_suffix = ".hook";
const std::string group = "Hook";

bool digit(char c)
{
    return c >= '0' && c <= '9';
}

bool letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool absolute(const std::string& path)
{
    return !path.empty() && path.front() == '/';
}

/// Fills a hook key by key; the first complaint ends it.
class Reader {
public:
    Reader(const KeyFile& file, Hook& hook) : file_(&file), hook_(&hook) {}

    Result<void> read()
    {
        for (const auto step :
             {&Reader::read_type, &Reader::read_program, &Reader::read_failure,
              &Reader::read_timeouts, &Reader::read_conditions, &Reader::read_environment}) {
            if (Result<void> done = (this->*step)(); !done) {
                return done;
            }
        }
        return {};
    }

private:
    /// The value of a key; empty when it is absent.
    Result<std::string> text(const char* key) const
    {
        Result<std::optional<std::string>> value = file_->string(group, key);
        if (!value) {
            return fail(std::move(value).error());
        }
        return std::move(*value).value_or(std::string{});
    }

    Failure wrong(const char* key, const std::string& what) const
    {
        return file_->fail_at(group, key, what);
    }

    Result<void> read_type()
    {
        const Result<std::string> type = text("Type");
        if (!type) {
            return fail(type.error());
        }
        if (!type->empty() && *type != "oneshot" && *type != "session") {
            return wrong("Type", "'" + text::printable(*type, 64) +
                                     "' is no kind of hook; right are oneshot and session");
        }
        hook_->session = *type == "session";
        return {};
    }

    Result<void> read_program()
    {
        Result<std::string> description = text("Description");
        Result<std::string> program = text("Exec");
        Result<std::string> user = text("User");
        for (const Result<std::string>* value : {&description, &program, &user}) {
            if (!*value) {
                return fail(value->error());
            }
        }
        if (!file_->has(group, "Exec")) {
            return wrong("", "Exec is missing; right is Exec=/path/of/program");
        }
        if (!absolute(*program)) {
            return wrong("Exec", "'" + text::printable(*program, 256) +
                                     "' is no absolute path; right is one program, such as "
                                     "/usr/lib/frostline/hooks/NAME, without arguments");
        }
        hook_->description = std::move(*description);
        hook_->program = std::move(*program);
        hook_->user = std::move(*user);
        return {};
    }

    Result<void> read_failure()
    {
        const Result<std::string> choice = text("OnFailure");
        if (!choice) {
            return fail(choice.error());
        }
        if (!choice->empty() && *choice != "abort" && *choice != "continue") {
            return wrong("OnFailure", "'" + text::printable(*choice, 64) +
                                          "' is unknown; right are abort and continue");
        }
        hook_->optional = *choice == "continue";
        return {};
    }

    Result<void> read_timeouts()
    {
        for (auto [key, into] : {std::pair{"FreezeTimeout", &hook_->freeze_timeout},
                                 std::pair{"ThawTimeout", &hook_->thaw_timeout}}) {
            const Result<std::optional<std::chrono::milliseconds>> value =
                file_->duration(group, key);
            if (!value) {
                return fail(value.error());
            }
            if (*value && (*value)->count() <= 0) {
                return wrong(key, "a hook cannot do without time; right is a duration above 0, "
                                  "such as 10s or 500ms");
            }
            *into = value->value_or(default_timeout);
        }
        return {};
    }

    Result<void> read_conditions()
    {
        Result<std::string> condition = text("ConditionPathExists");
        Result<std::optional<std::vector<std::string>>> paths = file_->list(group, "Filesystems");
        if (!condition || !paths) {
            return fail(condition ? paths.error() : condition.error());
        }
        if (!condition->empty() && !absolute(*condition)) {
            return wrong("ConditionPathExists",
                         "'" + text::printable(*condition, 256) + "' is no absolute path");
        }
        hook_->condition_path = std::move(*condition);
        hook_->filesystems = std::move(*paths).value_or(std::vector<std::string>{});
        for (const std::string& path : hook_->filesystems) {
            if (!absolute(path)) {
                return wrong("Filesystems", "'" + text::printable(path, 256) +
                                                "' is no absolute path; right are paths "
                                                "separated by ';'");
            }
        }
        return {};
    }

    Result<void> read_environment()
    {
        const Result<std::string> value = text("Environment");
        if (!value) {
            return fail(value.error());
        }
        for (const std::string& entry : text::split(*value, ';')) {
            const std::string name = entry.substr(0, entry.find('='));
            const bool named = !name.empty() && !digit(name.front()) &&
                               std::all_of(name.begin(), name.end(), [](char c) {
                                   return letter(c) || digit(c) || c == '_';
                               });
            if (!named || name.size() == entry.size()) {
                return wrong("Environment", "'" + text::printable(entry, 128) +
                                                "' sets nothing; right is KEY=value, several "
                                                "separated by ';'");
            }
            if (name.compare(0, 10, "FROSTLINE_") == 0 || name == "HOME" || name == "TMPDIR" ||
                name == "LC_ALL") {
                return wrong("Environment", name + " is set by the agent and cannot be changed");
            }
            hook_->environment.push_back(entry);
        }
        return {};
    }

    const KeyFile* file_;
    Hook* hook_;
};

} // namespace

Result<HookName> parse_hook_name(std::string_view file_name)
{
    HookName parsed;
    std::string_view name = file_name;
    if (name.size() > key_file_suffix.size() && name.ends_with(key_file_suffix)) {
        parsed.key_file = true;
        name.remove_suffix(key_file_suffix.size());
    }
    const bool staged = name.size() > 3 && digit(name[0]) && digit(name[1]) && name[2] == '-';
    const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
        return letter(c) || digit(c) || c == '-' || c == '_';
    });
    if (!staged || !plain) {
        return fail(ErrorKind::invalid_argument,
                    "not a hook's name; those are NN-name for a program and NN-name.hook for a "
                    "key file, with letters, digits, '-' and '_' only");
    }
    parsed.stage = (name[0] - '0') * 10 + (name[1] - '0');
    parsed.name = name;
    return parsed;
}

Result<Hook> parse_hook_file(std::string_view text, const std::string& path, const HookName& name)
{
    const Result<KeyFile> file = KeyFile::parse(text, path);
    if (!file) {
        return fail(file.error());
    }
    if (const Result<void> known = file->refuse_unknown(
            {"Hook/Description", "Hook/Type", "Hook/Exec", "Hook/User", "Hook/FreezeTimeout",
             "Hook/ThawTimeout", "Hook/OnFailure", "Hook/ConditionPathExists", "Hook/Filesystems",
             "Hook/Environment"});
        !known) {
        return fail(known.error());
    }
    Hook hook;
    hook.name = name.name;
    hook.stage = name.stage;
    hook.path = path;
    if (const Result<void> read = Reader{*file, hook}.read(); !read) {
        return fail(read.error());
    }
    return hook;
}

} // namespace frostline::hooks
