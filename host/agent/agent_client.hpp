// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/agent/report.hpp"
#include "host/agent/transport.hpp"

#include <optional>
#include <string>
#include <vector>

namespace frostline::host {

/// The longest waits for one answer each.
struct Limits {
    Millis answer{10'000};
    Millis freeze{180'000};  ///< write-back and hooks come before the answer
    Millis thaw{30'000};     ///< then the connection is made anew and the state is asked
    Millis recovery{60'000}; ///< to confirm a thaw of a guest that has no deadline of its own

    /// All of them, as --timeout sets them.
    [[nodiscard]] static Limits all(Millis timeout)
    {
        return {timeout, timeout, timeout, timeout * 3};
    }
};

/// What a freeze is asked for with.
struct FreezeWish {
    std::string id;
    std::optional<Millis> deadline{};                       ///< absent: the configured one
    std::optional<std::vector<std::string>> mount_points{}; ///< absent: all
};

/// The commands of a guest agent, typed. Failures of the outer Result: no (understandable) answer.
class AgentClient {
public:
    AgentClient(AgentTransport& transport, Waiter& waiter, Limits limits)
        : transport_(transport), waiter_(waiter), limits_(limits)
    {}

    [[nodiscard]] Result<void> ping();
    /// Which agent it is; the other calls act on it, so this one comes first.
    [[nodiscard]] Result<AgentIdentity> identify();
    [[nodiscard]] Result<GuestState> state();
    /// Needs a Frostline agent.
    [[nodiscard]] Result<std::vector<HookEntry>> hooks(bool check);

    /// What is wished means something to a Frostline agent only.
    [[nodiscard]] Result<Answer<FreezeResult>> freeze(const FreezeWish& wish);
    /// Without `id`: whatever is frozen.
    [[nodiscard]] Result<Answer<ThawResult>> thaw(const std::optional<std::string>& id);

    /// Starts a program in the guest, without a shell; returns its process id.
    [[nodiscard]] Result<std::int64_t> exec(const std::vector<std::string>& command);
    [[nodiscard]] Result<ExecState> exec_state(std::int64_t pid);

    [[nodiscard]] bool frostline() const { return frostline_; }
    [[nodiscard]] const Limits& limits() const { return limits_; }

private:
    template <typename Command>
    [[nodiscard]] Result<Reply> send(const typename Command::Arguments& arguments, Millis limit);

    AgentTransport& transport_;
    Waiter& waiter_;
    Limits limits_;
    bool frostline_ = false;
};

} // namespace frostline::host
