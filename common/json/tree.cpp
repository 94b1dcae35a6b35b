// SPDX-License-Identifier: Apache-2.0
#include "common/json/tree.hpp"

#include <json-glib/json-glib.h>

#include <charconv>
#include <cstdint>
#include <memory>

namespace frostline::json {

namespace {

constexpr std::string_view nul_mark = "\xEF\xB7\x90";       // U+FDD0
constexpr std::string_view number_mark = "\xEF\xB7\x91";    // U+FDD1
constexpr std::string_view empty_key_mark = "\xEF\xB7\x92"; // U+FDD2

struct Unref {
    void operator()(JsonParser* parser) const noexcept { g_object_unref(parser); }
};

void append_quoted(std::string& out, std::string_view text)
{
    constexpr std::string_view digits = "0123456789abcdef";
    out += '"';
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (byte == 0) {
            out += nul_mark;
        } else if (byte < 0x20) {
            out += "\\u00";
            out += digits[byte >> 4U];
            out += digits[byte & 0xFU];
        } else {
            out += c;
        }
    }
    out += '"';
}

/// An integer literal is int64 where it fits, else uint64, else double; so is qemu-ga's. A double
/// too large for its type is an infinity, as in qemu-ga; it is written as null (write.hpp).
Value number_of(const std::string& literal)
{
    if (literal.find_first_of(".eE") == std::string::npos) {
        const char* const end = literal.data() + literal.size();
        std::int64_t whole = 0;
        if (std::from_chars(literal.data(), end, whole).ec == std::errc{}) {
            return whole;
        }
        std::uint64_t large = 0;
        if (literal.front() != '-' &&
            std::from_chars(literal.data(), end, large).ec == std::errc{}) {
            return large;
        }
    }
    return g_ascii_strtod(literal.c_str(), nullptr); // not strtod(): that one follows the locale
}

Value text_of(const char* text)
{
    std::string out{text};
    if (out.compare(0, number_mark.size(), number_mark) == 0) {
        return number_of(out.substr(number_mark.size()));
    }
    std::size_t to = 0;
    for (std::size_t from = 0; from < out.size(); ++to) {
        const bool nul = out.compare(from, nul_mark.size(), nul_mark) == 0;
        out[to] = nul ? '\0' : out[from];
        from += nul ? nul_mark.size() : 1;
    }
    out.resize(to);
    return out;
}

Value value_of(JsonNode* node);

Value array_of(JsonArray* array)
{
    Array out;
    const guint length = json_array_get_length(array);
    out.reserve(length);
    for (guint at = 0; at < length; ++at) {
        out.push_back(value_of(json_array_get_element(array, at)));
    }
    return out;
}

Value object_of(JsonObject* object)
{
    Object out;
    JsonObjectIter iterator;
    const gchar* name = nullptr;
    JsonNode* node = nullptr;
    json_object_iter_init_ordered(&iterator, object);
    while (json_object_iter_next_ordered(&iterator, &name, &node) != FALSE) {
        std::string key = name == empty_key_mark ? std::string{} : *text_of(name).as_string();
        out.append(std::move(key), value_of(node)); // the grammar has refused duplicates
    }
    return out;
}

Value value_of(JsonNode* node)
{
    switch (JSON_NODE_TYPE(node)) {
    case JSON_NODE_OBJECT:
        return object_of(json_node_get_object(node));
    case JSON_NODE_ARRAY:
        return array_of(json_node_get_array(node));
    case JSON_NODE_VALUE:
        break;
    default:
        return nullptr;
    }
    if (json_node_get_value_type(node) == G_TYPE_STRING) {
        return text_of(json_node_get_string(node));
    }
    if (json_node_get_value_type(node) == G_TYPE_BOOLEAN) {
        return json_node_get_boolean(node) != FALSE;
    }
    return std::int64_t{json_node_get_int(node)};
}

} // namespace

void append_marked_string(std::string& out, std::string_view text)
{
    append_quoted(out, text);
}

void append_marked_key(std::string& out, std::string_view key)
{
    append_quoted(out, key.empty() ? empty_key_mark : key);
}

void append_marked_number(std::string& out, std::string_view literal, bool real)
{
    constexpr std::size_t surely_fits = 18;
    if (!real && literal.size() <= surely_fits) {
        out += literal;
        return;
    }
    out += '"';
    out += number_mark;
    out += literal;
    out += '"';
}

Result<Value> build_tree(const std::string& strict)
{
    const std::unique_ptr<JsonParser, Unref> parser{json_parser_new_immutable()};
    GError* error = nullptr;
    if (json_parser_load_from_data(parser.get(), strict.data(), static_cast<gssize>(strict.size()),
                                   &error) == FALSE) {
        std::string reason = error != nullptr ? error->message : "unknown reason";
        g_clear_error(&error);
        return fail(ErrorKind::internal, "json-glib refused what had been checked: " + reason);
    }
    JsonNode* root = json_parser_get_root(parser.get());
    return root != nullptr ? value_of(root) : Value{};
}

} // namespace frostline::json
