// SPDX-License-Identifier: Apache-2.0
#include "system/process_launcher.hpp"

#include "system/input_writer.hpp"
#include "system/output_reader.hpp"
#include "system/run_tag.hpp"
#include "system/spawn.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <utility>

namespace frostline::system {

/// One process from its start until it has been waited for and what it left has been killed. The
/// launcher keeps it for as long; the Child is only a handle.
class Process : public std::enable_shared_from_this<Process> {
    /// The action, kept from running on (or being destroyed by) an object that has gone.
    template <typename Action>
    auto guarded(Action action)
    {
        return [weak = weak_from_this(), action](auto... arguments) {
            if (const auto self = weak.lock()) {
                const Action copy = action; // the subscription that holds ours may go meanwhile
                copy(arguments...);
            }
        };
    }

public:
    Process(EventLoop& loop, const ChildSpec& spec, ChildEvents events, Spawned spawned,
            std::uint64_t tag, std::function<void()> on_retired)
        : loop_(&loop), tag_(tag), pid_(spawned.pid), kill_after_(spec.kill_after),
          output_grace_(spec.output_grace), kill_leftovers_(spec.kill_leftovers),
          outlives_us_(spec.outlives_us), started_(loop.now()),
          process_(std::move(spawned.process)), in_(loop, std::move(spawned.in)),
          out_(loop, std::move(spawned.out), spec.output_cap, spec.output_budget,
               std::move(events.on_line)),
          err_(loop, std::move(spawned.err), spec.output_cap, spec.output_budget, nullptr),
          on_exit_(std::move(events.on_exit)), on_retired_(std::move(on_retired))
    {}

    void start(std::chrono::milliseconds limit)
    {
        process_watch_ = loop_->watch(process_.get(), {.readable = true, .writable = false},
                                      guarded([this](Readiness) { reap(); }));
        out_.start(guarded([this] { on_output_end(); }));
        err_.start(guarded([this] { on_output_end(); }));
        set_limit(limit);
    }

    [[nodiscard]] pid_t pid() const noexcept { return pid_; }

    void write(std::string text) { in_.write(std::move(text)); }
    void close_stdin() { in_.close(); }

    void set_limit(std::chrono::milliseconds limit)
    {
        limit_timer_.cancel();
        if (limit.count() > 0 && !ended_) {
            limit_timer_ = loop_->after(limit, guarded([this] { terminate(); }));
        }
    }

    void terminate()
    {
        limit_timer_.cancel();
        if (ended_ || result_.timed_out) {
            return;
        }
        result_.timed_out = true;
        ::kill(-pid_, SIGTERM);
        kill_timer_ = loop_->after(kill_after_, guarded([this] {
                                       kill_timer_.cancel();
                                       kill_all();
                                       retire_if_done();
                                   }));
    }

    /// Its Child is gone: nobody listens any more.
    void abandon()
    {
        on_exit_ = nullptr;
        limit_timer_.cancel();
        in_.drop();
        if (!ended_ && !outlives_us_) {
            kill_timer_.cancel();
            kill_all();
        } else if (ended_) {
            finish();
        }
    }

    /// The launcher goes: do now what would have been done later.
    void end_now()
    {
        on_exit_ = nullptr;
        on_retired_ = nullptr;
        limit_timer_.cancel();
        if ((!ended_ && !outlives_us_) || kill_timer_.active()) {
            kill_all();
        }
        kill_timer_.cancel();
        grace_timer_.cancel();
        process_watch_.cancel();
        out_.stop();
        err_.stop();
        in_.drop();
        siginfo_t info{};
        ::waitid(P_PIDFD, static_cast<id_t>(process_.get()), &info, WEXITED | WNOHANG);
    }

private:
    void reap()
    {
        siginfo_t info{};
        const int done =
            ::waitid(P_PIDFD, static_cast<id_t>(process_.get()), &info, WEXITED | WNOHANG);
        if (done == 0 && info.si_pid == 0) {
            return; // woken too early
        }
        ended_ = true;
        process_watch_.cancel();
        process_.reset();
        limit_timer_.cancel();
        if (done == 0 && info.si_code == CLD_EXITED) {
            result_.exit_status = info.si_status;
        } else {
            result_.signal = done == 0 ? info.si_status : SIGKILL;
        }
        result_.duration = loop_->now() - started_;
        in_.drop();
        out_.drain(); // may call on_line, which may destroy the Child
        err_.drain();
        if (finish_if_complete()) {
            return;
        }
        grace_timer_ = loop_->after(output_grace_, guarded([this] { finish(); }));
    }

    void on_output_end()
    {
        if (!finish_if_complete()) {
            retire_if_done();
        }
    }

    bool finish_if_complete()
    {
        if (ended_ && !finished_ && out_.ended() && err_.ended()) {
            finish();
            return true;
        }
        return false;
    }

