// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace frostline {

/// What went wrong, coarse enough to act on. The text for people is in Error::message().
enum class ErrorKind {
    invalid_argument,  ///< the request or a file is wrong; asking again changes nothing
    not_found,         ///< the thing named does not exist
    permission,        ///< not allowed, by policy or by the kernel
    busy,              ///< somebody else holds it, or it is not possible in this state; try later
    timeout,           ///< a limit passed
    unsupported,       ///< this kernel, file system, peer or build cannot do it
    io,                ///< the system refused; os_error() says how
    protocol,          ///< a peer said something it may not say
    command_not_found, ///< QGA's class of the same name: unknown, blocked, or not while frozen
    cancelled,         ///< given up by its asker, or interrupted by a thaw
    internal,          ///< a fault of ours
};

/// A failure: kind, a sentence that says what was tried on what and why it failed, and errno where
/// the system gave one (0 otherwise). Each level adds its part with with_context().
class [[nodiscard]] Error {
public:
    Error(ErrorKind kind, std::string message, int os_error = 0)
        : kind_(kind), message_(std::move(message)), os_error_(os_error)
    {}

    [[nodiscard]] ErrorKind kind() const noexcept { return kind_; }
    [[nodiscard]] const std::string& message() const noexcept { return message_; }
    [[nodiscard]] int os_error() const noexcept { return os_error_; }

    /// The same error with "CONTEXT: " in front of its message.
    [[nodiscard]] Error with_context(std::string_view context) &&;
    [[nodiscard]] Error with_context(std::string_view context) const&;

private:
    ErrorKind kind_;
    std::string message_;
    int os_error_;
};

/// What fail() returns, so that `return fail(...)` fits every Result<T>.
struct Failure {
    Error error;
};

[[nodiscard]] inline Failure fail(Error error)
{
    return Failure{std::move(error)};
}

[[nodiscard]] inline Failure fail(ErrorKind kind, std::string message, int os_error = 0)
{
    return Failure{Error{kind, std::move(message), os_error}};
}

/// "WHAT: text of OS_ERROR", with the kind that errno implies (EACCES: permission, ENOENT:
/// not_found, EBUSY: busy, ...; io where nothing better fits).
[[nodiscard]] Failure fail_errno(std::string_view what, int os_error);

/// The C-locale text of an errno value. Thread-safe.
[[nodiscard]] std::string errno_text(int os_error);

/// A value or an Error: a subset of std::expected's interface.
template <typename T>
class [[nodiscard]] Result {
public:
    using value_type = T;

    Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
    Result(Failure failure) : state_(std::in_place_index<1>, std::move(failure.error)) {}

    [[nodiscard]] bool has_value() const noexcept { return state_.index() == 0; }
    explicit operator bool() const noexcept { return has_value(); }

    [[nodiscard]] T& value() & { return std::get<0>(state_); }
    [[nodiscard]] const T& value() const& { return std::get<0>(state_); }
    [[nodiscard]] T&& value() && { return std::get<0>(std::move(state_)); }

    T& operator*() & { return value(); }
    const T& operator*() const& { return value(); }
    T&& operator*() && { return std::move(*this).value(); }
    T* operator->() { return &value(); }
    const T* operator->() const { return &value(); }

    [[nodiscard]] Error& error() & { return std::get<1>(state_); }
    [[nodiscard]] const Error& error() const& { return std::get<1>(state_); }
    [[nodiscard]] Error&& error() && { return std::get<1>(std::move(state_)); }

    template <typename U>
    [[nodiscard]] T value_or(U&& fallback) const&
    {
        return has_value() ? value() : static_cast<T>(std::forward<U>(fallback));
    }

private:
    std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
public:
    using value_type = void;

    Result() = default;
    Result(Failure failure) : error_(std::move(failure.error)) {}

    [[nodiscard]] bool has_value() const noexcept { return !error_.has_value(); }
    explicit operator bool() const noexcept { return has_value(); }

    [[nodiscard]] Error& error() & { return *error_; }
    [[nodiscard]] const Error& error() const& { return *error_; }
    [[nodiscard]] Error&& error() && { return *std::move(error_); }

private:
    std::optional<Error> error_;
};

} // namespace frostline
