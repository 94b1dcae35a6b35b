// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace frostline::json {

class Value;
using Array = std::vector<Value>;

/// Members in the order in which they were added or read.
class Object {
public:
    using Member = std::pair<std::string, Value>;

    Object();
    Object(std::initializer_list<Member> members);
    Object(const Object&);
    Object(Object&&) noexcept;
    Object& operator=(const Object&);
    Object& operator=(Object&&) noexcept;
    ~Object();

    /// Adds a member, or replaces the value of the one that is there.
    void set(std::string key, Value value);
    /// Adds a member without looking for one of that name: for callers that know there is none,
    /// since an object of many members would otherwise take quadratic time.
    void append(std::string key, Value value);
    /// nullptr when absent.
    [[nodiscard]] const Value* find(std::string_view key) const;
    [[nodiscard]] const std::vector<Member>& members() const noexcept { return members_; }
    /// To move values out of an object that is not needed any more.
    [[nodiscard]] std::vector<Member>& members() noexcept { return members_; }
    [[nodiscard]] bool empty() const noexcept;

    friend bool operator==(const Object&, const Object&);

private:
    std::vector<Member> members_;
};

/// A JSON value as QEMU's dialect has it: an integer literal is int64 where it fits, else uint64
/// where it fits, else double; strings are bytes in UTF-8 and may contain NUL.
class Value {
public:
    Value() = default; ///< null
    Value(std::nullptr_t) {}
    Value(bool value) : data_(value) {}
    Value(int value) : data_(std::int64_t{value}) {}
    Value(std::int64_t value) : data_(value) {}
    Value(std::uint64_t value) : data_(value) {}
    Value(double value) : data_(value) {}
    Value(const char* value) : data_(std::string{value}) {}
    Value(std::string_view value) : data_(std::string{value}) {}
    Value(std::string value) : data_(std::move(value)) {}
    Value(Array value) : data_(std::move(value)) {}
    Value(Object value) : data_(std::move(value)) {}

    [[nodiscard]] bool is_null() const noexcept { return data_.index() == 0; }
    /// nullptr unless the value has exactly that type.
    [[nodiscard]] const bool* as_bool() const noexcept { return std::get_if<bool>(&data_); }
    [[nodiscard]] const std::int64_t* as_int() const noexcept
    {
        return std::get_if<std::int64_t>(&data_);
    }
    [[nodiscard]] const std::uint64_t* as_uint() const noexcept
    {
        return std::get_if<std::uint64_t>(&data_);
    }
    [[nodiscard]] const double* as_double() const noexcept { return std::get_if<double>(&data_); }
    [[nodiscard]] const std::string* as_string() const noexcept
    {
        return std::get_if<std::string>(&data_);
    }
    [[nodiscard]] const Array* as_array() const noexcept { return std::get_if<Array>(&data_); }
    [[nodiscard]] const Object* as_object() const noexcept { return std::get_if<Object>(&data_); }
    [[nodiscard]] Object* as_object() noexcept { return std::get_if<Object>(&data_); }

    /// The member of an object; nullptr when this is no object or has no such member.
    [[nodiscard]] const Value* find(std::string_view key) const;

    friend bool operator==(const Value&, const Value&);

private:
    std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, std::string, Array,
                 Object>
        data_;
};

} // namespace frostline::json
