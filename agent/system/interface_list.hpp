// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "system/network.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace frostline::system {

/// One thing that the kernel tells about one interface or label: its hardware address or an IP
/// address.
struct InterfaceFact {
    std::string name;
    std::optional<std::vector<std::uint8_t>> hardware_address; ///< empty: it has none
    std::optional<IpAddress> address;
};

/// Gathers the facts by name, in the order in which names come up. A hardware address is written as
/// at least six bytes, filled up with zeros, since clients know no shorter ones; a longer one
/// (InfiniBand: 20) is written whole.
[[nodiscard]] std::vector<NetworkInterface>
gather(const std::vector<InterfaceFact>& facts,
       const std::map<std::string, InterfaceCounters, std::less<>>& counters);

} // namespace frostline::system
