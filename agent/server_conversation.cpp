// SPDX-License-Identifier: Apache-2.0
#include "server_conversation.hpp"

#include "common/wire/request.hpp"

#include <utility>
#include <variant>

namespace frostline {

namespace {

/// Bytes above which a message or reply counts as one that leaves memory behind.
constexpr std::size_t large = std::size_t{64} << 10U;

} // namespace

ServerConversation::ServerConversation(const rpc::Dispatcher& dispatcher,
                                       channel::Connection& connection,
                                       std::function<void()> on_large_traffic)
    : on_large_traffic_(std::move(on_large_traffic)), output_(connection, on_large_traffic_),
      session_(dispatcher, output_, rpc::Session::Limits{})
{}

void ServerConversation::ConnectionOutput::send(std::string bytes)
{
    const bool leaves_memory = bytes.size() > large;
    connection_.send(std::move(bytes));
    if (leaves_memory) {
        on_large_();
    }
}

void ServerConversation::on_bytes(std::string_view bytes)
{
    message_bytes_ += bytes.size();
    if (message_bytes_ > large) {
        on_large_traffic_();
    }
    for (Result<json::Value>& event : splitter_.feed(bytes)) {
        if (event) {
            take(std::move(event).value());
        } else {
            session_.on_error(std::move(event).error(), std::nullopt);
        }
        message_bytes_ = 0;
    }
}

void ServerConversation::take(json::Value message)
{
    auto read = wire::read_request(std::move(message));
    if (auto* bad = std::get_if<wire::BadRequest>(&read)) {
        session_.on_error(std::move(bad->error), std::move(bad->id));
        return;
    }
    auto& good = std::get<wire::Request>(read);
    rpc::Request request;
    request.command = std::move(good.execute);
    request.arguments = std::move(good.arguments);
    request.id = std::move(good.id);
    request.bytes = message_bytes_;
    session_.on_request(std::move(request));
}

} // namespace frostline
