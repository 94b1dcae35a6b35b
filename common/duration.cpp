// SPDX-License-Identifier: Apache-2.0
#include "common/duration.hpp"

#include "common/text.hpp"

#include <charconv>
#include <cmath>
#include <cstdint>

namespace frostline {

namespace {

constexpr double longest_ms = 24.0 * 60 * 60 * 1000;

/// Cut, not rounded, so that 59.99s does not become a 60.0s that nobody else writes.
std::string with_one_digit(std::int64_t value, std::int64_t unit, const char* name)
{
    return std::to_string(value / unit) + "." + std::to_string(value % unit * 10 / unit) + name;
}

} // namespace

Result<std::chrono::milliseconds> parse_duration(std::string_view given)
{
    const auto wrong = [&] {
        return fail(ErrorKind::invalid_argument,
                    "'" + text::printable(given, 64) +
                        "' is no duration: write a number with ms, s or min, such as 500ms, 60s "
                        "or 2min (a bare number is seconds; at most a day)");
    };
    const std::string_view trimmed = text::trim(given);
    double number = 0;
    const auto [end, error] = std::from_chars(trimmed.data(), trimmed.data() + trimmed.size(),
                                              number, std::chars_format::fixed);
    if (error != std::errc{} || !std::isfinite(number) || number < 0) {
        return wrong();
    }
    const std::string_view unit =
        text::trim(trimmed.substr(static_cast<std::size_t>(end - trimmed.data())));
    double scale = 0;
    if (unit.empty() || unit == "s") {
        scale = 1000;
    } else if (unit == "ms") {
        scale = 1;
    } else if (unit == "min") {
        scale = 60'000;
    } else {
        return wrong();
    }
    const double milliseconds = std::round(number * scale);
    if (milliseconds > longest_ms) {
        return wrong();
    }
    return std::chrono::milliseconds{static_cast<std::int64_t>(milliseconds)};
}

std::string format_duration(std::chrono::microseconds duration)
{
    const std::int64_t us = duration.count();
    if (us < 1000) {
        return std::to_string(us) + "us";
    }
    if (us < 10'000) {
        return with_one_digit(us, 1000, "ms");
    }
    if (us < 1'000'000) {
        return std::to_string(us / 1000) + "ms";
    }
    if (us < 60'000'000) {
        return with_one_digit(us, 1'000'000, "s");
    }
    return std::to_string(us / 60'000'000) + "min " + std::to_string(us / 1'000'000 % 60) + "s";
}

} // namespace frostline
