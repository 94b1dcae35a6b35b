// SPDX-License-Identifier: Apache-2.0
#include "server_conversation.hpp"

#include "common/wire/request.hpp"

#include <utility>
#include <variant>

namespace frostline {

namespace {

/// Bytes after which a message counts as one that leaves memory behind.
constexpr std::size_t large_message = std::size_t{1} << 20U;

} // namespace

ServerConversation::ServerConversation(const rpc::Dispatcher& dispatcher,
                                       channel::Connection& connection,
                                       std::function<void()> after_large_message)
    : after_large_message_(std::move(after_large_message)), output_(connection),
      session_(dispatcher, output_, rpc::Session::Limits{})
{}

void ServerConversation::on_bytes(std::string_view bytes)
{
    message_bytes_ += bytes.size();
    bool large = false;
    for (Result<json::Value>& event : splitter_.feed(bytes)) {
        if (event) {
            take(std::move(event).value());
        } else {
            session_.on_error(std::move(event).error(), std::nullopt);
        }
        large = large || message_bytes_ > large_message;
        message_bytes_ = 0;
    }
    if (large) {
        after_large_message_();
    }
}

void ServerConversation::take(json::Value message)
{
    auto read = wire::read_request(message);
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
