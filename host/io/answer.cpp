// SPDX-License-Identifier: Apache-2.0
#include "host/io/answer.hpp"

#include "common/json/write.hpp"
#include "common/text.hpp"

namespace frostline::host {

Result<Reply> read_reply(const json::Value& message)
{
    if (const json::Value* value = message.find("return"); value != nullptr) {
        return Reply{*value};
    }
    if (const json::Value* error = message.find("error"); error != nullptr) {
        const json::Value* name = error->find("class");
        const json::Value* text = error->find("desc");
        if (name != nullptr && name->as_string() != nullptr && text != nullptr &&
            text->as_string() != nullptr) {
            // The text goes to a terminal; a guest must not be able to move its cursor.
            return Reply{PeerError{text::printable(*name->as_string(), 64),
                                   text::printable(*text->as_string(), 4096)}};
        }
    }
    return fail(ErrorKind::protocol,
                "neither a result nor an error: " + text::printable(json::write(message), 200));
}

} // namespace frostline::host
