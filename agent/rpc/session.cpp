// SPDX-License-Identifier: Apache-2.0
#include "rpc/session.hpp"

#include "common/text.hpp"
#include "common/wire/reply.hpp"

#include <algorithm>
#include <utility>

namespace frostline::rpc {

Session::Session(const Dispatcher& dispatcher, Output& output, Limits limits)
    : dispatcher_(dispatcher), output_(output), limits_(limits)
{}

Session::~Session()
{
    for (const Running& running : std::exchange(running_, {})) {
        audit(running.command, "dropped", running.started);
        running.call.cancel("the connection that asked for it was closed");
    }
}

void Session::on_request(Request request)
{
    take({std::move(request), std::nullopt});
}

void Session::on_error(Error error, std::optional<json::Value> id)
{
    Queued item;
    item.request.id = std::move(id);
    item.request.bytes = error.message().size();
    item.error = std::move(error);
    take(std::move(item));
}

void Session::take(Queued item)
{
    if (!running_.empty() && is_immediate(item)) {
        start(std::move(item), queue_.size());
    } else if (refuses_more()) {
        refuse(item);
    } else {
        queued_bytes_ += item.request.bytes;
        queue_.push_back(std::move(item));
    }
    run_next();
}

bool Session::is_immediate(const Queued& item) const
{
    if (item.error) {
        return false;
    }
    // A command that may not run now waits for its turn; it may be allowed by then.
    const Result<const Command*> command = dispatcher_.look_up(item.request.command);
    return command && (*command)->immediate;
}

Session::Queued Session::pop(std::size_t index)
{
    const auto place = queue_.begin() + static_cast<std::ptrdiff_t>(index);
    Queued item = std::move(*place);
    queue_.erase(place);
    queued_bytes_ -= item.request.bytes;
    return item;
}

void Session::run_next()
{
    if (std::exchange(busy_, true)) {
        return;
    }
    while (running_.empty() && !queue_.empty() && !output_.congested()) {
        start(pop(0), 0);
        if (!running_.empty()) {
            run_immediate_ones(); // those that came together with what runs long now
        }
    }
    busy_ = false;
    settle();
}

void Session::run_immediate_ones()
{
    for (std::size_t index = 0; index < queue_.size() && !running_.empty();) {
        if (!is_immediate(queue_[index])) {
            ++index;
            continue;
        }
        const std::size_t before = queue_.size();
        start(pop(index), index);
        if (queue_.size() + 1 < before) {
            index = 0; // a sync has emptied the queue up to itself
        }
    }
}

void Session::start(Queued item, std::size_t older_queued)
{
    if (item.error) {
        output_.send(dispatcher_.reply(fail(std::move(*item.error)), item.request.id));
        return;
    }
    const Result<const Command*> command = dispatcher_.look_up(item.request.command);
    if (!command) {
        audit(text::printable(item.request.command, 64), wire::error_class(command.error().kind()),
              dispatcher_.now());
        output_.send(dispatcher_.reply(fail(command.error()), item.request.id));
        return;
    }
    if ((*command)->resync != Resync::no) {
        run_resync(**command, item.request, older_queued);
    } else {
        run_command(**command, item.request);
    }
}

void Session::run_resync(const Command& command, const Request& request, std::size_t older_queued)
{
    const std::chrono::nanoseconds started = dispatcher_.now();
    std::optional<Result<json::Value>> result;
    const Call call{[&result](Result<json::Value> value) { result.emplace(std::move(value)); }};
    dispatcher_.run(command, request.arguments, call);
    call.cancel("a sync is answered at once");
    if (!result) {
        result.emplace(fail(ErrorKind::internal, command.name + " gave no answer"));
    }
    audit(command.name, *result ? "ok" : wire::error_class(result->error().kind()), started);
    if (*result) {
        drop_older(older_queued);
        if (command.resync == Resync::delimited) {
            output_.send(std::string(1, wire::sync_delimiter));
        }
    }
    answer(command, request.id, *std::move(result));
}

void Session::run_command(const Command& command, const Request& request)
{
    const std::uint64_t number = next_number_++;
    const std::chrono::nanoseconds started = dispatcher_.now();
    // `this` is safe: the destructor and a sync cancel the call, and then it never comes back here.
    const Call call{[this, number, started, &command, id = request.id](Result<json::Value> result) {
        running_.erase(std::remove_if(running_.begin(), running_.end(),
                                      [&](const Running& r) { return r.number == number; }),
                       running_.end());
        audit(command.name, result ? "ok" : wire::error_class(result.error().kind()), started);
        answer(command, id, std::move(result));
        run_next();
    }};
    running_.push_back({number, command.name, started, call});
    dispatcher_.run(command, request.arguments, call);
}

void Session::answer(const Command& command, const std::optional<json::Value>& id,
                     Result<json::Value> result)
{
    if (result && !command.success_response) {
        return;
    }
    output_.send(dispatcher_.reply(std::move(result), id));
}

void Session::drop_older(std::size_t older_queued)
{
    for (std::size_t index = 0; index < older_queued; ++index) {
        const Queued item = pop(0);
        audit(text::printable(item.request.command, 64), "dropped", dispatcher_.now());
    }
    for (const Running& running : std::exchange(running_, {})) {
        audit(running.command, "dropped", running.started);
        running.call.cancel("the host gave up waiting for the answer and sent a sync");
    }
}

void Session::audit(std::string_view command, std::string_view outcome,
                    std::chrono::nanoseconds started) const
{
    dispatcher_.audit(
        {std::string{command}, std::string{outcome},
         std::chrono::duration_cast<std::chrono::microseconds>(dispatcher_.now() - started)});
}

void Session::on_end_of_input()
{
    input_ended_ = true;
    settle();
}

void Session::on_drained()
{
    run_next();
}

void Session::settle()
{
    if (input_ended_ && queue_.empty() && running_.empty()) {
        output_.close_when_sent();
    }
}

bool Session::refuses_more() const
{
    // Behind a congested output alone nothing is refused: its connection has stopped reading, so no
    // more than one read's worth comes.
    return !running_.empty() &&
           (queue_.size() >= limits_.queued_requests || queued_bytes_ >= limits_.queued_bytes);
}

void Session::refuse(const Queued& item)
{
    if (item.error) {
        output_.send(dispatcher_.reply(fail(*item.error), item.request.id));
        return;
    }
    const Error busy{ErrorKind::busy,
                     "busy: " + std::to_string(queue_.size()) + " requests are waiting for " +
                         running_.front().command +
                         " to end; ask again after its reply, or give it up by guest-sync"};
    audit(text::printable(item.request.command, 64), wire::error_class(busy.kind()),
          dispatcher_.now());
    output_.send(dispatcher_.reply(fail(busy), item.request.id));
}

} // namespace frostline::rpc
