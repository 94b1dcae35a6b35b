// SPDX-License-Identifier: Apache-2.0
#include "host/terminal.hpp"

#include <algorithm>
#include <cstdio>

#include <unistd.h>

namespace frostline::host {

TerminalProgress::TerminalProgress() : terminal_(::isatty(STDERR_FILENO) == 1) {}

void TerminalProgress::phase(std::string_view what)
{
    if (terminal_) {
        std::fprintf(stderr, "\r\033[K%.*s ...", static_cast<int>(what.size()), what.data());
        std::fflush(stderr);
        shown_ = true;
    }
}

void TerminalProgress::done()
{
    if (shown_) {
        std::fputs("\r\033[K", stderr);
        std::fflush(stderr);
        shown_ = false;
    }
}

std::string format_table(const std::vector<std::vector<std::string>>& rows)
{
    std::vector<std::size_t> widths;
    for (const std::vector<std::string>& row : rows) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t column = 0; column < row.size(); ++column) {
            widths[column] = std::max(widths[column], row[column].size());
        }
    }
    std::string text;
    for (const std::vector<std::string>& row : rows) {
        std::string line;
        for (std::size_t column = 0; column < row.size(); ++column) {
            line += row[column];
            if (column + 1 < row.size()) {
                line.append(widths[column] - row[column].size() + 2, ' ');
            }
        }
        line.erase(line.find_last_not_of(' ') + 1);
        text += line + "\n";
    }
    return text;
}

} // namespace frostline::host
