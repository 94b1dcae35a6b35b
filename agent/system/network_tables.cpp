// SPDX-License-Identifier: Apache-2.0
#include "system/network_tables.hpp"

#include "system/words.hpp"

#include <array>
#include <cstddef>
#include <optional>

#include <arpa/inet.h>
#include <netinet/in.h>

namespace frostline::system {

namespace {

constexpr int hexadecimal = 16;

/// Takes the numbers of one line; the first bad one makes all() false.
class Numbers {
public:
    explicit Numbers(const std::vector<std::string_view>& columns) : columns_(columns) {}

    template <typename Number>
    void take(std::size_t column, int base, Number& out)
    {
        const auto found =
            column < columns_.size() ? number<Number>(columns_[column], base) : std::nullopt;
        all_ = all_ && found.has_value();
        out = found.value_or(Number{});
    }
    [[nodiscard]] bool all() const { return all_; }

private:
    const std::vector<std::string_view>& columns_;
    bool all_ = true;
};

std::optional<std::string> ipv4_text(std::string_view word)
{
    const auto bits = number<std::uint32_t>(word, hexadecimal);
    std::array<char, INET_ADDRSTRLEN> text{};
    if (!bits) {
        return std::nullopt;
    }
    const in_addr address{*bits}; // printed as it lies in memory, so it goes back the same way
    ::inet_ntop(AF_INET, &address, text.data(), text.size());
    return std::string{text.data()};
}

std::optional<std::string> ipv6_text(std::string_view word)
{
    in6_addr address{};
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (word.size() != 2 * sizeof address.s6_addr) {
        return std::nullopt;
    }
    for (std::size_t at = 0; at < sizeof address.s6_addr; ++at) {
        const auto byte = number<unsigned char>(word.substr(2 * at, 2), hexadecimal);
        if (!byte) {
            return std::nullopt;
        }
        address.s6_addr[at] = *byte;
    }
    ::inet_ntop(AF_INET6, &address, text.data(), text.size());
    return std::string{text.data()};
}

/// Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT
std::optional<Ipv4Route> ipv4_route(const std::vector<std::string_view>& columns)
{
    if (columns.size() < 11) {
        return std::nullopt;
    }
    const auto destination = ipv4_text(columns[1]);
    const auto gateway = ipv4_text(columns[2]);
    const auto mask = ipv4_text(columns[7]);
    if (!destination || !gateway || !mask) {
        return std::nullopt; // the headings
    }
    Ipv4Route route;
    route.interface = std::string{columns[0]};
    route.destination = *destination;
    route.gateway = *gateway;
    route.mask = *mask;
    Numbers numbers{columns};
    numbers.take(3, hexadecimal, route.flags);
    numbers.take(4, 10, route.references);
    numbers.take(5, 10, route.uses);
    numbers.take(6, 10, route.metric);
    numbers.take(8, 10, route.mtu);
    numbers.take(9, 10, route.window);
    numbers.take(10, 10, route.irtt);
    return numbers.all() ? std::optional{route} : std::nullopt;
}

/// destination, its prefix, source, its prefix, next hop, metric, references, uses, flags,
/// interface
std::optional<Ipv6Route> ipv6_route(const std::vector<std::string_view>& columns)
{
    if (columns.size() < 10) {
        return std::nullopt;
    }
    const auto destination = ipv6_text(columns[0]);
    const auto source = ipv6_text(columns[2]);
    const auto next_hop = ipv6_text(columns[4]);
    if (!destination || !source || !next_hop) {
        return std::nullopt;
    }
    Ipv6Route route;
    route.interface = std::string{columns[9]};
    route.destination = *destination;
    route.source = *source;
    route.next_hop = *next_hop;
    Numbers numbers{columns};
    numbers.take(1, hexadecimal, route.destination_prefix);
    numbers.take(3, hexadecimal, route.source_prefix);
    numbers.take(5, hexadecimal, route.metric);
    numbers.take(6, hexadecimal, route.references);
    numbers.take(7, hexadecimal, route.uses);
    numbers.take(8, hexadecimal, route.flags);
    return numbers.all() ? std::optional{route} : std::nullopt;
}

template <typename Route>
std::vector<Route> parse_lines(std::string_view text,
                               std::optional<Route> (*parse)(const std::vector<std::string_view>&))
{
    std::vector<Route> routes;
    while (!text.empty()) {
        if (std::optional<Route> route = parse(words(take_line(text)))) {
            routes.push_back(*std::move(route));
        }
    }
    return routes;
}

} // namespace

std::map<std::string, InterfaceCounters, std::less<>> parse_counters(std::string_view text)
{
    std::map<std::string, InterfaceCounters, std::less<>> found;
    while (!text.empty()) {
        const std::string_view line = take_line(text);
        // The kernel allows no colon in a name, and old kernels print no blank behind it.
        const std::size_t colon = line.find(':');
        if (colon == std::string_view::npos) {
            continue;
        }
        const std::vector<std::string_view> name = words(line.substr(0, colon));
        const std::vector<std::string_view> columns = words(line.substr(colon + 1));
        InterfaceCounters counters;
        Numbers numbers{columns};
        numbers.take(0, 10, counters.rx_bytes);
        numbers.take(1, 10, counters.rx_packets);
        numbers.take(2, 10, counters.rx_errors);
        numbers.take(3, 10, counters.rx_dropped);
        numbers.take(8, 10, counters.tx_bytes);
        numbers.take(9, 10, counters.tx_packets);
        numbers.take(10, 10, counters.tx_errors);
        numbers.take(11, 10, counters.tx_dropped);
        if (name.size() == 1 && numbers.all()) {
            found.emplace(name.front(), counters);
        }
    }
    return found;
}

std::vector<Ipv4Route> parse_ipv4_routes(std::string_view text)
{
    return parse_lines(text, ipv4_route);
}

std::vector<Ipv6Route> parse_ipv6_routes(std::string_view text)
{
    return parse_lines(text, ipv6_route);
}

} // namespace frostline::system
