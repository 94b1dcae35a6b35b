// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/json/value.hpp"
#include "common/result.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// What the generated code is built on: how each type is read from and written to JSON. The errors
/// are worded as qemu-ga words them; paths look like "vcpus[0].online".
namespace frostline::qapi {

/// What to do with members, and with words of an enum, that the schema doesn't have. The agent
/// refuses them in arguments. A host takes them in replies, since a newer agent may have some: it
/// ignores the members, and reads the words as the enum's `unrecognized`.
enum class Unknown { refuse, ignore };

template <typename T>
struct Codec; // decode(value, path, unknown) and encode(value), per type

template <typename T>
[[nodiscard]] Result<T> decode(const json::Value& value, const std::string& path = {},
                               Unknown unknown = Unknown::refuse)
{
    return Codec<T>::decode(value, path, unknown);
}

template <typename T>
[[nodiscard]] json::Value encode(const T& value)
{
    return Codec<T>::encode(value);
}

/// What a string in base64 stands for.
struct Bytes {
    std::string data;

    friend bool operator==(const Bytes&, const Bytes&) = default;
};

/// No members at all: `{}`.
struct Empty {
    friend bool operator==(const Empty&, const Empty&) = default;
};

#define FROSTLINE_QAPI_CODEC(T)                                                                    \
    template <>                                                                                    \
    struct Codec<T> {                                                                              \
        [[nodiscard]] static Result<T> decode(const json::Value& value, const std::string& path,   \
                                              Unknown unknown);                                    \
        [[nodiscard]] static json::Value encode(const T& value) { return value; }                  \
    }
FROSTLINE_QAPI_CODEC(bool);
FROSTLINE_QAPI_CODEC(std::int64_t);
/// Also takes negative integers, which wrap, as they do in qemu-ga.
FROSTLINE_QAPI_CODEC(std::uint64_t);
FROSTLINE_QAPI_CODEC(double);
FROSTLINE_QAPI_CODEC(std::string);
#undef FROSTLINE_QAPI_CODEC

/// See common/base64.hpp for what is refused.
template <>
struct Codec<Bytes> {
    [[nodiscard]] static Result<Bytes> decode(const json::Value& value, const std::string& path,
                                              Unknown unknown);
    [[nodiscard]] static json::Value encode(const Bytes& value);
};

template <>
struct Codec<Empty> {
    [[nodiscard]] static Result<Empty> decode(const json::Value& value, const std::string& path,
                                              Unknown unknown);
    [[nodiscard]] static json::Value encode(const Empty&) { return json::Object{}; }
};

/// "Invalid parameter type for 'PATH', expected: EXPECTED".
[[nodiscard]] Failure wrong_type(const std::string& path, std::string_view expected);

/// For alternates. A number that is no integer counts, too, as in qemu-ga: its branch complains.
[[nodiscard]] bool is_number(const json::Value& value) noexcept;

/// One branch of an alternate.
template <typename Alternate, typename Branch>
[[nodiscard]] Result<Alternate> decode_branch(const json::Value& value, const std::string& path,
                                              Unknown unknown)
{
    Result<Branch> branch = Codec<Branch>::decode(value, path, unknown);
    if (!branch) {
        return fail(std::move(branch).error());
    }
    return Alternate{*std::move(branch)};
}

/// The index of a string among `names`, whose last one stands for every word that isn't there.
[[nodiscard]] Result<std::size_t> decode_enum(const json::Value& value, const std::string& path,
                                              std::span<const std::string_view> names,
                                              Unknown unknown);

template <typename T>
struct Codec<std::vector<T>> {
    [[nodiscard]] static Result<std::vector<T>> decode(const json::Value& value,
                                                       const std::string& path, Unknown unknown)
    {
        const json::Array* array = value.as_array();
        if (array == nullptr) {
            return wrong_type(path, "array");
        }
        std::vector<T> out;
        out.reserve(array->size());
        for (const json::Value& element : *array) {
            Result<T> item =
                Codec<T>::decode(element, path + "[" + std::to_string(out.size()) + "]", unknown);
            if (!item) {
                return fail(std::move(item).error());
            }
            out.push_back(*std::move(item));
        }
        return out;
    }
    [[nodiscard]] static json::Value encode(const std::vector<T>& value)
    {
        json::Array out;
        out.reserve(value.size());
        for (const auto& item : value) {
            out.push_back(Codec<T>::encode(item));
        }
        return out;
    }
};

/// Reads the members of one object one after the other. After the first error it does nothing, and
/// finish() returns that error. Unknown members are looked for last, as in qemu-ga.
class MemberReader {
public:
    MemberReader(const json::Value& value, std::string path, Unknown unknown);

    template <typename T>
    void required(std::string_view name, T& out)
    {
        if (const json::Value* value = take(name)) {
            store(Codec<T>::decode(*value, path_of(name), unknown_), out);
        } else if (!error_) {
            missing(name);
        }
    }
    template <typename T>
    void optional(std::string_view name, std::optional<T>& out)
    {
        if (const json::Value* value = take(name)) {
            store(Codec<T>::decode(*value, path_of(name), unknown_), out);
        }
    }
    /// The first error, if there was one.
    [[nodiscard]] std::optional<Error> finish();

private:
    template <typename T, typename Out>
    void store(Result<T> result, Out& out)
    {
        if (result) {
            out = *std::move(result);
        } else {
            error_ = std::move(result).error();
        }
    }
    [[nodiscard]] const json::Value* take(std::string_view name);
    [[nodiscard]] std::string path_of(std::string_view name) const;
    void missing(std::string_view name);

    const json::Object* object_;
    std::string path_;
    Unknown unknown_;
    std::vector<std::string_view> known_;
    std::optional<Error> error_;
};

template <typename T>
void append_member(json::Object& out, std::string_view name, const T& value)
{
    out.append(std::string{name}, Codec<T>::encode(value));
}
template <typename T>
void append_member(json::Object& out, std::string_view name, const std::optional<T>& value)
{
    if (value) {
        out.append(std::string{name}, Codec<T>::encode(*value));
    }
}

} // namespace frostline::qapi
