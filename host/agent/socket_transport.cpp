// SPDX-License-Identifier: Apache-2.0
#include "host/agent/socket_transport.hpp"

#include "common/json/parse.hpp"
#include "common/json/write.hpp"

namespace frostline::host {

namespace {

/// In front of a request it makes the agent drop what an earlier client left unfinished; in front
/// of a reply it marks the answer to guest-sync-delimited.
constexpr char reset_byte = '\xff';

std::string request_line(std::string_view command, json::Object arguments, json::Value id)
{
    json::Object request;
    request.set("execute", json::Value{command});
    if (!arguments.empty()) {
        request.set("arguments", json::Value{std::move(arguments)});
    }
    request.set("id", std::move(id));
    return json::write(json::Value{std::move(request)}) + "\n";
}

} // namespace

Result<void> SocketTransport::sync(TimePoint until)
{
    // 53 bits, so that no JSON implementation on the way can round it.
    const auto id = static_cast<std::int64_t>(((std::uint64_t{random_()} << 32) | random_()) &
                                              ((std::uint64_t{1} << 53) - 1));
    json::Object arguments;
    arguments.set("id", id);
    json::Object request;
    request.set("execute", "guest-sync-delimited");
    request.set("arguments", std::move(arguments));
    const std::string line = reset_byte + json::write(json::Value{std::move(request)}) + "\n";
    if (Result<void> sent = stream_->send(line, until); !sent) {
        return sent;
    }
    for (;;) {
        // Everything before the mark is the past: late answers, and the complaint about our reset.
        if (Result<void> skipped = stream_->skip_past(reset_byte, until); !skipped) {
            return skipped;
        }
        const Result<std::string> answer = stream_->read_line(until);
        if (!answer) {
            return fail(answer.error());
        }
        const Result<json::Value> message = json::parse(*answer);
        const json::Value* returned = message ? message->find("return") : nullptr;
        if (returned != nullptr && returned->as_int() != nullptr && *returned->as_int() == id) {
            synced_ = true;
            return {};
        }
    }
}

Result<void> SocketTransport::connect_and_sync(TimePoint until)
{
    if (!stream_) {
        synced_ = false;
        Result<LineStream> stream = LineStream::connect(path_, waiter_, until);
        if (!stream) {
            return fail(std::move(stream).error());
        }
        stream_.emplace(std::move(*stream));
    }
    if (synced_) {
        return {};
    }
    Result<void> synced = sync(until);
    if (!synced && synced.error().kind() == ErrorKind::timeout) {
        // A new connection for the next try: QEMU may have dropped this one's place in the queue.
        stream_.reset();
        return fail(ErrorKind::timeout,
                    "the socket " + path_ +
                        " accepts connections, but no guest agent answers there in time (is it "
                        "running in the guest? is another program connected to the socket?)");
    }
    if (!synced && synced.error().kind() == ErrorKind::io) {
        stream_.reset();
    }
    return synced;
}

Result<Reply> SocketTransport::exchange(std::string_view command, json::Object arguments,
                                        TimePoint until)
{
    const json::Value id{"frostline-" + std::to_string(++last_id_)};
    synced_ = false; // until the answer is here
    if (Result<void> sent = stream_->send(request_line(command, std::move(arguments), id), until);
        !sent) {
        return fail(std::move(sent).error());
    }
    for (;;) {
        const Result<std::string> line = stream_->read_line(until);
        if (!line) {
            return fail(line.error());
        }
        const Result<json::Value> message = json::parse(*line);
        if (!message) {
            return fail(Error{message.error()}.with_context("the agent's answer"));
        }
        const json::Value* answered = message->find("id");
        if (answered == nullptr || !(*answered == id)) {
            continue;
        }
        synced_ = true;
        return read_reply(*message);
    }
}

Result<Reply> SocketTransport::call(std::string_view command, json::Object arguments,
                                    TimePoint until)
{
    if (Result<void> ready = connect_and_sync(until); !ready) {
        return fail(std::move(ready).error().with_context("guest agent"));
    }
    Result<Reply> reply = exchange(command, std::move(arguments), until);
    if (!reply) {
        if (reply.error().kind() == ErrorKind::io) {
            stream_.reset();
        }
        return fail(std::move(reply).error().with_context("guest agent: " + std::string{command}));
    }
    return reply;
}

} // namespace frostline::host
