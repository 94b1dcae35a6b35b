// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/json/lexer.hpp"
#include "common/json/limits.hpp"
#include "common/json/tree.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace frostline::json {

/// Checks the tokens of one message against QEMU's dialect and the limits, one by one and without
/// recursion, and writes what it has accepted as strict JSON for json-glib (tree.hpp).
class Grammar {
public:
    explicit Grammar(Limits limits = {}) : limits_(limits) {}

    /// The description of what is wrong, as qemu-ga 10 words it, at the first token that cannot be
    /// right (as 11.1 does, where 10 waits for the end). After that: reset() first.
    [[nodiscard]] std::optional<std::string> take(const Token& token);

    [[nodiscard]] bool started() const noexcept { return tokens_ > 0; }
    [[nodiscard]] bool complete() const noexcept { return expect_ == Expect::nothing; }
    /// How long the next token's text may become (at least 1), for Lexer::next().
    [[nodiscard]] std::size_t text_budget() const noexcept;
    /// The strict JSON of a complete message; ends in the state of reset().
    [[nodiscard]] StrictJson finish();
    void reset();

private:
    enum class Expect {
        value,
        value_or_end,
        key,
        key_or_end,
        colon,
        separator_or_end,
        nothing,
    };
    struct Level {
        bool object = false;
        std::unordered_set<std::string> keys;
    };
    using Problem = std::optional<std::string>;

    [[nodiscard]] Problem check_limits(const Token& token);
    [[nodiscard]] Problem take_value(const Token& token);
    [[nodiscard]] Problem take_key(const Token& token);
    [[nodiscard]] Problem take_separator(const Token& token);
    [[nodiscard]] Problem open(bool object);
    [[nodiscard]] Problem scalar(const Token& token);
    void close(char bracket);
    void after_value();

    Limits limits_;
    Expect expect_ = Expect::value;
    std::vector<Level> levels_;
    std::size_t tokens_ = 0;
    std::size_t text_ = 0;
    StrictJson out_;
};

/// "JSON parse error, stray 'TOKEN'", TOKEN cut to 64 bytes.
[[nodiscard]] std::string stray_text(std::string_view token);
/// The three texts of the limits.
inline constexpr std::string_view nesting_exceeded = "JSON nesting depth limit exceeded";
inline constexpr std::string_view tokens_exceeded = "JSON token count limit exceeded";
inline constexpr std::string_view text_exceeded = "JSON token size limit exceeded";

} // namespace frostline::json
