// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/progress.hpp"

#include <string_view>

namespace frostline::host {

/// One line on standard error that is written over; nothing when that is no terminal.
class TerminalProgress final : public Progress {
public:
    TerminalProgress();
    ~TerminalProgress() override { done(); }
    TerminalProgress(const TerminalProgress&) = delete;
    TerminalProgress& operator=(const TerminalProgress&) = delete;
    TerminalProgress(TerminalProgress&&) = delete;
    TerminalProgress& operator=(TerminalProgress&&) = delete;

    void phase(std::string_view what) override;
    void done() override;

private:
    bool terminal_;
    bool shown_ = false;
};

} // namespace frostline::host
