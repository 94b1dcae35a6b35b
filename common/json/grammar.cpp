// SPDX-License-Identifier: Apache-2.0
#include "common/json/grammar.hpp"

#include "common/json/strings.hpp"

#include <utility>

namespace frostline::json {

namespace {

// qemu-ga repeats the whole unfinished token, up to 64 MiB of it, and cuts other details at 1023
// bytes. Nobody reads more than this, and the reply has to stay small.
constexpr std::size_t longest_echo = 64;

std::string cut(std::string_view text)
{
    return std::string{text.substr(0, longest_echo)};
}

std::string parse_error(std::string_view detail)
{
    return "JSON parse error, " + std::string{detail};
}

bool is_literal(std::string_view word)
{
    return word == "true" || word == "false" || word == "null";
}

std::string invalid_keyword(std::string_view word)
{
    return parse_error("invalid keyword '" + cut(word) + "'");
}

} // namespace

std::string stray_text(std::string_view token)
{
    // A NUL ends the text, as it does in qemu-ga, where it is a C string.
    return parse_error("stray '" + cut(token.substr(0, token.find('\0'))) + "'");
}

std::size_t Grammar::text_budget() const noexcept
{
    return limits_.token_text > text_ ? limits_.token_text - text_ : 1;
}

Grammar::Problem Grammar::check_limits(const Token& token)
{
    ++tokens_;
    text_ += token.text.size();
    if (token.type == TokenType::excess || text_ >= limits_.token_text) {
        return std::string{text_exceeded};
    }
    if (tokens_ > limits_.tokens) {
        return std::string{tokens_exceeded};
    }
    const bool opens = token.type == TokenType::left_brace || token.type == TokenType::left_bracket;
    if (opens && levels_.size() >= limits_.nesting) {
        return std::string{nesting_exceeded};
    }
    return std::nullopt;
}

Grammar::Problem Grammar::take(const Token& token)
{
    if (token.type == TokenType::stray) {
        return stray_text(token.text);
    }
    if (Problem problem = check_limits(token)) {
        return problem;
    }
    switch (expect_) {
    case Expect::value:
    case Expect::value_or_end:
        return take_value(token);
    case Expect::key:
    case Expect::key_or_end:
        return take_key(token);
    case Expect::colon:
        if (token.type != TokenType::colon) {
            return parse_error("missing : in object pair");
        }
        out_.text += ':';
        expect_ = Expect::value;
        return std::nullopt;
    case Expect::separator_or_end:
        return take_separator(token);
    case Expect::nothing:
        break;
    }
    return parse_error("expecting end of input");
}

Grammar::Problem Grammar::take_value(const Token& token)
{
    switch (token.type) {
    case TokenType::left_brace:
        return open(true);
    case TokenType::left_bracket:
        return open(false);
    case TokenType::string:
    case TokenType::integer:
    case TokenType::real:
    case TokenType::word:
        return scalar(token);
    case TokenType::right_bracket:
        if (expect_ == Expect::value_or_end) {
            close(']');
            return std::nullopt;
        }
        break;
    default:
        break;
    }
    return parse_error("expecting value");
}

Grammar::Problem Grammar::take_key(const Token& token)
{
    switch (token.type) {
    case TokenType::string: {
        Result<std::string> key = decode_string(token.text);
        if (!key) {
            return parse_error(key.error().message());
        }
        append_marked_key(out_.text, *key);
        if (!levels_.back().keys.insert(std::move(*key)).second) {
            return parse_error("duplicate key");
        }
        expect_ = Expect::colon;
        return std::nullopt;
    }
    case TokenType::right_brace:
        if (expect_ == Expect::key_or_end) {
            close('}');
            return std::nullopt;
        }
        return parse_error("expecting value");
    case TokenType::word:
        if (!is_literal(token.text)) {
            return invalid_keyword(token.text);
        }
        break;
    case TokenType::right_bracket:
    case TokenType::colon:
    case TokenType::comma:
        return parse_error("expecting value");
    default:
        break;
    }
    return parse_error("key is not a string in object");
}

Grammar::Problem Grammar::take_separator(const Token& token)
{
    const bool object = levels_.back().object;
    if (token.type == TokenType::comma) {
        out_.text += ',';
        expect_ = object ? Expect::key : Expect::value;
        return std::nullopt;
    }
    if (token.type == (object ? TokenType::right_brace : TokenType::right_bracket)) {
        close(object ? '}' : ']');
        return std::nullopt;
    }
    return parse_error(object ? "expected separator in dict" : "expected separator in list");
}

Grammar::Problem Grammar::open(bool object)
{
    out_.text += object ? '{' : '[';
    levels_.push_back({object, {}});
    expect_ = object ? Expect::key_or_end : Expect::value_or_end;
    return std::nullopt;
}

void Grammar::close(char bracket)
{
    out_.text += bracket;
    levels_.pop_back();
    after_value();
}

Grammar::Problem Grammar::scalar(const Token& token)
{
    if (token.type == TokenType::string) {
        Result<std::string> text = decode_string(token.text);
        if (!text) {
            return parse_error(text.error().message());
        }
        append_marked_string(out_, std::move(*text));
    } else if (token.type != TokenType::word) {
        append_marked_number(out_.text, token.text, token.type == TokenType::real);
    } else if (is_literal(token.text)) {
        out_.text += token.text;
    } else {
        return invalid_keyword(token.text);
    }
    after_value();
    return std::nullopt;
}

void Grammar::after_value()
{
    expect_ = levels_.empty() ? Expect::nothing : Expect::separator_or_end;
}

StrictJson Grammar::finish()
{
    StrictJson strict = std::move(out_);
    reset();
    return strict;
}

void Grammar::reset()
{
    *this = Grammar{limits_};
}

} // namespace frostline::json
