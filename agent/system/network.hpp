// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace frostline::system {

enum class IpFamily { v4, v6 };

struct IpAddress {
    IpFamily family = IpFamily::v4;
    std::string text; ///< without a scope
    int prefix = 0;   ///< leading bits that name the network

    friend bool operator==(const IpAddress&, const IpAddress&) = default;
};

/// Since the interface was made.
struct InterfaceCounters {
    std::uint64_t rx_bytes = 0;
    std::uint64_t rx_packets = 0;
    std::uint64_t rx_errors = 0;
    std::uint64_t rx_dropped = 0;
    std::uint64_t tx_bytes = 0;
    std::uint64_t tx_packets = 0;
    std::uint64_t tx_errors = 0;
    std::uint64_t tx_dropped = 0;

    friend bool operator==(const InterfaceCounters&, const InterfaceCounters&) = default;
};

struct NetworkInterface {
    std::string name;
    std::optional<std::string> hardware_address; ///< "aa:bb:cc:dd:ee:ff", or longer
    std::vector<IpAddress> addresses;
    std::optional<InterfaceCounters> counters;
};

/// As /proc/net/route has it: the main table.
struct Ipv4Route {
    std::string interface;
    std::string destination;
    std::string gateway;
    std::string mask;
    std::uint64_t flags = 0; ///< RTF_ bits of linux/route.h
    std::int64_t references = 0;
    std::int64_t uses = 0;
    std::int64_t metric = 0;
    std::int64_t mtu = 0;    ///< bytes; 0: the interface's
    std::int64_t window = 0; ///< bytes; 0: the default
    std::int64_t irtt = 0;   ///< milliseconds; 0: none
};

/// As /proc/net/ipv6_route has it: all tables.
struct Ipv6Route {
    std::string interface;
    std::string destination;
    int destination_prefix = 0;
    std::string source;
    int source_prefix = 0;
    std::string next_hop;
    std::uint64_t flags = 0; ///< RTF_ bits of linux/ipv6_route.h
    std::int64_t references = 0;
    std::int64_t uses = 0;
    std::int64_t metric = 0;
};

struct Routes {
    std::vector<Ipv4Route> ipv4;
    std::vector<Ipv6Route> ipv6;
};

/// The network of the agent's namespace. Any thread; a machine with thousands of addresses or
/// routes takes milliseconds, so it belongs on a worker. Touches no disk.
class Network {
public:
    virtual ~Network() = default;

    /// In the kernel's order. IPv4 labels (`eth0:1`) are interfaces of their own, with the hardware
    /// address of the one before the colon and without counters.
    [[nodiscard]] virtual Result<std::vector<NetworkInterface>> interfaces() const = 0;
    /// A family that the kernel does not have has no routes.
    [[nodiscard]] virtual Result<Routes> routes() const = 0;
};

} // namespace frostline::system
