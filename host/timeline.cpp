// SPDX-License-Identifier: Apache-2.0
#include "host/timeline.hpp"

#include "common/duration.hpp"
#include "common/json/lookup.hpp"
#include "common/xml.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <limits>
#include <optional>

namespace frostline::host {

namespace {

constexpr int label_width = 260;
constexpr int chart_width = 900;
constexpr int row_height = 18;
constexpr int margin = 10;

/// One bar; times in microseconds since 1970.
struct Bar {
    std::string label;
    std::string remark;
    std::string colour;
    double start = 0;
    double end = 0;
};

struct Chart {
    std::string guest;
    std::vector<Bar> bars;
};

/// RFC 3339 in UTC with microseconds, as the agent's reports have it.
std::optional<double> since_epoch(const std::string& text)
{
    std::tm parts{};
    double seconds = 0;
    if (std::sscanf(text.c_str(), "%4d-%2d-%2dT%2d:%2d:%lfZ", &parts.tm_year, &parts.tm_mon,
                    &parts.tm_mday, &parts.tm_hour, &parts.tm_min, &seconds) != 6) {
        return std::nullopt;
    }
    parts.tm_year -= 1900;
    parts.tm_mon -= 1;
    return (static_cast<double>(::timegm(&parts)) + seconds) * 1e6;
}

void add_rows(Chart& chart, const json::Value& report, double origin, const char* list,
              const char* name, const char* colour)
{
    const json::Value* rows = report.find(list);
    if (rows == nullptr || rows->as_array() == nullptr) {
        return;
    }
    for (const json::Value& row : *rows->as_array()) {
        Bar bar;
        bar.label = json::string_at(row, name);
        if (const std::string phase = json::string_at(row, "phase"); !phase.empty()) {
            bar.label += " " + phase;
        }
        bar.remark = json::string_at(row, "result");
        const bool bad = bar.remark == "failed" || bar.remark == "lost" ||
                         bar.remark == "timed-out" || bar.remark == "busy";
        bar.colour = bad ? "#c0392b" : colour;
        if (bar.label == "frozen") {
            bar.colour = "#2c7fb8";
        }
        bar.start = origin + static_cast<double>(json::number_at(row, "start-us"));
        bar.end = bar.start + static_cast<double>(json::number_at(row, "duration-us"));
        chart.bars.push_back(std::move(bar));
    }
}

std::vector<Chart> charts_of(const std::vector<GuestOutcome>& outcomes)
{
    std::vector<Chart> charts;
    for (const GuestOutcome& one : outcomes) {
        const json::Value* report = one.outcome.details.find("report");
        const std::optional<double> origin =
            report != nullptr ? since_epoch(json::string_at(*report, "started")) : std::nullopt;
        if (!origin) {
            continue;
        }
        Chart chart{one.guest, {}};
        add_rows(chart, *report, *origin, "phases", "name", "#a6bddb");
        add_rows(chart, *report, *origin, "hooks", "name", "#74c476");
        add_rows(chart, *report, *origin, "filesystems", "mountpoint", "#fdae6b");
        charts.push_back(std::move(chart));
    }
    return charts;
}

std::string text_at(int x, int y, const std::string& text, const char* more = "")
{
    return "<text x=\"" + std::to_string(x) + "\" y=\"" + std::to_string(y) + "\"" + more + ">" +
           xml::escape(text) + "</text>\n";
}

std::string draw_bar(const Bar& bar, int y, double begin, double scale)
{
    const int x = margin + label_width + static_cast<int>((bar.start - begin) * scale);
    const int width = std::max(1, static_cast<int>((bar.end - bar.start) * scale));
    const auto duration = std::chrono::microseconds{static_cast<std::int64_t>(bar.end - bar.start)};
    const std::string told =
        format_duration(duration) + (bar.remark.empty() ? "" : ", " + bar.remark);
    return text_at(margin + 12, y + 13, bar.label) + "<rect x=\"" + std::to_string(x) + "\" y=\"" +
           std::to_string(y + 3) + "\" width=\"" + std::to_string(width) +
           "\" height=\"12\" fill=\"" + bar.colour + "\"><title>" +
           xml::escape(bar.label + ": " + told) + "</title></rect>\n";
}

} // namespace

std::string draw_timeline(const std::vector<GuestOutcome>& outcomes)
{
    const std::vector<Chart> charts = charts_of(outcomes);
    double begin = std::numeric_limits<double>::max();
    double end = 0;
    int rows = 1;
    for (const Chart& chart : charts) {
        rows += 1 + static_cast<int>(chart.bars.size());
        for (const Bar& bar : chart.bars) {
            begin = std::min(begin, bar.start);
            end = std::max(end, bar.end);
        }
    }
    if (end <= begin) {
        return {};
    }
    const double scale = chart_width / (end - begin);
    const int width = 2 * margin + label_width + chart_width;
    const int height = 2 * margin + rows * row_height;
    std::string svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + std::to_string(width) +
                      "\" height=\"" + std::to_string(height) +
                      "\" font-family=\"sans-serif\" font-size=\"12\">\n"
                      "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n";
    const auto whole = std::chrono::microseconds{static_cast<std::int64_t>(end - begin)};
    svg += text_at(margin + label_width, margin + 12, "0");
    svg += text_at(margin + label_width + chart_width, margin + 12, format_duration(whole),
                   " text-anchor=\"end\"");
    int y = margin + row_height;
    for (const Chart& chart : charts) {
        svg += text_at(margin, y + 13, chart.guest, " font-weight=\"bold\"");
        y += row_height;
        for (const Bar& bar : chart.bars) {
            svg += draw_bar(bar, y, begin, scale);
            y += row_height;
        }
    }
    return svg + "</svg>\n";
}

} // namespace frostline::host
