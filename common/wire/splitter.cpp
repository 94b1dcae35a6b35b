// SPDX-License-Identifier: Apache-2.0
#include "common/wire/splitter.hpp"

#include "common/json/tree.hpp"

#include <optional>
#include <utility>

namespace frostline::wire {

namespace {

using json::Token;
using json::TokenType;

bool ends_line(unsigned char byte)
{
    return byte == '\n' || byte == '\r';
}

/// What a client sends to reset the parser, never a part of any message.
bool is_reset(unsigned char byte)
{
    return byte >= 0xFE || (byte < 0x20 && byte != '\t' && !ends_line(byte));
}

} // namespace

std::vector<Result<json::Value>> Splitter::feed(std::string_view bytes)
{
    Events events;
    while (const auto token = lexer_.next(bytes, grammar_.text_budget())) {
        take(*token, events);
    }
    return events;
}

void Splitter::reset()
{
    lexer_.reset();
    begin_message();
}

void Splitter::begin_message()
{
    lexer_.discard_text(false);
    grammar_.reset();
    braces_ = 0;
    brackets_ = 0;
    dropping_ = false;
}

void Splitter::count(TokenType type)
{
    braces_ += type == TokenType::left_brace ? 1 : 0;
    braces_ -= type == TokenType::right_brace ? 1 : 0;
    brackets_ += type == TokenType::left_bracket ? 1 : 0;
    brackets_ -= type == TokenType::right_bracket ? 1 : 0;
}

bool Splitter::balanced() const
{
    return braces_ < 0 || brackets_ < 0 || (braces_ == 0 && brackets_ == 0);
}

void Splitter::take(const Token& token, Events& events)
{
    if (token.type == TokenType::stray) {
        take_stray(token, events);
        return;
    }
    if (dropping_ && token.starts_line) {
        begin_message();
    }
    count(token.type);
    if (!dropping_) {
        check(token, events);
    } else if (balanced()) {
        begin_message();
    }
}

void Splitter::take_stray(const Token& token, Events& events)
{
    if (dropping_ && !is_reset(token.byte)) {
        // This message has had its error. The end of a line ends it, like a string cut in two;
        // after anything else its brackets are still counted.
        if (ends_line(token.byte)) {
            begin_message();
        }
        return;
    }
    events.emplace_back(fail(ErrorKind::protocol, json::stray_text(token.text)));
    begin_message();
}

void Splitter::check(const Token& token, Events& events)
{
    const bool first = !grammar_.started();
    if (std::optional<std::string> problem = grammar_.take(token)) {
        events.emplace_back(fail(ErrorKind::protocol, std::move(*problem)));
        if (token.starts_line && !first) { // the wrong token itself begins a new message
            begin_message();
            count(token.type);
            check(token, events);
        } else if (balanced() && !token.unfinished) {
            begin_message();
        } else {
            grammar_.reset();
            lexer_.discard_text(true);
            dropping_ = true;
        }
        return;
    }
    if (grammar_.complete()) {
        events.push_back(json::build_tree(grammar_.finish()));
        begin_message();
    }
}

} // namespace frostline::wire
