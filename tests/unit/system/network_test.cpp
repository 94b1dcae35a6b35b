// SPDX-License-Identifier: Apache-2.0
#include "system/interface_list.hpp"
#include "system/linux_network.hpp"
#include "system/network_tables.hpp"

#include "support/temp_folder.hpp"

#include <algorithm>
#include <cstdint>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace frostline::system {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr const char* device_table =
    "Inter-|   Receive                                                |  Transmit\n"
    " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop "
    "fifo colls carrier compressed\n"
    "    lo:    3267      29    0    0    0     0          0         0     3267      29    0    0 "
    "   0     0       0          0\n"
    "  eth0:18446744073709551615 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n"
    "wei[r]d-.\xC3\xA4: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n"
    "short0: 1 2 3 4 5 6 7 8 9\n"
    "bad0: 1 2 x 4 5 6 7 8 9 10 11 12 13 14 15 16\n";

constexpr const char* ipv4_table =
    "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT       \n"
    "eth0\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0                   \n"
    "eth0\t000200C0\t00000000\t0001\t1\t2\t4294967295\t00FFFFFF\t1400\t5840\t300    \n"
    "*\t0000FEA9\t00000000\t0201\t0\t0\t0\t0000FFFF\t0\t0\t0                         \n"
    "eth1\tzzzzzzzz\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
    "eth1\t000200C0\t00000000\t0001\t0\t0\n";

constexpr const char* ipv6_table =
    "fd000000000000000000000000000000 40 00000000000000000000000000000000 00 "
    "00000000000000000000000000000000 00000100 00000001 00000002 00000001     eth0\n"
    "20010db8000000000000000000000000 20 fe800000000000000000000000000000 0a "
    "fd000000000000000000000000000001 ffffffff 00000002 00000000 80200001       lo\n"
    "20010db8 20 fe80 0a fd00 00000400 00000002 00000000 00000003     eth0\n"
    "20010db8000000000000000000000000 20 fe800000000000000000000000000000 0a\n";

InterfaceFact link(const std::string& name, std::vector<std::uint8_t> address)
{
    return {name, std::move(address), std::nullopt};
}

InterfaceFact ip(const std::string& name, const IpAddress& address)
{
    return {name, std::nullopt, address};
}

TEST(NetworkTables, CountersOfEveryInterfaceUpTo64Bits)
{
    const auto counters = parse_counters(device_table);
    EXPECT_THAT(counters, SizeIs(3)); // not the headings, not the damaged ones
    const InterfaceCounters all{UINT64_MAX, 2, 3, 4, 9, 10, 11, 12};
    EXPECT_EQ(counters.at("eth0"), all);
    EXPECT_EQ(counters.at("wei[r]d-.\xC3\xA4").tx_bytes, 9U);
    EXPECT_EQ(counters.at("lo").rx_packets, 29U);
    EXPECT_THAT(parse_counters(""), IsEmpty());
}

TEST(NetworkTables, Ipv4RoutesWithAddressesInTheMachinesByteOrder)
{
    const auto routes = parse_ipv4_routes(ipv4_table);
    ASSERT_THAT(routes, SizeIs(3)); // not the headings, not the damaged ones
    EXPECT_EQ(routes[0].interface, "eth0");
    EXPECT_EQ(routes[0].destination, "0.0.0.0");
    EXPECT_EQ(routes[0].gateway, "192.0.2.1");
    EXPECT_EQ(routes[0].mask, "0.0.0.0");
    EXPECT_EQ(routes[0].metric, 100);
    EXPECT_EQ(routes[0].flags, 3U);
    EXPECT_EQ(routes[1].destination, "192.0.2.0");
    EXPECT_EQ(routes[1].mask, "255.255.255.0");
    EXPECT_EQ(routes[1].references, 1);
    EXPECT_EQ(routes[1].uses, 2);
    EXPECT_EQ(routes[1].metric, 4294967295);
    EXPECT_EQ(routes[1].mtu, 1400);
    EXPECT_EQ(routes[1].window, 5840);
    EXPECT_EQ(routes[1].irtt, 300);
    EXPECT_EQ(routes[2].interface, "*"); // a route that refuses
    EXPECT_EQ(routes[2].flags, 0x201U);
}

TEST(NetworkTables, Ipv6RoutesInHexadecimalThroughout)
{
    const auto routes = parse_ipv6_routes(ipv6_table);
    ASSERT_THAT(routes, SizeIs(2)); // not the damaged ones
    EXPECT_EQ(routes[0].interface, "eth0");
    EXPECT_EQ(routes[0].destination, "fd00::");
    EXPECT_EQ(routes[0].destination_prefix, 64);
    EXPECT_EQ(routes[0].source, "::");
    EXPECT_EQ(routes[0].next_hop, "::");
    EXPECT_EQ(routes[0].metric, 256);
    EXPECT_EQ(routes[0].references, 1);
    EXPECT_EQ(routes[0].uses, 2);
    EXPECT_EQ(routes[1].interface, "lo");
    EXPECT_EQ(routes[1].source_prefix, 10);
    EXPECT_EQ(routes[1].next_hop, "fd00::1");
    EXPECT_EQ(routes[1].metric, 4294967295);
    EXPECT_EQ(routes[1].flags, 0x80200001U);
}

