// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/unique_fd.hpp"
#include "host/io/waiter.hpp"

#include <memory>

namespace frostline::host {

/// The real Waiter: poll(2) over the descriptor and a signalfd.
class SignalWaiter final : public Waiter {
public:
    /// Blocks SIGINT, SIGTERM and SIGHUP for the whole process (call it before any thread exists)
    /// and takes them through a descriptor; ignores SIGPIPE, so that a closed standard output
    /// can't end the tool between freeze and thaw.
    [[nodiscard]] static Result<std::unique_ptr<SignalWaiter>> create();

    [[nodiscard]] TimePoint now() const override { return Clock::now(); }
    [[nodiscard]] Result<void> wait(int descriptor, short events, TimePoint until) override;
    [[nodiscard]] Result<void> pause(Millis duration) override;
    [[nodiscard]] std::optional<int> stopped_by() override;
    void set_shielded(bool shielded) override { shielded_ = shielded; }
    [[nodiscard]] bool shielded() const override { return shielded_; }

private:
    explicit SignalWaiter(UniqueFd signals) : signals_(std::move(signals)) {}
    void read_signals();

    UniqueFd signals_;
    std::optional<int> signal_;
    bool shielded_ = false;
};

} // namespace frostline::host
