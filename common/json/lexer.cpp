// SPDX-License-Identifier: Apache-2.0
#include "common/json/lexer.hpp"

#include "common/json/plain_text.hpp"

#include <utility>

namespace frostline::json {

namespace {

bool is_digit(unsigned char byte)
{
    return byte >= '0' && byte <= '9';
}

bool is_lower(unsigned char byte)
{
    return byte >= 'a' && byte <= 'z';
}

std::optional<TokenType> structural(unsigned char byte)
{
    switch (byte) {
    case '{':
        return TokenType::left_brace;
    case '}':
        return TokenType::right_brace;
    case '[':
        return TokenType::left_bracket;
    case ']':
        return TokenType::right_bracket;
    case ':':
        return TokenType::colon;
    case ',':
        return TokenType::comma;
    default:
        return std::nullopt;
    }
}

bool ends_recovery(unsigned char byte)
{
    return structural(byte).has_value() || (byte < 0x20 && byte != '\t') || byte >= 0xFE;
}

} // namespace

Lexer::Step Lexer::go(State state, Step step)
{
    state_ = state;
    return step;
}

Lexer::Step Lexer::end_before(TokenType type)
{
    type_ = type;
    return go(State::start, Step::ended_before);
}

Lexer::Step Lexer::step_start(unsigned char byte)
{
    if (const auto type = structural(byte)) {
        type_ = *type;
        return Step::last;
    }
    if (is_lower(byte)) {
        return go(State::word);
    }
    if (byte >= '1' && byte <= '9') {
        return go(State::digits);
    }
    switch (byte) {
    case ' ':
    case '\t':
    case '\r':
    case '\n':
        return Step::skip;
    case '"':
        return go(State::double_quoted);
    case '\'':
        return go(State::single_quoted);
    case '0':
        return go(State::zero);
    case '-':
        return go(State::minus);
    default:
        return Step::stray;
    }
}

Lexer::Step Lexer::step_string(unsigned char byte)
{
    if (byte < 0x20 || byte >= 0xFE) {
        return Step::stray;
    }
    switch (state_) {
    case State::double_quoted_escape:
        return go(State::double_quoted);
    case State::single_quoted_escape:
        return go(State::single_quoted);
    case State::double_quoted:
    case State::single_quoted: {
        const bool is_double = state_ == State::double_quoted;
        if (byte == '\\') {
            return go(is_double ? State::double_quoted_escape : State::single_quoted_escape);
        }
        if (static_cast<char>(byte) == (is_double ? '"' : '\'')) {
            type_ = TokenType::string;
            return go(State::start, Step::last);
        }
        return Step::keep;
    }
    default:
        return Step::stray;
    }
}

Lexer::Step Lexer::step_number(unsigned char byte)
{
    const bool digit = is_digit(byte);
    const bool exponent = byte == 'e' || byte == 'E';
    switch (state_) {
    case State::minus:
        return digit ? go(byte == '0' ? State::zero : State::digits) : Step::stray;
    case State::zero: // no digit and no exponent may follow a zero that stands first
        if (byte == '.') {
            return go(State::point);
        }
        return digit ? Step::stray : end_before(TokenType::integer);
    case State::digits:
        if (byte == '.') {
            return go(State::point);
        }
        if (exponent) {
            return go(State::exponent);
        }
        return digit ? Step::keep : end_before(TokenType::integer);
    case State::point:
        return digit ? go(State::fraction) : Step::stray;
    case State::fraction:
        if (exponent) {
            return go(State::exponent);
        }
        return digit ? Step::keep : end_before(TokenType::real);
    case State::exponent:
        if (byte == '+' || byte == '-') {
            return go(State::exponent_sign);
        }
        return digit ? go(State::exponent_digits) : Step::stray;
    case State::exponent_sign:
        return digit ? go(State::exponent_digits) : Step::stray;
    default:
        return digit ? Step::keep : end_before(TokenType::real);
    }
}

Lexer::Step Lexer::step(unsigned char byte)
{
    switch (state_) {
    case State::recovery:
        if (!ends_recovery(byte)) {
            return Step::skip;
        }
        state_ = State::start;
        return step_start(byte);
    case State::start:
        return step_start(byte);
    case State::double_quoted:
    case State::double_quoted_escape:
    case State::single_quoted:
    case State::single_quoted_escape:
        return step_string(byte);
    case State::word:
        return is_lower(byte) ? Step::keep : end_before(TokenType::word);
    default:
        return step_number(byte);
    }
}

std::size_t Lexer::plain_run(std::string_view input, std::size_t most) const
{
    if (state_ != State::double_quoted && state_ != State::single_quoted) {
        return 0;
    }
    return plain_prefix(input.substr(0, most));
}

void Lexer::keep(std::string_view piece)
{
    if (!discard_ && !overflowed_) {
        text_ += piece;
    }
}

void Lexer::forget_text()
{
    constexpr std::size_t worth_keeping = 65536;
    if (text_.capacity() > worth_keeping) {
        std::string{}.swap(text_);
    }
    text_.clear();
}

std::optional<Token> Lexer::next(std::string_view& input, std::size_t budget)
{
    if (std::exchange(delivered_, false)) {
        forget_text();
        overflowed_ = false;
    }
    std::size_t from = 0; // where the part of the token that is not in text_ yet begins
    for (std::size_t at = 0; at < input.size(); ++at) {
        // A file's contents are one long run: nothing in it needs a step of its own, up to the
        // byte that would reach the budget.
        const std::size_t so_far = text_.size() + (at - from) + 1;
        const std::size_t room = discard_ || overflowed_ ? input.size()
                                 : so_far < budget       ? budget - so_far
                                                         : 0;
        if (const std::size_t run = plain_run(input.substr(at), room); run > 0) {
            at += run - 1;
            before_ = input[at];
            continue;
        }
        const Step done = step(static_cast<unsigned char>(input[at]));
        const char before = std::exchange(before_, input[at]);
        if (done == Step::skip) {
            from = at + 1;
            continue;
        }
        const std::size_t end = done == Step::ended_before ? at : at + 1;
        // Brackets always come out, since whoever drops the message has to count them.
        const bool may_exceed = done == Step::keep || done == Step::ended_before ||
                                (done == Step::last && type_ == TokenType::string);
        if (may_exceed && !discard_ && !overflowed_ && text_.size() + (end - from) >= budget) {
            forget_text();
            overflowed_ = done == Step::keep;
            input.remove_prefix(end);
            // The byte is counted again when it was not part of the token.
            before_ = done == Step::ended_before ? before : before_;
            return Token{TokenType::excess, {}, false, overflowed_};
        }
        if (done == Step::keep) {
            continue;
        }
        if (done == Step::stray && (discard_ || overflowed_)) {
            text_.assign(1, input[at]); // at least the byte itself
        }
        keep(input.substr(from, end - from));
        input.remove_prefix(end);
        before_ = done == Step::ended_before ? before : before_;
        delivered_ = true;
        if (done == Step::stray) {
            state_ = State::recovery;
            return Token{TokenType::stray, text_, false, false,
                         static_cast<unsigned char>(before_)};
        }
        return Token{type_, text_, type_ == TokenType::left_brace && before == '\n'};
    }
    keep(input.substr(from));
    input = {};
    return std::nullopt;
}

std::optional<Token> Lexer::finish()
{
    // A blank ends every number and word that may end, and nothing else.
    std::string_view blank = " ";
    if (state_ == State::start || state_ == State::recovery) {
        return std::nullopt;
    }
    const bool in_string = state_ >= State::double_quoted && state_ <= State::single_quoted_escape;
    if (!in_string) {
        if (const auto token = next(blank, static_cast<std::size_t>(-1))) {
            return token;
        }
    }
    delivered_ = true;
    state_ = State::start;
    return Token{TokenType::stray, text_};
}

void Lexer::discard_text(bool discard)
{
    discard_ = discard;
    if (discard) {
        forget_text();
    }
}

void Lexer::reset()
{
    *this = Lexer{};
}

} // namespace frostline::json
