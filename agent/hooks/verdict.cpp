// SPDX-License-Identifier: Apache-2.0
#include "hooks/verdict.hpp"

#include "common/duration.hpp"
#include "common/text.hpp"

#include <signal.h>
#include <string.h>

#include <algorithm>
#include <charconv>

namespace frostline::hooks {

namespace {

constexpr std::size_t most_kept = 65536;
constexpr std::size_t most_lines = 5;
constexpr std::string_view retry_key = "RETRY-AFTER=";

/// The end of a stream, wherever it is kept.
std::string_view ending(const system::CapturedOutput& output)
{
    return output.dropped > 0 ? std::string_view{output.tail} : std::string_view{output.text};
}

/// Up to the last five lines that say something, the last one last.
std::vector<std::string> last_lines(const system::CapturedOutput& err)
{
    std::vector<std::string> lines = text::split(ending(err), '\n');
    lines.erase(std::remove_if(lines.begin(), lines.end(),
                               [](const std::string& line) {
                                   return line.compare(0, retry_key.size(), retry_key) == 0;
                               }),
                lines.end());
    if (lines.size() > most_lines) {
        lines.erase(lines.begin(), lines.end() - most_lines);
    }
    for (std::string& line : lines) {
        line = text::printable(line, 300);
    }
    return lines;
}

std::string what_happened(const CallEnd& end, std::chrono::milliseconds limit)
{
    const system::ChildResult& result = end.result;
    if (end.stuck) {
        return "did not end within " + format_duration(limit) +
               " and cannot be killed: it waits in the kernel, perhaps on a frozen file system";
    }
    if (result.timed_out) {
        return "did not end within " + format_duration(limit) + " and was killed";
    }
    if (result.signal) {
        const char* name = ::sigabbrev_np(*result.signal);
        return "ended by signal " + std::to_string(*result.signal) +
               (name != nullptr ? " (SIG" + std::string{name} + ")" : std::string{});
    }
    return "exit status " + std::to_string(result.exit_status.value_or(-1));
}

/// Well-formed, without NUL; line breaks stay.
std::string clean(std::string_view raw)
{
    std::string out;
    while (!raw.empty()) {
        const std::size_t end = raw.find_first_of("\n\t");
        out += text::printable(raw.substr(0, end), most_kept * 4);
        if (end == std::string_view::npos) {
            break;
        }
        out += raw[end];
        raw.remove_prefix(end + 1);
    }
    return out;
}

std::optional<std::chrono::seconds> retry_line(std::string_view output)
{
    std::optional<std::chrono::seconds> found;
    for (const std::string& line : text::split(output, '\n')) {
        if (line.compare(0, retry_key.size(), retry_key) != 0) {
            continue;
        }
        std::int64_t seconds = 0;
        const char* end = line.data() + line.size();
        const auto parsed = std::from_chars(line.data() + retry_key.size(), end, seconds);
        if (parsed.ec == std::errc{} && parsed.ptr == end && seconds > 0) {
            found = std::chrono::seconds{std::min<std::int64_t>(seconds, 86'400)};
        }
    }
    return found;
}

} // namespace

HookResult classify(const CallEnd& end)
{
    if (end.stuck || end.result.timed_out) {
        return HookResult::timed_out;
    }
    if (end.result.signal || !end.result.exit_status) {
        return HookResult::failed;
    }
    switch (*end.result.exit_status) {
    case 0:
        return HookResult::done;
    case exit_busy:
        return HookResult::busy;
    case exit_skipped:
        return HookResult::skipped;
    default:
        return HookResult::failed;
    }
}

std::string reason(const system::CapturedOutput& err)
{
    const std::vector<std::string> lines = last_lines(err);
    return lines.empty() ? std::string{} : lines.back();
}

std::string explain(const CallEnd& end, std::chrono::milliseconds limit)
{
    std::string text = what_happened(end, limit);
    std::vector<std::string> lines = last_lines(end.result.err);
    if (lines.empty()) {
        return text;
    }
    text += ": " + lines.back();
    lines.pop_back();
    if (!lines.empty()) {
        text += " (before that: " + text::join(lines, " | ") + ")";
    }
    return text;
}

std::optional<std::chrono::seconds> retry_after(const system::ChildResult& result)
{
    for (const system::CapturedOutput* output : {&result.err, &result.out}) {
        for (const std::string_view part :
             {std::string_view{output->tail}, std::string_view{output->text}}) {
            if (const auto found = retry_line(part)) {
                return found;
            }
        }
    }
    return std::nullopt;
}

std::string kept_text(const system::CapturedOutput& output)
{
    std::string_view begin = output.text;
    std::string middle;
    std::string end;
    if (output.dropped > 0) {
        end = clean(output.tail);
        begin = begin.substr(0, most_kept - std::min(most_kept, output.tail.size() + 64));
        const std::size_t total = output.text.size() + output.dropped;
        middle = "\n[" + std::to_string(total - begin.size() - output.tail.size()) +
                 " bytes left out]\n";
    }
    std::string kept = clean(begin) + middle + end;
    if (kept.size() > most_kept) { // control characters have grown: \xNN
        kept.resize(most_kept);
        while (!text::valid_utf8(kept)) {
            kept.pop_back();
        }
    }
    return kept;
}

} // namespace frostline::hooks
