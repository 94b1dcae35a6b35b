// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "rpc/session.hpp"

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace frostline::rpc {

class FakeOutput final : public Output {
public:
    void send(std::string bytes) override { text += bytes; }
    [[nodiscard]] bool congested() const override { return full; }
    void close_when_sent() override { closing = true; }

    /// What has been sent since the last call.
    std::string take() { return std::exchange(text, {}); }

    std::string text;
    bool full = false;
    bool closing = false;
};

/// A session with "ping" (immediate), "echo" (in turn), "sync" and "sync-delimited", and "slow",
/// which ends when the test says so.
class SessionTest : public testing::Test {
protected:
    SessionTest() : policy_(PolicyRules{})
    {
        add("ping", {.immediate = true}, [](const json::Value&, const Call& call) {
            call.complete(json::Value{json::Object{}});
        });
        const auto echo = [](const json::Value& arguments, const Call& call) {
            const json::Value* id = arguments.find("id");
            if (id == nullptr) {
                call.complete(fail(ErrorKind::invalid_argument, "Parameter 'id' is missing"));
            } else {
                call.complete(*id);
            }
        };
        add("echo", {}, echo);
        add("sync", {.immediate = true, .resync = Resync::plain}, echo);
        add("sync-delimited", {.immediate = true, .resync = Resync::delimited}, echo);
        add("slow", {}, [this](const json::Value&, const Call& call) {
            slow_.push_back(call);
            call.on_cancel([this](const std::string& reason) { cancelled_.push_back(reason); });
        });
        add("thaw", {.frozen = true, .immediate = true},
            [this](const json::Value&, Call call) { thaw_.push_back(std::move(call)); });
        make_session({});
    }

    struct Traits {
        bool frozen = false;
        bool immediate = false;
        Resync resync = Resync::no;
    };
    void add(std::string name, Traits traits, std::function<void(const json::Value&, Call)> run)
    {
        Command command;
        command.name = std::move(name);
        command.allowed_while_frozen = traits.frozen;
        command.immediate = traits.immediate;
        command.resync = traits.resync;
        command.run = std::move(run);
        registry_.add(std::move(command));
    }
    void make_session(Session::Limits limits)
    {
        Dispatcher::Settings settings;
        settings.frozen = [this] { return frozen_; };
        settings.clock = [] { return std::chrono::nanoseconds{0}; };
        settings.audit = [this](const AuditRecord& record) {
            audit_.push_back(record.command + " " + record.outcome);
        };
        settings.max_reply = 65536;
        dispatcher_.emplace(registry_, policy_, settings);
        session_.reset();
        session_ = std::make_unique<Session>(*dispatcher_, output_, limits);
    }
    void ask(const std::string& command, std::optional<int> id = std::nullopt)
    {
        Request request;
        request.command = command;
        json::Object arguments;
        if (id) {
            arguments.set("id", *id);
        }
        request.arguments = std::move(arguments);
        request.bytes = 100;
        session_->on_request(std::move(request));
    }
    static std::string returned(int value)
    {
        return "{\"return\": " + std::to_string(value) + "}\n";
    }

    Registry registry_;
    Policy policy_;
    bool frozen_ = false;
    FakeOutput output_;
    std::vector<Call> slow_;
    std::vector<Call> thaw_;
    std::vector<std::string> cancelled_;
    std::vector<std::string> audit_;
    std::optional<Dispatcher> dispatcher_;
    std::unique_ptr<Session> session_;
};

} // namespace frostline::rpc
