// SPDX-License-Identifier: Apache-2.0
#include "commands/commands.hpp"

#include "rpc/bind.hpp"

#include <utility>

namespace frostline::commands {

namespace {

qapi::GuestNetworkInterfaceStat to_wire(const system::InterfaceCounters& counters)
{
    qapi::GuestNetworkInterfaceStat out;
    out.rx_bytes = counters.rx_bytes;
    out.rx_packets = counters.rx_packets;
    out.rx_errs = counters.rx_errors;
    out.rx_dropped = counters.rx_dropped;
    out.tx_bytes = counters.tx_bytes;
    out.tx_packets = counters.tx_packets;
    out.tx_errs = counters.tx_errors;
    out.tx_dropped = counters.tx_dropped;
    return out;
}

qapi::GuestNetworkInterface to_wire(system::NetworkInterface interface)
{
    qapi::GuestNetworkInterface out;
    out.name = std::move(interface.name);
    out.hardware_address = std::move(interface.hardware_address);
    for (system::IpAddress& address : interface.addresses) {
        qapi::GuestIpAddress ip;
        ip.ip_address = std::move(address.text);
        ip.ip_address_type = address.family == system::IpFamily::v4
                                 ? qapi::GuestIpAddressType::ipv4
                                 : qapi::GuestIpAddressType::ipv6;
        ip.prefix = address.prefix;
        if (!out.ip_addresses) {
            out.ip_addresses.emplace();
        }
        out.ip_addresses->push_back(std::move(ip));
    }
    if (interface.counters) {
        out.statistics = to_wire(*interface.counters);
    }
    return out;
}

qapi::GuestNetworkRoute to_wire(system::Ipv4Route route)
{
    qapi::GuestNetworkRoute out;
    out.iface = std::move(route.interface);
    out.destination = std::move(route.destination);
    out.metric = route.metric;
    out.gateway = std::move(route.gateway);
    out.mask = std::move(route.mask);
    out.irtt = route.irtt;
    out.flags = route.flags;
    out.refcnt = route.references;
    out.use = route.uses;
    out.window = route.window;
    out.mtu = route.mtu;
    out.version = 4;
    return out;
}

qapi::GuestNetworkRoute to_wire(system::Ipv6Route route)
{
    qapi::GuestNetworkRoute out;
    out.iface = std::move(route.interface);
    out.destination = std::move(route.destination);
    out.metric = route.metric;
    out.flags = route.flags;
    out.refcnt = route.references;
    out.use = route.uses;
    out.desprefixlen = std::to_string(route.destination_prefix);
    out.source = std::move(route.source);
    out.srcprefixlen = std::to_string(route.source_prefix);
    out.nexthop = std::move(route.next_hop);
    out.version = 6;
    return out;
}

Result<std::vector<qapi::GuestNetworkInterface>> interfaces(const system::Network& network)
{
    Result<std::vector<system::NetworkInterface>> found = network.interfaces();
    if (!found) {
        return fail(std::move(found).error());
    }
    std::vector<qapi::GuestNetworkInterface> out;
    for (system::NetworkInterface& interface : *found) {
        out.push_back(to_wire(std::move(interface)));
    }
    return out;
}

Result<std::vector<qapi::GuestNetworkRoute>> routes(const system::Network& network)
{
    Result<system::Routes> found = network.routes();
    if (!found) {
        return fail(std::move(found).error());
    }
    std::vector<qapi::GuestNetworkRoute> out;
    for (system::Ipv4Route& route : found->ipv4) {
        out.push_back(to_wire(std::move(route)));
    }
    for (system::Ipv6Route& route : found->ipv6) {
        out.push_back(to_wire(std::move(route)));
    }
    return out;
}

} // namespace

void add_network(rpc::Registry& registry, std::shared_ptr<const system::Network> network,
                 system::Workers& workers)
{
    rpc::bind_async<qapi::GuestNetworkGetInterfaces>(
        registry, [network, &workers](const qapi::GuestNetworkGetInterfaces::Arguments&,
                                      rpc::Responder<qapi::GuestNetworkGetInterfaces> responder) {
            system::run_on(
                workers, [network] { return interfaces(*network); }, std::move(responder));
        });
    rpc::bind_async<qapi::GuestNetworkGetRoute>(
        registry, [network = std::move(network),
                   &workers](const qapi::GuestNetworkGetRoute::Arguments&,
                             rpc::Responder<qapi::GuestNetworkGetRoute> responder) {
            system::run_on(
                workers, [network] { return routes(*network); }, std::move(responder));
        });
}

} // namespace frostline::commands
