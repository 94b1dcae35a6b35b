// SPDX-License-Identifier: Apache-2.0
#include "freeze/freeze_session.hpp"

#include "common/duration.hpp"
#include "common/log.hpp"
#include "common/text.hpp"

#include <random>
#include <utility>

namespace frostline::freeze {

namespace {

constexpr std::size_t longest_id = 128;
constexpr int most_retries = 8;

std::string make_id()
{
    std::random_device random;
    std::string id;
    for (int i = 0; i < 16; ++i) {
        id += "0123456789abcdef"[random() & 0xfU];
    }
    return id;
}

std::optional<Error> invalid(const Request& request)
{
    if (request.id && (request.id->empty() || request.id->size() > longest_id ||
                       text::printable(*request.id, longest_id) != *request.id)) {
        return Error{ErrorKind::invalid_argument, "a freeze id has 1 to 128 printable characters"};
    }
    if (request.deadline && request.deadline->count() <= 0) {
        return Error{ErrorKind::invalid_argument,
                     "a deadline must be at least 1 ms; leave it out for the configured one"};
    }
    return std::nullopt;
}

/// As people configure it: "60s", not "1min 0s".
std::string seconds_text(std::chrono::milliseconds time)
{
    return time.count() % 1000 == 0 ? std::to_string(time.count() / 1000) + "s"
                                    : format_duration(time);
}

} // namespace

FreezeSession::FreezeSession(Parts parts, Settings settings)
    : parts_(parts), settings_(std::move(settings))
{}

FreezeSession::~FreezeSession() = default;

void FreezeSession::freeze(Request request, std::function<void(Result<Frozen>)> done)
{
    std::optional<Error> error = invalid(request);
    if (!error && repeats(request, done)) {
        return;
    }
    if (!error) {
        error = refusal(request);
    }
    if (error) {
        return parts_.loop.post(
            [done = std::move(done), error = *std::move(error)] { done(fail(error)); });
    }
    Queued queued{std::move(request), {}, {std::move(done)}};
    queued.id = queued.request.id.value_or(make_id());
    if (operation_) {
        queued_ = std::move(queued); // the last one is letting go: its hooks have limits
    } else {
        begin(std::move(queued));
    }
}

/// Whether this freeze is known by its id; its asker then waits for, or gets, the same answer.
bool FreezeSession::repeats(const Request& request, FreezeDone& done)
{
    if (!request.id) {
        return false;
    }
    if (answer_ && answered_id_ == *request.id) {
        Result<Frozen> answer = *answer_;
        if (answer) {
            answer->report = latest_report();
        }
        parts_.loop.post([done = std::move(done), answer = std::move(answer)] { done(answer); });
        return true;
    }
    if (operation_ && operation_->id() == *request.id) {
        freeze_askers_.push_back(std::move(done));
        return true;
    }
    if (queued_ && queued_->id == *request.id) {
        queued_->askers.push_back(std::move(done));
        return true;
    }
    return false;
}

std::optional<std::string> FreezeSession::still_stuck() const
{
    if (!left_over_ || left_over_->unresolved().empty()) {
        return std::nullopt;
    }
    return text::join(left_over_->unresolved(), ", ") +
           " has not come back from the thaw of freeze " + left_over_->id() + " yet";
}

std::optional<Error> FreezeSession::refusal(const Request&) const
{
    if (shutting_down_) {
        return Error{ErrorKind::cancelled, "the agent is stopping"};
    }
    if (recovery_ && !recovery_->settled()) {
        return Error{ErrorKind::busy, "the thaw of a previous agent is being finished; try later"};
    }
    if (std::optional<std::string> stuck = still_stuck()) {
        return Error{ErrorKind::busy, *std::move(stuck)};
    }
    if (operation_ && (!operation_->ending() || queued_)) {
        return Error{ErrorKind::busy,
                     "freeze " + operation_->id() + " is under way or in force; thaw it first"};
    }
    return std::nullopt;
}

void FreezeSession::begin(Queued queued)
{
    lapse_.reset(); // its host has gone on to the next freeze
    retry_timer_ = {};
    if (const std::vector<std::string> owed = status().owed_hooks; !owed.empty()) {
        log::warning("a new freeze begins; these thaw hooks of the last one never succeeded",
                     text::join(owed, ", "));
    }
    left_over_.reset();
    recovery_.reset();
    answer_.reset();
    thaw_counted_ = false;
    freeze_askers_ = std::move(queued.askers);
    operation_ = std::make_unique<Operation>(
        parts_, settings_, std::move(queued.request), std::move(queued.id),
        Operation::Events{[this] { return save(); }, [this] { on_frozen(); },
                          [this] { on_released(); }, [this] { on_finished(); }});
    static_cast<void>(save()); // without the lapse and what was left over
    operation_->start();
}

void FreezeSession::answer_freeze(const Result<Frozen>& answer)
{
    answered_id_ = operation_->id();
    answer_ = answer;
    for (const FreezeDone& done : std::exchange(freeze_askers_, {})) {
        done(answer);
    }
}

void FreezeSession::on_frozen()
{
    answer_freeze(Frozen{operation_->count(), operation_->report()});
}

void FreezeSession::on_released()
{
    const Ending ending = *operation_->ending();
    if (ending == Ending::nothing) {
        answer_freeze(Frozen{0, operation_->report()});
    } else if (!operation_->was_frozen()) {
        answer_freeze(fail(
            operation_->error().value_or(Error{ErrorKind::internal, "the freeze was called off"})));
    }
    if (ending == Ending::lapsed) {
        note_lapse(" to " +
                       seconds_text(operation_->deadline().value_or(std::chrono::milliseconds{0})) +
                       ": the deadline thawed the file systems",
                   parts_.loop.now());
        log::warning("the deadline passed and no thaw came: thawed", operation_->id());
    } else if (ending == Ending::called_off && operation_->was_frozen()) {
        note_lapse(" and was called off: " +
                       (operation_->error() ? operation_->error()->message() : "thawed"),
                   parts_.loop.now());
    } else if (const auto reason = operation_->lost(); reason && ending == Ending::host) {
        note_lapse(" and did not hold until the thaw: " + *reason, operation_->lost_at());
    }
    static_cast<void>(save());
    answer_thaws(ThawWait::released);
    for (const auto& released : std::exchange(release_askers_, {})) {
        released();
    }
}

void FreezeSession::on_finished()
{
    last_ = operation_->report();
    answer_thaws(ThawWait::hooks);
    keep_left_over(std::move(operation_));
    for (const auto& done : std::exchange(shutdown_askers_, {})) {
        done();
    }
    if (const std::optional<std::string> stuck = still_stuck(); stuck && queued_) {
        return cancel_queued(*stuck);
    }
    if (queued_) {
        begin(*std::exchange(queued_, std::nullopt));
    }
}

void FreezeSession::keep_left_over(std::unique_ptr<Operation> operation)
{
    if (operation->unresolved().empty() && operation->owed().empty()) {
        return;
    }
    left_over_ = std::move(operation);
    static_cast<void>(save());
    left_over_->on_resolved([this] {
        last_ = left_over_->report();
        log::info("what was stuck has been thawed", left_over_->id());
    });
    retries_ = 0;
    retry_owed();
}

void FreezeSession::retry_owed()
{
    if (!left_over_ || left_over_->owed().empty() || retries_ == most_retries) {
        return;
    }
    retry_timer_ = parts_.loop.after(std::chrono::seconds{1LL << retries_++}, [this] {
        left_over_->retry_owed([this] {
            last_ = left_over_->report();
            retry_owed();
        });
    });
}

bool FreezeSession::knows(const std::string& id) const
{
    return (operation_ && operation_->id() == id) || (queued_ && queued_->id == id) ||
           (left_over_ && left_over_->id() == id) || (lapse_ && lapse_->id == id) ||
           (last_ && last_->id == id);
}

void FreezeSession::thaw(std::optional<std::string> id, ThawWait wait,
                         std::function<void(Result<Thawed>)> done)
{
    if (id && !knows(*id)) {
        return parts_.loop.post([done = std::move(done), id = *id] {
            done(fail(ErrorKind::not_found, "no freeze with the id " + text::printable(id, 128) +
                                                " is known; nothing was thawed"));
        });
    }
    cancel_queued("interrupted by a thaw");
    if (left_over_) {
        left_over_->thaw_again();
    }
    const bool answer_now =
        !operation_ || (wait == ThawWait::released && operation_->was_released());
    if (!answer_now) {
        thaw_askers_.push_back({wait, std::move(done)});
        return operation_->was_frozen()
                   ? operation_->end(Ending::host, std::nullopt)
                   : operation_->end(
                         Ending::called_off,
                         Error{ErrorKind::cancelled, "the freeze was interrupted by a thaw"});
    }
    parts_.loop.post(
        [this, token = std::weak_ptr{token_}, asker = ThawAsker{wait, std::move(done)}] {
            if (!token.expired()) {
                answer_thaw(asker);
            }
        });
}

void FreezeSession::answer_thaws(ThawWait wait)
{
    std::vector<ThawAsker> now;
    std::vector<ThawAsker> later;
    for (ThawAsker& asker : std::exchange(thaw_askers_, {})) {
        (asker.wait == wait ? now : later).push_back(std::move(asker));
    }
    thaw_askers_ = std::move(later);
    for (const ThawAsker& asker : now) {
        answer_thaw(asker);
    }
}

void FreezeSession::answer_thaw(const ThawAsker& asker)
{
    if (const auto lapse = std::exchange(lapse_, std::nullopt)) {
        thaw_counted_ = true;
        static_cast<void>(save());
        if (settings_.lapse_reply == LapseReply::count) {
            return asker.done(Thawed{lapse->count, latest_report()});
        }
        const auto ago =
            std::chrono::duration_cast<std::chrono::microseconds>(parts_.loop.now() - lapse->when);
        return asker.done(fail(ErrorKind::timeout, "fsfreeze is limited" + lapse->what + " (" +
                                                       format_duration(ago) +
                                                       " ago); the snapshot is not consistent"));
    }
    const bool first = operation_ && !std::exchange(thaw_counted_, true);
    asker.done(Thawed{first ? operation_->thawed_count() : 0, latest_report()});
}

void FreezeSession::cancel_queued(const std::string& reason)
{
    if (!queued_) {
        return;
    }
    const auto queued = *std::exchange(queued_, std::nullopt);
    for (const FreezeDone& asker : queued.askers) {
        parts_.loop.post([asker, reason] { asker(fail(ErrorKind::cancelled, reason)); });
    }
}

void FreezeSession::abandon(const std::string& reason)
{
    cancel_queued(reason);
    if (operation_ && !operation_->was_frozen()) {
        operation_->end(Ending::called_off, Error{ErrorKind::cancelled, reason});
    }
}

void FreezeSession::host_lost(const std::string& reason)
{
    cancel_queued(reason);
    if (operation_) {
        operation_->end(Ending::called_off, Error{ErrorKind::cancelled, reason});
    }
}

void FreezeSession::call_off(const std::string& reason, std::function<void()> released)
{
    cancel_queued(reason);
    if (!operation_ || operation_->was_released()) {
        return parts_.loop.post(std::move(released));
    }
    release_askers_.push_back(std::move(released));
    operation_->end(Ending::called_off, Error{ErrorKind::cancelled, reason});
}

void FreezeSession::shutdown(std::function<void()> done)
{
    shutting_down_ = true;
    cancel_queued("the agent is stopping");
    if (!operation_ && (!recovery_ || recovery_->hooks_have_ended())) {
        return parts_.loop.post(std::move(done));
    }
    shutdown_askers_.push_back(std::move(done));
    if (!operation_) {
        return; // when the recovery's hooks have ended
    }
    operation_->end(Ending::called_off, Error{ErrorKind::cancelled, "the agent is stopping"});
}

Report FreezeSession::latest_report() const
{
    return operation_ ? operation_->report() : last_.value_or(Report{});
}

Status FreezeSession::status() const
{
    Status status;
    const bool lapsed = lapse_ && settings_.lapse_status == LapseStatus::frozen;
    const Operation* shown = operation_ ? operation_.get() : left_over_.get();
    status.counts_as_frozen = lapsed || (shown != nullptr && shown->holds_something());
    if (recovery_) {
        status.state = recovery_->settled() ? State::idle : State::releasing;
        status.owed_hooks = recovery_->owed();
    }
    if (operation_) {
        status.state = operation_->state();
        status.id = operation_->id();
        status.deadline_remaining = operation_->deadline_remaining();
    }
    if (shown != nullptr) {
        status.owed_hooks = shown->owed();
    }
    if (operation_ || last_) {
        status.last = latest_report();
    }
    return status;
}

} // namespace frostline::freeze
