// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/fake_loop.hpp"
#include "system/child_launcher.hpp"

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace frostline::test {

/// What became of one launched program. Outlives the Child, so that tests can look at it.
struct FakeProcess {
    system::ChildSpec spec;
    system::ChildEvents events;
    system::EventLoop::TimePoint started;
    std::string input; ///< what was written to its standard input
    bool input_closed = false;
    bool terminated = false; ///< TERM has been sent, by limit or by hand
    bool destroyed = false;  ///< its Child has gone
    bool ended = false;
    bool ignores_term = false; ///< and KILL too: it waits in the kernel
    system::Subscription limit;
    system::EventLoop* loop = nullptr;

    [[nodiscard]] std::string program() const
    {
        return spec.arguments[0].substr(spec.arguments[0].rfind('/') + 1);
    }
    [[nodiscard]] std::string call() const { return program() + " " + spec.arguments[1]; }
    [[nodiscard]] std::string environment(const std::string& key) const
    {
        for (const std::string& entry : spec.environment) {
            if (entry.compare(0, key.size() + 1, key + "=") == 0) {
                return entry.substr(key.size() + 1);
            }
        }
        return "(unset)";
    }

    void say(std::string_view line) const { events.on_line(line); }
    void exit(int status, std::string err = {}, std::string out = {})
    {
        system::ChildResult result;
        result.exit_status = status;
        result.err.text = std::move(err);
        result.out.text = std::move(out);
        end(std::move(result));
    }
    void die(int signal)
    {
        system::ChildResult result;
        result.signal = signal;
        end(std::move(result));
    }
    void end(system::ChildResult result)
    {
        limit.cancel();
        ended = true;
        result.timed_out = terminated;
        if (!destroyed && events.on_exit) {
            const auto tell = std::exchange(events.on_exit, nullptr);
            tell(std::move(result));
        }
    }
    void terminate()
    {
        if (ended || terminated) {
            return;
        }
        terminated = true;
        if (!ignores_term) {
            limit = loop->after(std::chrono::nanoseconds{1}, [this] { die(15); });
        }
    }
    void set_limit(std::chrono::milliseconds time)
    {
        limit.cancel();
        if (time.count() > 0 && !terminated) {
            limit = loop->after(time, [this] { terminate(); });
        }
    }
};

class FakeLauncher : public system::ChildLauncher {
public:
    explicit FakeLauncher(FakeLoop& loop) : loop_(&loop) {}

    [[nodiscard]] Result<std::unique_ptr<system::Child>> launch(system::ChildSpec spec,
                                                                system::ChildEvents events) override
    {
        const std::string program = spec.arguments[0];
        if (program.substr(program.rfind('/') + 1) == cannot_run) {
            return fail(ErrorKind::not_found, program + ": cannot run: No such file or directory");
        }
        auto process = std::make_shared<FakeProcess>();
        process->spec = std::move(spec);
        process->events = std::move(events);
        process->started = loop_->now();
        process->loop = loop_;
        process->set_limit(process->spec.limit);
        all.push_back(process);
        return std::unique_ptr<system::Child>{std::make_unique<Handle>(process)};
    }

    void launch_on(system::Workers& /*workers*/, system::ChildSpec spec, system::ChildEvents events,
                   Launched done) override
    {
        done(launch(std::move(spec), std::move(events)));
    }

    /// The running (or last) call such as "20-a freeze"; the test fails hard when there is none.
    [[nodiscard]] FakeProcess& at(const std::string& call) const
    {
        for (auto process = all.rbegin(); process != all.rend(); ++process) {
            if ((*process)->call() == call) {
                return **process;
            }
        }
        throw std::runtime_error("never called: " + call);
    }
    [[nodiscard]] std::vector<std::string> calls() const
    {
        std::vector<std::string> names;
        for (const auto& process : all) {
            names.push_back(process->call());
        }
        return names;
    }
    [[nodiscard]] std::vector<std::string> running() const
    {
        std::vector<std::string> names;
        for (const auto& process : all) {
            if (!process->ended && !process->destroyed) {
                names.push_back(process->call());
            }
        }
        return names;
    }

    std::vector<std::shared_ptr<FakeProcess>> all;
    std::string cannot_run;

private:
    class Handle : public system::Child {
    public:
        explicit Handle(std::shared_ptr<FakeProcess> process) : process_(std::move(process)) {}
        Handle(const Handle&) = delete;
        Handle& operator=(const Handle&) = delete;
        ~Handle() override
        {
            process_->destroyed = true;
            process_->limit.cancel();
        }
        [[nodiscard]] pid_t pid() const override { return 4711; }
        void write(std::string text) override { process_->input += text; }
        void close_stdin() override { process_->input_closed = true; }
        void terminate() override { process_->terminate(); }
        void set_limit(std::chrono::milliseconds limit) override { process_->set_limit(limit); }

    private:
        std::shared_ptr<FakeProcess> process_;
    };

    FakeLoop* loop_;
};

} // namespace frostline::test
