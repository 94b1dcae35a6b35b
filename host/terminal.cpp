// SPDX-License-Identifier: Apache-2.0
#include "host/terminal.hpp"

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

} // namespace frostline::host
