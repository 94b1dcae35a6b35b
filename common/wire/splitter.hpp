// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/json/grammar.hpp"
#include "common/json/lexer.hpp"
#include "common/json/limits.hpp"
#include "common/json/value.hpp"
#include "common/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace frostline::wire {

/// Cuts a byte stream into messages, as qemu-ga does: a message ends where its brackets balance, no
/// newline is needed. One per connection, so that a client never continues another one's message
/// (qemu-ga's belongs to the process). Looks at each byte once and keeps at most one message.
///
/// Where releases of qemu-ga differ, it reports errors as 11.1 does (at the first wrong token, once
/// per message, then drops the rest of it) in the words of 10.x.
///
/// A byte that cannot stand where it stands drops the message under way and costs exactly one error
/// reply, also for 0xFF and also when nothing was under way. Such a reply to 0xFF helps nobody, but
/// every client that sends 0xFF is made for it (it reads up to the 0xFF of the answer to its
/// guest-sync-delimited), a client may wait for it after a reset by a control character, and
/// libvirt sends neither. So there is no reason to differ from qemu-ga.
///
/// One thing is more forgiving: in a message that has had its error, a `{` directly behind a line
/// feed begins a new one. qemu-ga waits for the missing brackets and stays deaf to libvirt, which
/// never sends 0xFF. No writer of JSON puts a nested object into the first column.
class Splitter {
public:
    explicit Splitter(json::Limits limits = {}) : grammar_(limits) {}

    /// Takes any number of bytes; returns what they completed, in order: a message, or the text of
    /// an error that is to be answered as a GenericError without an id.
    [[nodiscard]] std::vector<Result<json::Value>> feed(std::string_view bytes);

    /// Forgets everything, for a new client on the same channel.
    void reset();

private:
    using Events = std::vector<Result<json::Value>>;

    void take(const json::Token& token, Events& events);
    void take_stray(const json::Token& token, Events& events);
    void check(const json::Token& token, Events& events);
    void count(json::TokenType type);
    [[nodiscard]] bool balanced() const;
    void begin_message();

    json::Lexer lexer_;
    json::Grammar grammar_;
    std::int64_t braces_ = 0;
    std::int64_t brackets_ = 0;
    bool dropping_ = false; ///< the message under way has had its error
};

} // namespace frostline::wire
