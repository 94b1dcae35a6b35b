// SPDX-License-Identifier: Apache-2.0
#include "commands/report_json.hpp"

#include "common/text.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <ctime>

namespace frostline::commands {

namespace {

using std::chrono::duration_cast;
using std::chrono::microseconds;
using std::chrono::seconds;

std::optional<std::string> unless_empty(const std::string& text)
{
    return text.empty() ? std::nullopt : std::optional{text};
}

/// RFC 3339 in UTC with microseconds.
std::string time_text(std::chrono::system_clock::time_point time)
{
    const auto since_epoch = duration_cast<microseconds>(time.time_since_epoch());
    const std::time_t whole = duration_cast<seconds>(since_epoch).count();
    std::tm parts{};
    ::gmtime_r(&whole, &parts);
    std::array<char, 32> date{};
    if (std::strftime(date.data(), date.size(), "%Y-%m-%dT%H:%M:%S", &parts) == 0) {
        return {};
    }
    std::array<char, 16> fraction{};
    std::snprintf(fraction.data(), fraction.size(), ".%06dZ",
                  static_cast<int>((since_epoch % seconds{1}).count()));
    return std::string{date.data()} + fraction.data();
}

qapi::FreezeOutcome to_wire(freeze::Outcome outcome)
{
    switch (outcome) {
    case freeze::Outcome::consistent:
        return qapi::FreezeOutcome::consistent;
    case freeze::Outcome::degraded:
        return qapi::FreezeOutcome::degraded;
    case freeze::Outcome::aborted:
        return qapi::FreezeOutcome::aborted;
    case freeze::Outcome::expired:
        return qapi::FreezeOutcome::expired;
    case freeze::Outcome::recovered:
        break;
    }
    return qapi::FreezeOutcome::recovered;
}

qapi::HookPhase to_wire(hooks::HookPhase phase)
{
    switch (phase) {
    case hooks::HookPhase::check:
        return qapi::HookPhase::check;
    case hooks::HookPhase::freeze:
        return qapi::HookPhase::freeze;
    case hooks::HookPhase::hold:
        return qapi::HookPhase::hold;
    case hooks::HookPhase::thaw:
        break;
    }
    return qapi::HookPhase::thaw;
}

qapi::HookResult to_wire(hooks::HookResult result)
{
    switch (result) {
    case hooks::HookResult::done:
        return qapi::HookResult::done;
    case hooks::HookResult::held:
        return qapi::HookResult::held;
    case hooks::HookResult::lost:
        return qapi::HookResult::lost;
    case hooks::HookResult::busy:
        return qapi::HookResult::busy;
    case hooks::HookResult::skipped:
        return qapi::HookResult::skipped;
    case hooks::HookResult::failed:
        return qapi::HookResult::failed;
    case hooks::HookResult::timed_out:
        return qapi::HookResult::timed_out;
    case hooks::HookResult::cancelled:
        break;
    }
    return qapi::HookResult::cancelled;
}

qapi::FilesystemResult to_wire(freeze::FsResult result)
{
    switch (result) {
    case freeze::FsResult::frozen:
        return qapi::FilesystemResult::frozen;
    case freeze::FsResult::synced:
        return qapi::FilesystemResult::synced;
    case freeze::FsResult::skipped:
        return qapi::FilesystemResult::skipped;
    case freeze::FsResult::failed:
        return qapi::FilesystemResult::failed;
    case freeze::FsResult::already_frozen:
        return qapi::FilesystemResult::already_frozen;
    case freeze::FsResult::lost:
        break;
    }
    return qapi::FilesystemResult::lost;
}

qapi::FreezeState to_wire(freeze::State state)
{
    switch (state) {
    case freeze::State::idle:
        return qapi::FreezeState::idle;
    case freeze::State::planning:
        return qapi::FreezeState::planning;
    case freeze::State::syncing:
        return qapi::FreezeState::syncing;
    case freeze::State::quiescing:
        return qapi::FreezeState::quiescing;
    case freeze::State::freezing:
        return qapi::FreezeState::freezing;
    case freeze::State::frozen:
        return qapi::FreezeState::frozen;
    case freeze::State::thawing:
        return qapi::FreezeState::thawing;
    case freeze::State::releasing:
        break;
    }
    return qapi::FreezeState::releasing;
}

qapi::HookState to_wire(hooks::HookListing::State state)
{
    switch (state) {
    case hooks::HookListing::State::active:
        return qapi::HookState::active;
    case hooks::HookListing::State::masked:
        return qapi::HookState::masked;
    case hooks::HookListing::State::refused:
        return qapi::HookState::refused;
    case hooks::HookListing::State::condition_unmet:
        break;
    }
    return qapi::HookState::condition_unmet;
}

/// What hooks have said, as long as there is room in the reply. A host takes 4 MiB of one; written
/// in ASCII, a byte may become six.
class SaidByHooks {
public:
    std::optional<std::string> take(const std::string& text)
    {
        if (text.empty()) {
            return std::nullopt;
        }
        std::string taken = text;
        if (taken.size() > left_) {
            taken.resize(left_);
            while (!text::valid_utf8(taken)) {
                taken.pop_back();
            }
            taken += "\n[" + std::to_string(text.size() - taken.size()) +
                     " bytes left out: the reply is full]";
        }
        left_ -= std::min(left_, taken.size());
        return taken;
    }

private:
    std::size_t left_ = std::size_t{512} << 10U;
};

qapi::FreezeHook to_wire(const hooks::HookRecord& record, const freeze::Report& report,
                         SaidByHooks& said)
{
    qapi::FreezeHook out;
    out.name = record.name;
    out.stage = record.stage;
    out.phase = to_wire(record.phase);
    out.result = to_wire(record.result);
    out.start_us = duration_cast<microseconds>(record.start - report.started_at).count();
    out.duration_us = duration_cast<microseconds>(record.duration).count();
    // What went wrong comes first, should there be room for one only.
    out.stderr_ = said.take(record.standard_error);
    out.stdout_ = said.take(record.standard_output);
    return out;
}

qapi::FreezeFilesystem to_wire(const freeze::FsRecord& record)
{
    qapi::FreezeFilesystem out;
    out.mountpoint = record.mount_point;
    out.type = record.type;
    out.device = record.device;
    out.result = to_wire(record.result);
    out.reason = unless_empty(record.reason);
    out.start_us = record.start.count();
    out.duration_us = record.duration.count();
    return out;
}

} // namespace

qapi::FreezeReport to_wire(const freeze::Report& report)
{
    qapi::FreezeReport out;
    out.id = report.id;
    out.outcome = to_wire(report.outcome);
    out.started = time_text(report.started);
    out.frozen_us = report.frozen.count();
    for (const freeze::PhaseRecord& record : report.phases) {
        qapi::FreezePhase phase;
        phase.name = record.name;
        phase.start_us = record.start.count();
        phase.duration_us = record.duration.count();
        out.phases.push_back(std::move(phase));
    }
    SaidByHooks said;
    for (const hooks::HookRecord& record : report.hooks) {
        out.hooks.push_back(to_wire(record, report, said));
    }
    for (const freeze::FsRecord& record : report.filesystems) {
        out.filesystems.push_back(to_wire(record));
    }
    out.error = report.error;
    return out;
}

qapi::FreezeStatus to_wire(const freeze::Status& status)
{
    qapi::FreezeStatus out;
    out.state = to_wire(status.state);
    out.id = status.id;
    if (status.deadline_remaining) {
        out.deadline_remaining_ms = status.deadline_remaining->count();
    }
    if (!status.owed_hooks.empty()) {
        out.owed_hooks = status.owed_hooks;
    }
    if (status.last) {
        out.last = to_wire(*status.last);
    }
    return out;
}

namespace {

qapi::HookInfo to_wire(const hooks::HookListing& hook, SaidByHooks& said)
{
    qapi::HookInfo out;
    out.name = hook.name;
    out.stage = hook.stage;
    out.type = hook.session ? qapi::HookType::session : qapi::HookType::oneshot;
    out.path = hook.path;
    out.description = unless_empty(hook.description);
    out.state = to_wire(hook.state);
    out.reason = unless_empty(hook.reason);
    out.freeze_timeout_ms = hook.freeze_timeout.count();
    out.thaw_timeout_ms = hook.thaw_timeout.count();
    out.on_failure = hook.optional ? qapi::HookOnFailure::continue_ : qapi::HookOnFailure::abort;
    if (hook.check) {
        qapi::HookCheck check;
        check.result = to_wire(hook.check->result);
        check.duration_us = duration_cast<microseconds>(hook.check->duration).count();
        check.stderr_ = said.take(hook.check->standard_error);
        check.stdout_ = said.take(hook.check->standard_output);
        out.check = std::move(check);
    }
    return out;
}

} // namespace

std::vector<qapi::HookInfo> to_wire(const std::vector<hooks::HookListing>& hooks)
{
    SaidByHooks said;
    std::vector<qapi::HookInfo> out;
    out.reserve(hooks.size());
    for (const hooks::HookListing& hook : hooks) {
        out.push_back(to_wire(hook, said));
    }
    return out;
}

} // namespace frostline::commands
