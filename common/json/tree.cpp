// SPDX-License-Identifier: Apache-2.0
#include "common/json/tree.hpp"

#include <json-glib/json-glib.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <memory>
#include <utility>

namespace frostline::json {

namespace {

constexpr std::string_view nul_mark = "\xEF\xB7\x90";       // U+FDD0
constexpr std::string_view number_mark = "\xEF\xB7\x91";    // U+FDD1
constexpr std::string_view empty_key_mark = "\xEF\xB7\x92"; // U+FDD2
constexpr std::string_view long_mark = "\xEF\xB7\x93";      // U+FDD3

struct Unref {
    void operator()(JsonParser* parser) const noexcept { g_object_unref(parser); }
};

bool needs_escape(char c)
{
    return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\';
}

void append_escaped(std::string& out, char c)
{
    constexpr std::string_view digits = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20) {
        out += '\\';
        out += c;
    } else if (byte == 0) {
        out += nul_mark;
    } else {
        out += "\\u00";
        out += digits[byte >> 4U];
        out += digits[byte & 0xFU];
    }
}

void append_quoted(std::string& out, std::string_view text)
{
    out += '"';
    while (!text.empty()) {
        const auto special = std::find_if(text.begin(), text.end(), needs_escape);
        const auto plain = static_cast<std::size_t>(special - text.begin());
        out += text.substr(0, plain);
        text.remove_prefix(plain);
        if (!text.empty()) {
            append_escaped(out, text.front());
            text.remove_prefix(1);
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

std::string text_of(std::string out)
{
    std::size_t to = out.find(nul_mark);
    if (to == std::string::npos) {
        return out;
    }
    for (std::size_t from = to; from < out.size(); ++to) {
        const bool nul = out.compare(from, nul_mark.size(), nul_mark) == 0;
        out[to] = nul ? '\0' : out[from];
        from += nul ? nul_mark.size() : 1;
    }
    out.resize(to);
    return out;
}

class Builder {
public:
    explicit Builder(std::vector<std::string> long_strings) : long_(std::move(long_strings)) {}

    Value value(JsonNode* node)
    {
        switch (JSON_NODE_TYPE(node)) {
        case JSON_NODE_OBJECT:
            return object(json_node_get_object(node));
        case JSON_NODE_ARRAY:
            return array(json_node_get_array(node));
        case JSON_NODE_VALUE:
            break;
        default:
            return nullptr;
        }
        if (json_node_get_value_type(node) == G_TYPE_STRING) {
            return string(json_node_get_string(node));
        }
        if (json_node_get_value_type(node) == G_TYPE_BOOLEAN) {
            return json_node_get_boolean(node) != FALSE;
        }
        return std::int64_t{json_node_get_int(node)};
    }

private:
    Value array(JsonArray* array)
    {
        Array out;
        const guint length = json_array_get_length(array);
        out.reserve(length);
        for (guint at = 0; at < length; ++at) {
            out.push_back(value(json_array_get_element(array, at)));
        }
        return out;
    }

    Value object(JsonObject* object)
    {
        Object out;
        JsonObjectIter iterator;
        const gchar* name = nullptr;
        JsonNode* node = nullptr;
        json_object_iter_init_ordered(&iterator, object);
        while (json_object_iter_next_ordered(&iterator, &name, &node) != FALSE) {
            out.append(name == empty_key_mark ? std::string{} : text_of(name),
                       value(node)); // the grammar has refused duplicates
        }
        return out;
    }

    Value string(std::string_view text)
    {
        if (text.substr(0, number_mark.size()) == number_mark) {
            return number_of(std::string{text.substr(number_mark.size())});
        }
        if (text.substr(0, long_mark.size()) == long_mark) {
            std::size_t number = 0;
            std::from_chars(text.data() + long_mark.size(), text.data() + text.size(), number);
            return std::move(long_.at(number));
        }
        return text_of(std::string{text});
    }

    std::vector<std::string> long_;
};

} // namespace

void append_marked_string(StrictJson& out, std::string text)
{
    constexpr std::size_t is_long = 4096;
    if (text.size() < is_long) {
        append_quoted(out.text, text);
        return;
    }
    append_quoted(out.text, std::string{long_mark} + std::to_string(out.long_strings.size()));
    out.long_strings.push_back(std::move(text));
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

Result<Value> build_tree(StrictJson strict)
{
    const std::unique_ptr<JsonParser, Unref> parser{json_parser_new_immutable()};
    GError* error = nullptr;
    if (json_parser_load_from_data(parser.get(), strict.text.data(),
                                   static_cast<gssize>(strict.text.size()), &error) == FALSE) {
        std::string reason = error != nullptr ? error->message : "unknown reason";
        g_clear_error(&error);
        return fail(ErrorKind::internal, "json-glib refused what had been checked: " + reason);
    }
    JsonNode* root = json_parser_get_root(parser.get());
    return root != nullptr ? Builder{std::move(strict.long_strings)}.value(root) : Value{};
}

} // namespace frostline::json
