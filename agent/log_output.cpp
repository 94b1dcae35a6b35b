// SPDX-License-Identifier: Apache-2.0
#include "log_output.hpp"

#include "common/log.hpp"
#include "common/text.hpp"
#include "common/unique_fd.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>

#include <fcntl.h>
#include <sys/stat.h>
#include <syslog.h>

namespace frostline {

namespace {

constexpr std::size_t longest_line = 8192;

/// Whether standard error goes to the journal (systemd.exec(5), JOURNAL_STREAM).
bool stderr_is_journal()
{
    const char* stream = std::getenv("JOURNAL_STREAM"); // NOLINT(concurrency-mt-unsafe): start-up
    struct stat status {};
    if (stream == nullptr || ::fstat(STDERR_FILENO, &status) < 0) {
        return false;
    }
    return std::string{stream} ==
           std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
}

struct LevelNames {
    const char* priority;
    const char* name;
};

LevelNames names(log::Level level)
{
    switch (level) {
    case log::Level::error:
        return {"<3>", "error"};
    case log::Level::warning:
        return {"<4>", "warning"};
    case log::Level::info:
        return {"<6>", "info"};
    case log::Level::debug:
        break;
    }
    return {"<7>", "debug"};
}

int priority(log::Level level)
{
    switch (level) {
    case log::Level::error:
        return LOG_ERR;
    case log::Level::warning:
        return LOG_WARNING;
    case log::Level::info:
        return LOG_INFO;
    case log::Level::debug:
        break;
    }
    return LOG_DEBUG;
}

std::string time_stamp()
{
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    std::array<char, 40> text{};
    std::snprintf(text.data(), text.size(), "%lld.%06ld: ", static_cast<long long>(now.tv_sec),
                  now.tv_nsec / 1000);
    return text.data();
}

void write_line(int fd, bool journal, log::Level level, std::string_view text)
{
    std::string line =
        journal ? std::string{names(level).priority} : time_stamp() + names(level).name + ": ";
    line += text::printable(text, longest_line);
    line += '\n';
    // One call per line, so that lines of two writers don't mix. A log that cannot be written has
    // nowhere to complain.
    [[maybe_unused]] const ssize_t written = ::write(fd, line.data(), line.size());
}

} // namespace

Result<void> open_log(const config::AgentSettings& settings)
{
    log::set_threshold(settings.verbose ? log::Level::debug : log::Level::info);
    if (!settings.log_file) {
        log::set_sink([journal = stderr_is_journal()](log::Level level, std::string_view line) {
            write_line(STDERR_FILENO, journal, level, line);
        });
        return {};
    }
    auto file = std::make_shared<UniqueFd>(::open(
        settings.log_file->c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600));
    if (!*file) {
        return fail_errno("unable to open specified log file " + *settings.log_file, errno);
    }
    log::set_sink([file](log::Level level, std::string_view line) {
        write_line(file->get(), false, level, line);
    });
    return {};
}

void log_to_syslog()
{
    // At once, so that the way to the logger is not opened while anything is frozen.
    ::openlog("frostline-agent", LOG_PID | LOG_NDELAY, LOG_DAEMON);
    log::set_sink([](log::Level level, std::string_view line) {
        ::syslog(priority(level), "%s", text::printable(line, longest_line).c_str());
    });
}

} // namespace frostline
