// SPDX-License-Identifier: Apache-2.0
#include "system/interface_list.hpp"

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <unordered_map>

namespace frostline::system {

namespace {

std::string with_colons(std::vector<std::uint8_t> bytes)
{
    constexpr std::string_view digits = "0123456789abcdef";
    constexpr std::size_t shortest = 6;
    bytes.resize(std::max(bytes.size(), shortest));
    std::string text;
    for (const std::uint8_t byte : bytes) {
        if (!text.empty()) {
            text += ':';
        }
        text += digits[byte >> 4U];
        text += digits[byte & 0xFU];
    }
    return text;
}

} // namespace

std::vector<NetworkInterface>
gather(const std::vector<InterfaceFact>& facts,
       const std::map<std::string, InterfaceCounters, std::less<>>& counters)
{
    std::vector<NetworkInterface> interfaces;
    std::unordered_map<std::string, std::size_t> places;
    for (const InterfaceFact& fact : facts) {
        const auto [place, is_new] = places.emplace(fact.name, interfaces.size());
        if (is_new) {
            interfaces.emplace_back().name = fact.name;
        }
        NetworkInterface& interface = interfaces[place->second];
        if (fact.hardware_address) {
            interface.hardware_address = with_colons(*fact.hardware_address);
        }
        if (fact.address) {
            interface.addresses.push_back(*fact.address);
        }
    }
    for (NetworkInterface& interface : interfaces) {
        if (const auto found = counters.find(interface.name); found != counters.end()) {
            interface.counters = found->second;
        }
        // The name of an interface has no colon, so this is a label of the one before it.
        const std::size_t colon = interface.name.find(':');
        const auto labelled = places.find(interface.name.substr(0, colon));
        if (colon != std::string::npos && labelled != places.end()) {
            interface.hardware_address = interfaces[labelled->second].hardware_address;
        }
    }
    return interfaces;
}

} // namespace frostline::system
