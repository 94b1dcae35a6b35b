// SPDX-License-Identifier: Apache-2.0
#include "system/linux_network.hpp"

#include "system/interface_list.hpp"
#include "system/network_tables.hpp"

#include <array>
#include <bitset>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <memory>

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <sys/socket.h>

namespace frostline::system {

namespace {

template <typename Address>
Address copy_of(const sockaddr* from)
{
    Address out{};
    std::memcpy(&out, from, sizeof out);
    return out;
}

template <std::size_t Size>
int count_ones(const std::array<unsigned char, Size>& mask)
{
    std::size_t ones = 0;
    for (const unsigned char byte : mask) {
        ones += std::bitset<8>{byte}.count();
    }
    return static_cast<int>(ones);
}

/// `Binary` is the address as the kernel has it, at `offset` in the socket address.
template <typename Binary>
IpAddress ip_address(const ifaddrs& entry, int domain, std::size_t offset)
{
    const auto at = [offset](const sockaddr* address) {
        return reinterpret_cast<const unsigned char*>(address) + offset;
    };
    std::array<char, INET6_ADDRSTRLEN> text{};
    ::inet_ntop(domain, at(entry.ifa_addr), text.data(), text.size());
    std::array<unsigned char, sizeof(Binary)> mask{};
    if (entry.ifa_netmask != nullptr) {
        std::memcpy(mask.data(), at(entry.ifa_netmask), mask.size());
    }
    return {domain == AF_INET ? IpFamily::v4 : IpFamily::v6, text.data(), count_ones(mask)};
}

/// The C library makes room for more than the eight bytes that sockaddr_ll declares, and leaves the
/// length 0 when an address does not fit.
std::vector<std::uint8_t> hardware_address(const sockaddr* address)
{
    const auto length = copy_of<sockaddr_ll>(address).sll_halen;
    const auto* bytes =
        reinterpret_cast<const std::uint8_t*>(address) + offsetof(sockaddr_ll, sll_addr);
    return {bytes, bytes + length};
}

InterfaceFact fact_of(const ifaddrs& entry)
{
    InterfaceFact fact;
    fact.name = entry.ifa_name;
    if (entry.ifa_addr == nullptr) { // an interface that has no hardware address, such as tun's
        fact.hardware_address.emplace();
        return fact;
    }
    switch (entry.ifa_addr->sa_family) {
    case AF_PACKET:
        fact.hardware_address = hardware_address(entry.ifa_addr);
        break;
    case AF_INET:
        fact.address = ip_address<in_addr>(entry, AF_INET, offsetof(sockaddr_in, sin_addr));
        break;
    case AF_INET6:
        fact.address = ip_address<in6_addr>(entry, AF_INET6, offsetof(sockaddr_in6, sin6_addr));
        break;
    default:
        break;
    }
    return fact;
}

} // namespace

Result<std::vector<NetworkInterface>> LinuxNetwork::interfaces() const
{
    ifaddrs* first = nullptr;
    if (::getifaddrs(&first) < 0) {
        return fail_errno("getifaddrs failed", errno);
    }
    const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> list{first, &::freeifaddrs};
    std::vector<InterfaceFact> facts;
    for (const ifaddrs* entry = first; entry != nullptr; entry = entry->ifa_next) {
        facts.push_back(fact_of(*entry));
    }
    // Without counters the addresses are still worth telling.
    const Result<std::string> counters = files_.read("/proc/net/dev");
    return gather(facts, parse_counters(counters.value_or(std::string{})));
}

Result<std::string> LinuxNetwork::table(const std::string& path) const
{
    Result<std::string> text = files_.read(path);
    if (!text && text.error().os_error() == ENOENT) {
        return std::string{}; // a kernel without this family
    }
    return text;
}

Result<Routes> LinuxNetwork::routes() const
{
    const Result<std::string> ipv4 = table("/proc/net/route");
    if (!ipv4) {
        return fail(ipv4.error());
    }
    const Result<std::string> ipv6 = table("/proc/net/ipv6_route");
    if (!ipv6) {
        return fail(ipv6.error());
    }
    return Routes{parse_ipv4_routes(*ipv4), parse_ipv6_routes(*ipv6)};
}

} // namespace frostline::system
