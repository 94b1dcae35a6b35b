// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "freeze/operation.hpp"
#include "freeze/recovery.hpp"
#include "freeze/session.hpp"
#include "freeze/settings.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace frostline::freeze {

/// Who asked for what, and who gets which answer. The steps of one freeze are in Operation; here is
/// what outlives it: identity, the lapse that the next thaw has to hear of, what is still owed.
class FreezeSession : public Session {
public:
    FreezeSession(Parts parts, Settings settings);
    FreezeSession(const FreezeSession&) = delete;
    FreezeSession& operator=(const FreezeSession&) = delete;
    ~FreezeSession() override;

    void freeze(Request request, std::function<void(Result<Frozen>)> done) override;
    void thaw(std::optional<std::string> id, ThawWait wait,
              std::function<void(Result<Thawed>)> done) override;
    void abandon(const std::string& reason) override;
    void host_lost(const std::string& reason) override;
    void call_off(const std::string& reason, std::function<void()> released) override;
    void shutdown(std::function<void()> done) override;
    [[nodiscard]] Status status() const override;

    /// Before the first command: finishes the thaw of an agent that died. `done` when its file
    /// systems are thawed (at most 5 s); its hooks may still run, and no freeze begins until then.
    void recover(std::function<void()> done);

private:
    using FreezeDone = std::function<void(Result<Frozen>)>;
    struct ThawAsker {
        ThawWait wait = ThawWait::released;
        std::function<void(Result<Thawed>)> done;
    };
    struct Queued {
        Request request;
        std::string id;
        std::vector<FreezeDone> askers;
    };
    /// Of which freeze; the next thaw is told.
    struct Lapse : RunState::Lapse {
        std::string id;
    };

    void begin(Queued queued);
    void on_frozen();
    void on_released();
    void on_finished();
    void answer_freeze(const Result<Frozen>& answer);
    void answer_thaw(const ThawAsker& asker);
    void answer_thaws(ThawWait wait);
    void cancel_queued(const std::string& reason);
    [[nodiscard]] bool repeats(const Request& request, FreezeDone& done);
    /// What an earlier freeze has left in the kernel, in words.
    [[nodiscard]] std::optional<std::string> still_stuck() const;
    [[nodiscard]] std::optional<Error> refusal(const Request& request) const;
    [[nodiscard]] bool knows(const std::string& id) const;
    [[nodiscard]] Report latest_report() const;
    Result<void> save();
    void note_lapse(std::string what, system::EventLoop::TimePoint when);
    void recovered(Recovery::Recovered outcome);
    void keep_left_over(std::unique_ptr<Operation> operation);
    void retry_owed();

    Parts parts_;
    Settings settings_;
    std::unique_ptr<Recovery> recovery_;
    std::unique_ptr<Operation> operation_;
    std::unique_ptr<Operation> left_over_; ///< ended, with a stuck file system or owed hooks
    std::optional<Queued> queued_;
    std::vector<FreezeDone> freeze_askers_;
    std::vector<ThawAsker> thaw_askers_;
    bool thaw_counted_ = false; ///< the count of this operation's thaw has been given away
    std::optional<Lapse> lapse_;
    std::string answered_id_;
    std::optional<Result<Frozen>> answer_; ///< to answered_id_
    std::optional<Report> last_;
    bool saved_ = false; ///< the run state says something
    std::vector<std::function<void()>> release_askers_;
    std::vector<std::function<void()>> shutdown_askers_;
    bool shutting_down_ = false;
    int retries_ = 0;
    system::Subscription retry_timer_;
    std::shared_ptr<bool> token_ = std::make_shared<bool>(true);
};

} // namespace frostline::freeze