TEST(InterfaceList, KeepsTheOrderAndAllAddressesOfOneInterface)
{
    const IpAddress v4{IpFamily::v4, "192.0.2.2", 24};
    const IpAddress v6{IpFamily::v6, "fe80::1", 64};
    const auto list =
        gather({link("lo", {0, 0, 0, 0, 0, 0}), link("eth0", {2, 0xFC, 0, 0, 0, 1}),
                ip("lo", {IpFamily::v4, "127.0.0.1", 8}), ip("eth0", v4), ip("eth0", v6)},
               {{"eth0", {1, 2, 3, 4, 5, 6, 7, 8}}});
    ASSERT_THAT(list, SizeIs(2));
    EXPECT_EQ(list[0].name, "lo");
    EXPECT_EQ(list[0].hardware_address, "00:00:00:00:00:00");
    EXPECT_EQ(list[0].counters, std::nullopt); // gone when the counters were read
    EXPECT_EQ(list[1].hardware_address, "02:fc:00:00:00:01");
    EXPECT_THAT(list[1].addresses, ElementsAre(v4, v6));
    EXPECT_EQ(list[1].counters->tx_dropped, 8U);
}

TEST(InterfaceList, OneWithoutAddressesHasEverythingElse)
{
    const auto list = gather({link("eth1", {1, 2, 3, 4, 5, 6})}, {{"eth1", {}}});
    EXPECT_TRUE(list[0].counters);
    EXPECT_TRUE(list[0].hardware_address);
    EXPECT_THAT(list[0].addresses, IsEmpty());
}

TEST(InterfaceList, ALabelHasTheHardwareAddressOfItsInterfaceAndNoCounters)
{
    const auto list =
        gather({link("eth0", {2, 0, 0, 0, 0, 1}), ip("eth0:1", {IpFamily::v4, "192.0.2.3", 24}),
                ip("gone0:1", {IpFamily::v4, "192.0.2.4", 24})},
               {{"eth0", {}}});
    ASSERT_THAT(list, SizeIs(3));
    EXPECT_EQ(list[1].name, "eth0:1");
    EXPECT_EQ(list[1].hardware_address, "02:00:00:00:00:01");
    EXPECT_EQ(list[1].counters, std::nullopt);
    EXPECT_EQ(list[2].hardware_address, std::nullopt);
}

TEST(InterfaceList, HardwareAddressesThatAreNotSixBytes)
{
    std::vector<std::uint8_t> infiniband(20, 0xAB);
    infiniband[19] = 0xCD;
    const auto list =
        gather({link("tun0", {}), link("sit0", {10, 0, 0, 1}), link("ib0", infiniband)}, {});
    EXPECT_EQ(list[0].hardware_address, "00:00:00:00:00:00");
    EXPECT_EQ(list[1].hardware_address, "0a:00:00:01:00:00");
    EXPECT_EQ(list[2].hardware_address,
              "ab:ab:ab:ab:ab:ab:ab:ab:ab:ab:ab:ab:ab:ab:ab:ab:ab:ab:ab:cd");
}

TEST(LinuxNetworkTest, ARouteTableThatIsMissingIsAFamilyThatIsNotThere)
{
    const test::TempFolder machine;
    const LinuxNetwork network{machine / ""};
    EXPECT_THAT(network.routes()->ipv4, IsEmpty());
    EXPECT_THAT(network.routes()->ipv6, IsEmpty());
    machine.write("proc/net/route", ipv4_table);
    EXPECT_THAT(network.routes()->ipv4, SizeIs(3));
    machine.write("proc/net/ipv6_route", ipv6_table);
    EXPECT_THAT(network.routes()->ipv6, SizeIs(2));
    std::filesystem::remove(machine / "proc/net/route");
    EXPECT_THAT(network.routes()->ipv4, IsEmpty());
    EXPECT_THAT(network.routes()->ipv6, SizeIs(2));
    std::filesystem::create_directory(machine / "proc/net/route");
    EXPECT_EQ(network.routes().error().message(), "pread(\"/proc/net/route\"): Is a directory");
}

TEST(LinuxNetworkTest, TheLoopbackOfThisMachine)
{
    const Result<std::vector<NetworkInterface>> all = LinuxNetwork{}.interfaces();
    ASSERT_TRUE(all);
    const auto loopback = std::find_if(
        all->begin(), all->end(), [](const NetworkInterface& one) { return one.name == "lo"; });
    ASSERT_NE(loopback, all->end());
    EXPECT_EQ(loopback->hardware_address, "00:00:00:00:00:00");
    EXPECT_TRUE(loopback->counters);
    const test::TempFolder nothing;
    const Result<std::vector<NetworkInterface>> bare = LinuxNetwork{nothing / ""}.interfaces();
    ASSERT_TRUE(bare) << "counters that cannot be read are no reason to withhold the addresses";
    EXPECT_EQ(bare->size(), all->size());
    EXPECT_EQ(bare->front().counters, std::nullopt);
}

} // namespace
} // namespace frostline::system
