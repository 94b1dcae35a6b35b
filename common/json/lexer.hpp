// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace frostline::json {

enum class TokenType {
    left_brace,
    right_brace,
    left_bracket,
    right_bracket,
    colon,
    comma,
    integer,
    real,
    word,   ///< a run of a to z
    string, ///< with its quotes, escapes not yet looked at
    stray,  ///< a byte that cannot stand where it stands, with the unfinished token before it
    excess, ///< the token under way has reached the budget; its text is dropped
};

struct Token {
    TokenType type;
    std::string_view text;    ///< valid until the lexer is used again
    bool starts_line = false; ///< left_brace: a line feed stands directly before it
    bool unfinished = false;  ///< excess: its token goes on and will still come out, without text
    unsigned char byte = 0;   ///< stray: the byte in question
};

/// Cuts bytes into tokens of QEMU's dialect, in pieces of any size, looking at each byte once.
/// After a stray byte it skips, as qemu-ga does, up to one of [ ] { } : , or a control character
/// other than TAB or FE or FF, and goes on with that one.
class Lexer {
public:
    /// Takes bytes from the front of `input` up to the end of the next token. nullopt: `input` is
    /// used up. A number or word ends only when the byte after it is there.
    /// A token whose text would reach `budget` bytes gives `excess` once.
    [[nodiscard]] std::optional<Token> next(std::string_view& input, std::size_t budget);
    /// At the end of a document: the number or word that was under way; stray when a string was.
    [[nodiscard]] std::optional<Token> finish();

    /// While on, token texts are not kept (they come out empty), so nothing grows.
    void discard_text(bool discard);
    void reset();

private:
    enum class State {
        start,
        double_quoted,
        double_quoted_escape,
        single_quoted,
        single_quoted_escape,
        word,
        minus,
        zero,
        digits,
        point,
        fraction,
        exponent,
        exponent_sign,
        exponent_digits,
        recovery,
    };
    enum class Step { skip, keep, last, ended_before, stray };

    [[nodiscard]] Step step(unsigned char byte);
    [[nodiscard]] Step step_start(unsigned char byte);
    [[nodiscard]] Step step_string(unsigned char byte);
    [[nodiscard]] Step step_number(unsigned char byte);
    [[nodiscard]] Step go(State state, Step step = Step::keep);
    [[nodiscard]] Step end_before(TokenType type);
    /// How many bytes at the front of `input`, at most `most`, merely go on with a string.
    [[nodiscard]] std::size_t plain_run(std::string_view input, std::size_t most) const;
    void keep(std::string_view piece);
    void forget_text();

    State state_ = State::start;
    TokenType type_ = TokenType::word; ///< of the token that step() has just ended
    std::string text_;
    bool delivered_ = false; ///< text_ belongs to the token returned last
    bool discard_ = false;
    bool overflowed_ = false; ///< the token under way gave excess already
    char before_ = '\0';      ///< the byte before the one in hand
};

} // namespace frostline::json
