// SPDX-License-Identifier: Apache-2.0
#include "common/json/parse.hpp"

#include "common/json/grammar.hpp"
#include "common/json/lexer.hpp"
#include "common/json/tree.hpp"

#include <optional>

namespace frostline::json {

Result<Value> parse(std::string_view text)
{
    Lexer lexer;
    Grammar grammar;
    for (bool ended = false; !ended;) {
        std::optional<Token> token = lexer.next(text, grammar.text_budget());
        if (!token) {
            ended = true;
            token = lexer.finish();
        }
        if (!token) {
            break;
        }
        if (std::optional<std::string> problem = grammar.take(*token)) {
            return fail(ErrorKind::protocol, std::move(*problem));
        }
    }
    if (!grammar.complete()) {
        return fail(ErrorKind::protocol, "JSON parse error, premature EOI");
    }
    return build_tree(grammar.finish());
}

} // namespace frostline::json
