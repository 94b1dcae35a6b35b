// SPDX-License-Identifier: Apache-2.0
#include "host/snapshot/command.hpp"

#include "common/text.hpp"
#include "host/io/child.hpp"

#include <algorithm>
#include <cstdlib>

#include <unistd.h>

namespace frostline::host {

namespace {

/// As the shell finds it. A command that is missed in the window would have frozen for nothing.
bool can_be_run(const std::string& program)
{
    if (program.find('/') != std::string::npos) {
        return ::access(program.c_str(), X_OK) == 0;
    }
    const char* path = std::getenv("PATH"); // NOLINT(concurrency-mt-unsafe): one thread
    const std::vector<std::string> folders =
        text::split(path != nullptr ? path : "/usr/bin:/bin", ':');
    return std::any_of(folders.begin(), folders.end(), [&program](const std::string& folder) {
        return ::access((folder + "/" + program).c_str(), X_OK) == 0;
    });
}

} // namespace

Result<void> CommandSnapshot::prepare(TimePoint until)
{
    if (!can_be_run(settings_.command.front())) {
        return fail(ErrorKind::not_found, "the command " +
                                              text::printable(settings_.command.front(), 256) +
                                              " is not there, or may not be run");
    }
    disks_.clear();
    for (const CommandGuest& guest : guests_) {
        disks_.emplace_back();
        if (!guest.disks) {
            continue;
        }
        Result<std::vector<std::pair<std::string, std::string>>> disks = guest.disks(until);
        if (!disks) {
            return fail(std::move(disks).error());
        }
        disks_.back() = std::move(*disks);
    }
    return {};
}

/// One line for each guest or disk: names with blanks in them stay whole.
std::vector<std::string> CommandSnapshot::environment() const
{
    std::string names;
    std::string ids;
    std::string disks;
    for (std::size_t i = 0; i < guests_.size(); ++i) {
        const std::string separator = i == 0 ? "" : "\n";
        names += separator + guests_[i].name;
        ids += separator + guests_[i].freeze_id;
        for (const auto& [label, path] : disks_[i]) {
            disks += disks.empty() ? "" : "\n";
            disks += guests_[i].name;
            disks += "\t" + label;
            disks += "\t" + path;
        }
    }
    return {"FROSTLINE_NAME=" + settings_.name, "FROSTLINE_GUESTS=" + names,
            "FROSTLINE_FREEZE_IDS=" + ids, "FROSTLINE_DISKS=" + disks};
}

Result<Answer<bool>> CommandSnapshot::take(TimePoint until)
{
    Result<ProgramEnd> end = run_for_user(settings_.command, environment(), waiter_, until);
    if (!end) {
        return fail(std::move(end).error());
    }
    exit_status_ = end->exit_status;
    output_ = std::move(end->output);
    if (!end->problem.empty()) {
        return Answer<bool>{PeerError{"GenericError", end->problem}};
    }
    return Answer<bool>{true};
}

Result<SnapshotMethod::Switch> CommandSnapshot::find_out(TimePoint /*until*/)
{
    // One that was ended in the middle may have done anything.
    return exit_status_ == 0 ? Switch::done : Switch::unknown;
}

Result<void> CommandSnapshot::discard(TimePoint /*until*/)
{
    return {};
}

void CommandSnapshot::describe(json::Object& whole) const
{
    json::Array words;
    for (const std::string& word : settings_.command) {
        words.emplace_back(text::printable(word, 4096));
    }
    whole.set("command", std::move(words));
    if (exit_status_) {
        whole.set("command-status", std::int64_t{*exit_status_});
    }
    if (!output_.empty()) {
        whole.set("command-output", text::printable_lines(output_, 65536));
    }
}

std::string CommandSnapshot::table() const
{
    std::string text =
        "command: " + text::printable(text::join(settings_.command, " "), 1024) + "\n";
    const std::string output = text::printable_lines(output_, 65536);
    for (std::size_t at = 0; at < output.size();) {
        const std::size_t end = std::min(output.find('\n', at), output.size());
        text += "  " + output.substr(at, end - at) + "\n";
        at = end + 1;
    }
    return text;
}

} // namespace frostline::host
