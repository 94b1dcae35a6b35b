// SPDX-License-Identifier: Apache-2.0
#include "qapi/codec.hpp"

#include "common/base64.hpp"

#include <algorithm>

namespace frostline::qapi {

namespace {

Failure wrong(std::string message)
{
    return fail(ErrorKind::invalid_argument, std::move(message));
}

} // namespace

Failure wrong_type(const std::string& path, std::string_view expected)
{
    return wrong("Invalid parameter type for '" + path + "', expected: " + std::string{expected});
}

Result<bool> Codec<bool>::decode(const json::Value& value, const std::string& path, Unknown)
{
    const bool* flag = value.as_bool();
    return flag != nullptr ? Result<bool>{*flag} : wrong_type(path, "boolean");
}

Result<std::int64_t> Codec<std::int64_t>::decode(const json::Value& value, const std::string& path,
                                                 Unknown)
{
    const std::int64_t* number = value.as_int();
    return number != nullptr ? Result<std::int64_t>{*number} : wrong_type(path, "integer");
}

Result<std::uint64_t> Codec<std::uint64_t>::decode(const json::Value& value,
                                                   const std::string& path, Unknown)
{
    if (const std::uint64_t* large = value.as_uint()) {
        return *large;
    }
    if (const std::int64_t* number = value.as_int()) {
        return static_cast<std::uint64_t>(*number);
    }
    return wrong("Parameter '" + path + "' expects uint64");
}

Result<double> Codec<double>::decode(const json::Value& value, const std::string& path, Unknown)
{
    if (const double* number = value.as_double()) {
        return *number;
    }
    if (const std::int64_t* whole = value.as_int()) {
        return static_cast<double>(*whole);
    }
    if (const std::uint64_t* large = value.as_uint()) {
        return static_cast<double>(*large);
    }
    return wrong_type(path, "number");
}

Result<std::string> Codec<std::string>::decode(const json::Value& value, const std::string& path,
                                               Unknown)
{
    const std::string* text = value.as_string();
    return text != nullptr ? Result<std::string>{*text} : wrong_type(path, "string");
}

Result<Bytes> Codec<Bytes>::decode(const json::Value& value, const std::string& path, Unknown)
{
    const std::string* text = value.as_string();
    if (text == nullptr) {
        return wrong_type(path, "string");
    }
    Result<std::string> data = base64::decode(*text);
    if (!data) {
        return fail(std::move(data).error());
    }
    return Bytes{std::move(data).value()};
}

json::Value Codec<Bytes>::encode(const Bytes& value)
{
    return base64::encode(value.data);
}

Result<Empty> Codec<Empty>::decode(const json::Value& value, const std::string& path,
                                   Unknown unknown)
{
    MemberReader members{value, path, unknown};
    if (std::optional<Error> error = members.finish()) {
        return fail(*std::move(error));
    }
    return Empty{};
}

bool is_number(const json::Value& value) noexcept
{
    return value.as_int() != nullptr || value.as_uint() != nullptr || value.as_double() != nullptr;
}

Result<std::size_t> decode_enum(const json::Value& value, const std::string& path,
                                std::span<const std::string_view> names, Unknown unknown)
{
    const std::string* text = value.as_string();
    if (text == nullptr) {
        return wrong_type(path, "string");
    }
    const auto last = names.end() - 1;
    const auto found = std::find(names.begin(), last, *text);
    if (found == last && unknown == Unknown::refuse) {
        return wrong("Parameter '" + path + "' does not accept value '" + *text + "'");
    }
    return static_cast<std::size_t>(found - names.begin());
}

MemberReader::MemberReader(const json::Value& value, std::string path, Unknown unknown)
    : object_(value.as_object()), path_(std::move(path)), unknown_(unknown)
{
    if (object_ == nullptr) {
        error_ = wrong_type(path_, "object").error;
    }
}

const json::Value* MemberReader::take(std::string_view name)
{
    if (error_) {
        return nullptr;
    }
    known_.push_back(name);
    return object_->find(name);
}

std::string MemberReader::path_of(std::string_view name) const
{
    return path_.empty() ? std::string{name} : path_ + "." + std::string{name};
}

void MemberReader::missing(std::string_view name)
{
    error_ = wrong("Parameter '" + path_of(name) + "' is missing").error;
}

std::optional<Error> MemberReader::finish()
{
    if (error_ || unknown_ == Unknown::ignore) {
        return std::move(error_);
    }
    for (const auto& [name, value] : object_->members()) {
        if (std::find(known_.begin(), known_.end(), name) == known_.end()) {
            return wrong("Parameter '" + path_of(name) + "' is unexpected").error;
        }
    }
    return std::nullopt;
}

} // namespace frostline::qapi