    void finish()
    {
        if (finished_) {
            return;
        }
        finished_ = true;
        grace_timer_.cancel();
        for (OutputReader* output : {&out_, &err_}) {
            output->drain();
            if (!outlives_us_) {
                output->stop();
            }
        }
        if (kill_leftovers_) {
            kill_all();
        }
        result_.out = out_.take();
        result_.err = err_.take();
        out_.discard();
        err_.discard();
        if (const auto tell = std::exchange(on_exit_, nullptr)) {
            tell(std::move(result_));
        }
        retire_if_done();
    }

    void kill_all()
    {
        if (!ended_) {
            ::kill(-pid_, SIGKILL); // its number cannot have a new owner before it is waited for
        }
        kill_tagged(tag_);
    }

    void retire_if_done()
    {
        if (finished_ && out_.ended() && err_.ended() && !kill_timer_.active() && on_retired_) {
            loop_->post(std::exchange(on_retired_, nullptr));
        }
    }

    EventLoop* loop_;
    std::uint64_t tag_;
    pid_t pid_;
    std::chrono::milliseconds kill_after_;
    std::chrono::milliseconds output_grace_;
    bool kill_leftovers_;
    bool outlives_us_;
    EventLoop::TimePoint started_;
    UniqueFd process_;
    InputWriter in_;
    OutputReader out_;
    OutputReader err_;
    std::function<void(ChildResult)> on_exit_;
    std::function<void()> on_retired_;
    bool ended_ = false;    ///< waited for
    bool finished_ = false; ///< told
    ChildResult result_;
    // Last, so that they go first.
    Subscription process_watch_;
    Subscription limit_timer_;
    Subscription kill_timer_;
    Subscription grace_timer_;
};

namespace {

class ProcessChild : public Child {
public:
    explicit ProcessChild(std::shared_ptr<Process> process) : process_(std::move(process)) {}
    ProcessChild(const ProcessChild&) = delete;
    ProcessChild& operator=(const ProcessChild&) = delete;
    ~ProcessChild() override { process_->abandon(); }

    [[nodiscard]] pid_t pid() const override { return process_->pid(); }
    void write(std::string text) override { process_->write(std::move(text)); }
    void close_stdin() override { process_->close_stdin(); }
    void terminate() override { process_->terminate(); }
    void set_limit(std::chrono::milliseconds limit) override { process_->set_limit(limit); }

private:
    std::shared_ptr<Process> process_;
};

} // namespace

ProcessLauncher::ProcessLauncher(EventLoop& loop) : loop_(&loop)
{
    struct sigaction action {};
    if (::sigaction(SIGPIPE, nullptr, &action) == 0 && action.sa_handler == SIG_DFL) {
        action.sa_handler = SIG_IGN; // a hook that closes its standard input must not end us
        ::sigaction(SIGPIPE, &action, nullptr);
    }
    if (::sigaction(SIGCHLD, nullptr, &action) == 0 && action.sa_handler == SIG_IGN) {
        action.sa_handler = SIG_DFL; // inherited as ignored it would cost us all exit statuses
        ::sigaction(SIGCHLD, &action, nullptr);
    }
}

ProcessLauncher::~ProcessLauncher()
{
    for (const std::shared_ptr<Process>& process : *processes_) {
        process->end_now();
    }
}

Result<std::unique_ptr<Child>> ProcessLauncher::launch(ChildSpec spec, ChildEvents events)
{
    const std::uint64_t tag = spec.run_tag != 0 ? spec.run_tag : next_run_tag();
    Result<Spawned> spawned = spawn(spec, tag);
    if (!spawned) {
        return fail(std::move(spawned).error());
    }
    return adopt(spec, std::move(events), std::move(*spawned), tag);
}

void ProcessLauncher::launch_on(Workers& workers, ChildSpec spec, ChildEvents events, Launched done)
{
    const std::uint64_t tag = spec.run_tag != 0 ? spec.run_tag : next_run_tag();
    const auto shared = std::make_shared<const ChildSpec>(std::move(spec));
    run_on(
        workers, [shared, tag] { return spawn(*shared, tag); },
        [this, alive = std::weak_ptr<Processes>{processes_}, shared, tag,
         events = std::move(events), done = std::move(done)](Result<Spawned> spawned) {
            if (alive.expired()) {
                return;
            }
            if (!spawned) {
                done(fail(std::move(spawned).error()));
                return;
            }
            done(adopt(*shared, events, std::move(*spawned), tag));
        });
}

std::unique_ptr<Child> ProcessLauncher::adopt(const ChildSpec& spec, ChildEvents events,
                                              Spawned spawned, std::uint64_t tag)
{
    const auto handle = std::make_shared<std::weak_ptr<Process>>();
    const std::weak_ptr<Processes> all = processes_;
    auto process = std::make_shared<Process>(*loop_, spec, std::move(events), std::move(spawned),
                                             tag, [all, handle] {
                                                 if (const auto kept = all.lock()) {
                                                     kept->erase(handle->lock());
                                                 }
                                             });
    *handle = process;
    processes_->insert(process);
    process->start(spec.limit);
    return std::unique_ptr<Child>{std::make_unique<ProcessChild>(std::move(process))};
}

} // namespace frostline::system
