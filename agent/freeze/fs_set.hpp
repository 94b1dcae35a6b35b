// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "freeze/guard.hpp"
#include "freeze/plan.hpp"
#include "freeze/report.hpp"
#include "freeze/round.hpp"
#include "freeze/settings.hpp"
#include "system/event_loop.hpp"
#include "system/fs_control.hpp"
#include "system/workers.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace frostline::freeze {

/// The planned file systems of one freeze, with what has been done to each. Every kernel call runs
/// on a worker; one that never comes back delays no other. The descriptors stay open until the
/// set goes, so a mount that gets hidden while frozen can still be thawed. Loop thread only.
class FsSet {
public:
    using TimePoint = system::EventLoop::TimePoint;
    using Done = std::function<void(Result<void>)>;

    FsSet(system::EventLoop& loop, system::Workers& workers, system::FsControl& control,
          std::vector<PlannedFs> planned);
    FsSet(const FsSet&) = delete;
    FsSet& operator=(const FsSet&) = delete;
    /// Asks the workers to thaw what is still frozen; waits for nothing.
    ~FsSet();

    /// Opens every mount. One that is another file system by now is left out and recorded; one
    /// that cannot be opened, or not within `limit`, is an error.
    void open(std::chrono::milliseconds limit, Done done);
    /// syncfs on those that are only synced, and with `all` on those to be frozen, too. What has
    /// not come back after `limit` goes on by itself.
    void sync(bool all, int parallel, std::chrono::milliseconds limit, std::function<void()> done);
    /// Wave by wave, at most `parallel` at a time; a wave begins when the one before has ended. The
    /// first failure ends it at once: what is under way is thawed as soon as it comes back.
    void freeze(int parallel, ForeignFreeze foreign, Done done);
    /// Starts no further FIFREEZE and thaws everything that is frozen, all at once. `done` when
    /// all are thawed, or after `limit` with those that are stuck left to unresolved().
    void thaw(bool lapsed, std::chrono::milliseconds limit, std::function<void()> done);

    /// A guarded mount that isn't frozen by us or isn't any more (index into guarded()).
    void on_forget(std::function<void(std::size_t)> action) { on_forget_ = std::move(action); }
    /// Called when the last stuck one has come back after thaw() had given up waiting.
    void on_resolved(std::function<void()> action) { on_resolved_ = std::move(action); }

    /// The opened mounts that will be frozen: what the guard gets.
    [[nodiscard]] GuardStarter::Mounts guarded() const;
    [[nodiscard]] std::vector<std::string> mount_points() const; ///< of all that were opened
    [[nodiscard]] std::vector<dev_t> devices() const;            ///< their st_dev
    /// What is, or from now on may be, frozen by us.
    [[nodiscard]] std::vector<PlannedFs> at_risk() const;
    [[nodiscard]] std::size_t frozen() const; ///< frozen now, also while being thawed
    [[nodiscard]] std::size_t thawed() const; ///< by our FITHAW
    [[nodiscard]] std::vector<std::string> unresolved() const; ///< mount points stuck or frozen
    [[nodiscard]] std::vector<std::string> lost() const;       ///< thawed by somebody else
    [[nodiscard]] bool incomplete() const; ///< something that was asked for could not be done
    [[nodiscard]] std::optional<TimePoint> first_frozen() const { return first_frozen_; }
    [[nodiscard]] std::optional<TimePoint> last_thawed() const { return last_thawed_; }
    /// Rows for the report; `start` counted from `began`.
    [[nodiscard]] std::vector<FsRecord> records(TimePoint began) const;

private:
    enum class Stage { planned, open, freezing, frozen, thawing, thawed, ended };
    struct Entry {
        PlannedFs planned;
        std::shared_ptr<const system::OpenedMount> opened;
        Stage stage = Stage::planned;
        bool syncing = false;
        std::optional<std::size_t> guard_index;
        FsRecord record;
        TimePoint start{};
    };

    /// `work()` on a worker; `(this->*then)(index, result)` on the loop, unless the set has gone.
    template <typename Work, typename Then>
    void submit(std::size_t index, Work work, Then then)
    {
        system::run_on(workers_, std::move(work),
                       [this, index, then, alive = std::weak_ptr{alive_}](auto result) {
                           if (!alive.expired()) {
                               (this->*then)(index, std::move(result));
                           }
                       });
    }
    void opened(std::size_t index, Result<system::OpenedMount> result);
    void pump_syncs();
    void synced(std::size_t index, const Result<void>& result);
    void pump_freezes();
    void start_freeze(std::size_t index);
    void frozen_result(std::size_t index, const Result<system::FreezeOutcome>& result);
    [[nodiscard]] Result<void> note_freeze(Entry& entry,
                                           const Result<system::FreezeOutcome>& result);
    void end_freeze(Result<void> result);
    void start_thaw(std::size_t index);
    void thaw_result(std::size_t index, const Result<system::ThawOutcome>& result);
    void forget(const Entry& entry);
    [[nodiscard]] bool busy(const Entry& entry) const;

    system::EventLoop& loop_;
    system::Workers& workers_;
    system::FsControl& control_;
    std::vector<Entry> entries_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);

    Round round_;      ///< of opening, then of thawing
    Round sync_round_; ///< apart: a sync that is over its budget may answer at any later time
    std::optional<Error> open_error_;
    std::vector<std::size_t> to_sync_;
    std::size_t parallel_ = 1;
    ForeignFreeze foreign_ = ForeignFreeze::fail;
    Done freeze_done_;
    system::Subscription freeze_end_;
    std::size_t next_ = 0;
    std::size_t freezing_ = 0;
    bool stopped_ = false;
    bool lapsed_ = false;
    bool gave_up_waiting_ = false;
    std::function<void(std::size_t)> on_forget_;
    std::function<void()> on_resolved_;
    std::optional<TimePoint> first_frozen_;
    std::optional<TimePoint> last_thawed_;
};

} // namespace frostline::freeze
