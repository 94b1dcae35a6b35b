// SPDX-License-Identifier: Apache-2.0
#include "common/json/write.hpp"

#include "common/json/plain_text.hpp"
#include "common/json/utf8.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>

namespace frostline::json {

namespace {

enum class Style { wire, pretty };

class Writer {
public:
    explicit Writer(Style style) : style_(style) {}

    void value(const Value& value);
    [[nodiscard]] std::string take() && { return std::move(out_); }

private:
    void string(std::string_view text);
    void code_point(std::int32_t point, std::string_view bytes);
    void unicode_escape(std::int32_t unit);
    void real(double number);
    void array(const Array& array);
    void object(const Object& object);
    void separate(bool first);
    void new_line();
    template <typename Number>
    void integer(Number number)
    {
        std::array<char, 24> buffer{};
        const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number).ptr;
        out_.append(buffer.data(), end);
    }

    Style style_;
    std::size_t depth_ = 0;
    std::string out_;
};

void Writer::value(const Value& value)
{
    if (const bool* flag = value.as_bool()) {
        out_ += *flag ? "true" : "false";
    } else if (const std::int64_t* number = value.as_int()) {
        integer(*number);
    } else if (const std::uint64_t* large = value.as_uint()) {
        integer(*large);
    } else if (const double* fraction = value.as_double()) {
        real(*fraction);
    } else if (const std::string* text = value.as_string()) {
        string(*text);
    } else if (const Array* elements = value.as_array()) {
        array(*elements);
    } else if (const Object* members = value.as_object()) {
        object(*members);
    } else {
        out_ += "null";
    }
}

void Writer::real(double number)
{
    // qemu-ga prints "inf", which no JSON reader takes; null at least keeps the line readable.
    if (!std::isfinite(number)) {
        out_ += "null";
        return;
    }
    std::array<char, 64> buffer{};
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number,
                                   std::chars_format::general, 17)
                         .ptr;
    out_.append(buffer.data(), end);
}

void Writer::unicode_escape(std::int32_t unit)
{
    constexpr std::string_view digits = "0123456789ABCDEF";
    out_ += "\\u";
    for (int shift = 12; shift >= 0; shift -= 4) {
        out_ += digits[static_cast<std::size_t>((unit >> shift) & 0xF)];
    }
}

void Writer::code_point(std::int32_t point, std::string_view bytes)
{
    switch (point) {
    case '"':
        out_ += "\\\"";
        return;
    case '\\':
        out_ += "\\\\";
        return;
    case '\b':
        out_ += "\\b";
        return;
    case '\f':
        out_ += "\\f";
        return;
    case '\n':
        out_ += "\\n";
        return;
    case '\r':
        out_ += "\\r";
        return;
    case '\t':
        out_ += "\\t";
        return;
    default:
        break;
    }
    if (point < 0) {
        unicode_escape(0xFFFD);
    } else if (point >= 0x20 && (point < 0x7F || (style_ == Style::pretty && point >= 0xA0))) {
        out_ += bytes;
    } else if (point < 0x10000) {
        unicode_escape(point);
    } else {
        unicode_escape(0xD800 + ((point - 0x10000) >> 10));
        unicode_escape(0xDC00 + ((point - 0x10000) & 0x3FF));
    }
}

void Writer::string(std::string_view text)
{
    constexpr std::size_t what_follows = 64; // quotes and brackets: no reason to grow once more
    out_.reserve(out_.size() + text.size() + what_follows);
    out_ += '"';
    while (!text.empty()) {
        // Run by run, since a file's contents are one long run.
        const std::size_t plain = plain_prefix(text);
        out_ += text.substr(0, plain);
        text.remove_prefix(plain);
        if (text.empty()) {
            break;
        }
        const CodePoint next = decode_utf8(text);
        code_point(next.value, text.substr(0, next.length));
        text.remove_prefix(next.length);
    }
    out_ += '"';
}

void Writer::new_line()
{
    if (style_ == Style::pretty) {
        out_ += '\n';
        out_.append(depth_ * 2, ' ');
    }
}

void Writer::separate(bool first)
{
    if (!first) {
        out_ += style_ == Style::pretty ? "," : ", ";
    }
    new_line();
}

void Writer::array(const Array& array)
{
    out_ += '[';
    ++depth_;
    bool first = true;
    for (const Value& element : array) {
        separate(first);
        first = false;
        value(element);
    }
    --depth_;
    if (!first) {
        new_line();
    }
    out_ += ']';
}

void Writer::object(const Object& object)
{
    out_ += '{';
    ++depth_;
    bool first = true;
    for (const auto& [key, member] : object.members()) {
        separate(first);
        first = false;
        string(key);
        out_ += ": ";
        value(member);
    }
    --depth_;
    if (!first) {
        new_line();
    }
    out_ += '}';
}

} // namespace

std::string write(const Value& value)
{
    Writer writer{Style::wire};
    writer.value(value);
    return std::move(writer).take();
}

std::string write_pretty(const Value& value)
{
    Writer writer{Style::pretty};
    writer.value(value);
    return std::move(writer).take() + "\n";
}

} // namespace frostline::json
