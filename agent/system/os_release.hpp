// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace frostline::system {

/// The assignments of a file in the form of os-release(5), unquoted. A line that is none, holds
/// bytes that are not UTF-8 or lacks its closing quote is passed over; of two assignments to one
/// name the later one counts. What follows a closing quote, or a blank or semicolon outside quotes,
/// is passed over.
[[nodiscard]] std::map<std::string, std::string, std::less<>>
parse_assignments(std::string_view text);

} // namespace frostline::system
