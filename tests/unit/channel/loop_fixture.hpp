// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "channel/channel.hpp"
#include "system/glib_loop.hpp"

#include <array>
#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/socket.h>

namespace frostline::channel {

/// What happened to the conversations of one channel, in the order in which it happened.
struct Story {
    std::vector<std::string> events;
    Connection* connection = nullptr;
    bool echo = false;
    std::function<void()> on_bytes; ///< called for each piece, unless empty

    ConversationFactory factory();
};

class ToldConversation final : public Conversation {
public:
    ToldConversation(Story& story, Connection& connection) : story_(story)
    {
        story_.connection = &connection;
        story_.events.emplace_back("begin");
    }
    ToldConversation(const ToldConversation&) = delete;
    ToldConversation& operator=(const ToldConversation&) = delete;
    ~ToldConversation() override
    {
        story_.connection = nullptr;
        story_.events.emplace_back("end");
    }
    void on_bytes(std::string_view bytes) override
    {
        story_.events.emplace_back(bytes.size() > 32 ? "bytes" : bytes);
        if (story_.echo) {
            story_.connection->send(std::string{bytes});
        }
        if (story_.on_bytes) {
            story_.on_bytes();
        }
    }
    void on_end_of_input() override { story_.events.emplace_back("end of input"); }
    void on_drained() override { story_.events.emplace_back("drained"); }

private:
    Story& story_;
};

inline ConversationFactory Story::factory()
{
    return [this](Connection& way_back) {
        return std::make_unique<ToldConversation>(*this, way_back);
    };
}

class LoopTest : public testing::Test {
protected:
    void SetUp() override
    {
        auto loop = system::GlibLoop::create();
        ASSERT_TRUE(loop);
        loop_ = std::move(loop).value();
    }

    /// Runs the loop until `condition`, which is asked after every round, or fails after 5 s.
    void run_until(const std::function<bool()>& condition)
    {
        bool timed_out = false;
        const auto limit = loop_->after(std::chrono::seconds{5}, [&] {
            timed_out = true;
            loop_->quit();
        });
        while (!condition() && !timed_out) {
            loop_->post([this] { loop_->quit(); });
            loop_->run();
        }
        EXPECT_FALSE(timed_out) << "nothing happened for 5 s";
    }
    /// Dispatches what is ready now, and what that makes ready.
    void settle()
    {
        for (int round = 0; round < 20; ++round) {
            loop_->post([this] { loop_->quit(); });
            loop_->run();
        }
    }

    static std::array<UniqueFd, 2> socket_pair()
    {
        int fds[2] = {-1, -1};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
        return {UniqueFd{fds[0]}, UniqueFd{fds[1]}};
    }
    static void put(const UniqueFd& fd, std::string_view text)
    {
        ASSERT_EQ(::write(fd.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    }
    static std::string get(const UniqueFd& fd)
    {
        std::array<char, 65536> buffer{};
        const ssize_t got = ::read(fd.get(), buffer.data(), buffer.size());
        return got > 0 ? std::string{buffer.data(), static_cast<std::size_t>(got)} : std::string{};
    }

    std::unique_ptr<system::GlibLoop> loop_;
};

} // namespace frostline::channel
