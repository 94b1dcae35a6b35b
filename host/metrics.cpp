// SPDX-License-Identifier: Apache-2.0
#include "host/metrics.hpp"

#include <array>
#include <cstdio>
#include <optional>

namespace frostline::host {

namespace {

/// Between quotes: backslash, quote and line feed are escaped, and nothing else needs to be.
std::string label_value(const std::string& text)
{
    std::string out;
    for (const char letter : text) {
        if (letter == '\n') {
            out += "\\n";
            continue;
        }
        if (letter == '\\' || letter == '"') {
            out += '\\';
        }
        out += letter;
    }
    return out;
}

std::string number(double value)
{
    std::array<char, 64> text{};
    (void)std::snprintf(text.data(), text.size(), "%.6f", value);
    return text.data();
}

std::optional<double> seconds_at(const json::Object& details, const char* name)
{
    const json::Value* found = details.find(name);
    return found != nullptr && found->as_int() != nullptr
               ? std::optional{static_cast<double>(*found->as_int()) / 1e6}
               : std::nullopt;
}

bool true_at(const json::Object& details, const char* name)
{
    const json::Value* found = details.find(name);
    return found != nullptr && found->as_bool() != nullptr && *found->as_bool();
}

/// One gauge over all guests; a guest that has no value for it is left out.
template <typename Value>
std::string gauge(const std::vector<GuestOutcome>& outcomes, const char* name, const char* help,
                  const Value& value)
{
    std::string text = std::string{"# HELP frostline_snapshot_"} + name + " " + help +
                       "\n# TYPE frostline_snapshot_" + name + " gauge\n";
    for (const GuestOutcome& one : outcomes) {
        if (const std::optional<double> found = value(one.outcome)) {
            text += std::string{"frostline_snapshot_"} + name + "{guest=\"" +
                    label_value(one.guest) + "\"} " + number(*found) + "\n";
        }
    }
    return text;
}

} // namespace

std::string format_metrics(const std::vector<GuestOutcome>& outcomes, std::time_t now)
{
    using Found = std::optional<double>;
    return gauge(outcomes, "exit_status", "How it ended; see frostline(1).",
                 [](const Outcome& one) { return Found{static_cast<int>(one.status)}; }) +
           gauge(outcomes, "consistent", "1 when it is as consistent as was required.",
                 [](const Outcome& one) {
                     return Found{true_at(one.details, "consistent") ? 1 : 0};
                 }) +
           gauge(outcomes, "thaw_confirmed", "1 when the guest has said that it is thawed.",
                 [](const Outcome& one) {
                     return one.details.find("thaw-confirmed") != nullptr
                                ? Found{true_at(one.details, "thaw-confirmed") ? 1 : 0}
                                : std::nullopt;
                 }) +
           gauge(outcomes, "frozen_seconds", "How long the guest was frozen.",
                 [](const Outcome& one) { return seconds_at(one.details, "frozen-us"); }) +
           gauge(outcomes, "window_seconds", "How long taking it took, while the guest was frozen.",
                 [](const Outcome& one) { return seconds_at(one.details, "window-us"); }) +
           gauge(outcomes, "finished_timestamp_seconds", "When it ended, in seconds since 1970.",
                 [now](const Outcome&) { return Found{static_cast<double>(now)}; });
}

} // namespace frostline::host
