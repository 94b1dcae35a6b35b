// SPDX-License-Identifier: Apache-2.0
#include "host/cli/option_table.hpp"

#include "common/duration.hpp"
#include "common/text.hpp"

#include <algorithm>
#include <filesystem>

namespace frostline::host {

namespace {

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

} // namespace

Failure usage(std::string message)
{
    return fail(ErrorKind::invalid_argument, std::move(message));
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
        {"--copy",
         true,
         {Verb::snapshot},
         [](Options& o, const std::string& v) { return set_path(o.copy_directory, "--copy", v); }},
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

} // namespace frostline::host
