// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "system/network.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

/// The tables of /proc/net. A line that is damaged is passed over.
namespace frostline::system {

/// /proc/net/dev, by name.
[[nodiscard]] std::map<std::string, InterfaceCounters, std::less<>>
parse_counters(std::string_view text);

/// /proc/net/route (net/ipv4/fib_trie.c, fib_route_seq_show): addresses are hexadecimal words in
/// the byte order of the machine.
[[nodiscard]] std::vector<Ipv4Route> parse_ipv4_routes(std::string_view text);

/// /proc/net/ipv6_route (net/ipv6/ip6_fib.c, ipv6_route_native_seq_show): every number is
/// hexadecimal.
[[nodiscard]] std::vector<Ipv6Route> parse_ipv6_routes(std::string_view text);

} // namespace frostline::system
