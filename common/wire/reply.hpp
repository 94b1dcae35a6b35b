// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/json/value.hpp"
#include "common/result.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

/// Replies: each is one object on one line of ASCII, with its line feed.
namespace frostline::wire {

/// No libvirt client can receive more than this; above 10 MiB the channel itself breaks.
inline constexpr std::size_t default_reply_limit = std::size_t{4} << 20U;

/// Stands directly before the reply to guest-sync-delimited, and nowhere else.
inline constexpr char sync_delimiter = '\xFF';

[[nodiscard]] std::string success_reply(json::Value value, std::optional<json::Value> id);

/// `description` is cut after 16 KiB, since it may repeat what came in.
[[nodiscard]] std::string error_reply(std::string_view error_class, std::string_view description,
                                      std::optional<json::Value> id);
/// With the class that the error's kind means on the wire.
[[nodiscard]] std::string error_reply(const Error& error, std::optional<json::Value> id);

/// "CommandNotFound" for command_not_found, else "GenericError": the only two classes in use.
[[nodiscard]] std::string_view error_class(ErrorKind kind) noexcept;

/// `reply` if it has at most `limit` bytes, its line feed included; else an error that says so,
/// with the id unless that is what makes it too long.
[[nodiscard]] std::string within_limit(std::string reply, std::size_t limit,
                                       const std::optional<json::Value>& id);

} // namespace frostline::wire
