// SPDX-License-Identifier: Apache-2.0
#include "host/qmp/qmp_client.hpp"

#include "host/agent/socket_transport.hpp"
#include "host/io/signal_waiter.hpp"

#include "common/json/parse.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <functional>
#include <thread>

#include <sys/socket.h>
#include <sys/un.h>

namespace frostline::host {
namespace {

/// One client after the other; what `script` returns for a line is sent as it is.
class Server {
public:
    using Script = std::function<std::string(const std::string& line)>;

    explicit Server(std::string greeting, Script script)
    {
        std::array<char, 64> directory{"/tmp/frostline-unit.XXXXXX"};
        directory_ = ::mkdtemp(directory.data());
        path_ = directory_ + "/s";
        sockaddr_un address = {};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path_.data(), path_.size());
        listener_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        EXPECT_EQ(
            ::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
            0);
        EXPECT_EQ(::listen(listener_.get(), 4), 0);
        thread_ = std::thread{[this, greeting = std::move(greeting), script = std::move(script)] {
            serve(greeting, script);
        }};
    }
    ~Server()
    {
        ::shutdown(listener_.get(), SHUT_RDWR);
        thread_.join();
        ::unlink(path_.c_str());
        ::rmdir(directory_.c_str());
    }
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    Server(Server&&) = delete;
    Server& operator=(Server&&) = delete;

    [[nodiscard]] const std::string& path() const { return path_; }

private:
    void serve(const std::string& greeting, const Script& script)
    {
        for (;;) {
            const UniqueFd client{::accept(listener_.get(), nullptr, nullptr)};
            if (!client) {
                return;
            }
            (void)::send(client.get(), greeting.data(), greeting.size(), MSG_NOSIGNAL);
            std::string line;
            char byte = 0;
            while (::recv(client.get(), &byte, 1, 0) == 1) {
                if (byte != '\n') {
                    line += byte;
                    continue;
                }
                const std::string answer = script(line);
                line.clear();
                if (answer == "close") {
                    break;
                }
                (void)::send(client.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
            }
        }
    }

    std::string directory_;
    std::string path_;
    UniqueFd listener_;
    std::thread thread_;
};

std::string id_of(const std::string& line)
{
    return *json::parse(line).value().find("id")->as_string();
}

constexpr const char* hello = "{\"QMP\": {\"version\": {}, \"capabilities\": [\"oob\"]}}\r\n";

class Wire : public testing::Test {
protected:
    Result<std::unique_ptr<QmpClient>> connect(const Server& server, Millis limit = Millis{5'000})
    {
        return QmpClient::connect(server.path(), *waiter_, soon(limit));
    }
    TimePoint soon(Millis limit = Millis{5'000}) { return waiter_->now() + limit; }

    std::unique_ptr<SignalWaiter> waiter_ = SignalWaiter::create().value();
};

TEST_F(Wire, QmpSkipsEventsAndForeignAnswers)
{
    Server server{hello, [](const std::string& line) {
                      return "{\"event\": \"STOP\"}\r\n{\"return\": 1, \"id\": \"x\"}\r\n"
                             "{\"return\": {\"a\": 2}, \"id\": \"" +
                             id_of(line) + "\"}\r\n";
                  }};
    const auto client = connect(server);
    ASSERT_TRUE(client);
    const Result<Reply> reply = (*client)->execute("query-x", {}, soon());
    ASSERT_TRUE(reply && reply->good());
    EXPECT_EQ(*reply->value().find("a")->as_int(), 2);
}

TEST_F(Wire, QmpErrorsKeepClassAndDescription)
{
    Server server{
        hello, [](const std::string& line) {
            if (line.find("qmp_capabilities") != std::string::npos) {
                return "{\"return\": {}, \"id\": \"" + id_of(line) + "\"}\n";
            }
            return "{\"error\": {\"class\": \"DeviceNotFound\", \"desc\": \"no \\u001b[2J\"}"
                   ", \"id\": \"" +
                   id_of(line) + "\"}\n";
        }};
    const auto client = connect(server);
    ASSERT_TRUE(client);
    const Result<Reply> reply = (*client)->execute("x", {}, soon());
    ASSERT_TRUE(reply);
    ASSERT_FALSE(reply->good());
    EXPECT_EQ(reply->error().error_class, "DeviceNotFound");
    EXPECT_EQ(reply->error().description.find('\033'), std::string::npos);
}

TEST_F(Wire, LateQmpAnswerIsNotTakenForTheNextOne)
{
    std::string held;
    Server server{hello, [&held](const std::string& line) {
                      const std::string answer = "{\"return\": \"" + id_of(line) +
                                                 "\", \"id\": \"" + id_of(line) + "\"}\n";
                      if (line.find("slow") != std::string::npos) {
                          held = answer;
                          return std::string{};
                      }
                      return std::exchange(held, {}) + answer;
                  }};
    const auto client = connect(server);
    ASSERT_TRUE(client);
    const Result<Reply> slow = (*client)->execute("slow", {}, soon(Millis{50}));
    ASSERT_FALSE(slow);
    EXPECT_EQ(slow.error().kind(), ErrorKind::timeout);
    const Result<Reply> next = (*client)->execute("next", {}, soon());
    ASSERT_TRUE(next && next->good());
    EXPECT_EQ(*next->value().as_string(), "frostline-3");
}

TEST_F(Wire, MonitorWithoutAGreetingIsBusy)
{
    Server server{"", [](const std::string&) { return std::string{}; }};
    const auto client = connect(server, Millis{50});
    ASSERT_FALSE(client);
    EXPECT_EQ(client.error().kind(), ErrorKind::timeout);
    EXPECT_NE(client.error().message().find("one client at a time"), std::string::npos);
}

TEST_F(Wire, SomethingElseIsNoMonitor)
{
    Server server{"SSH-2.0-x\n", [](const std::string&) { return std::string{}; }};
    EXPECT_EQ(connect(server).error().kind(), ErrorKind::protocol);
}

TEST_F(Wire, ClosedMonitorIsAnError)
{
    Server server{hello, [](const std::string&) { return std::string{"close"}; }};
    EXPECT_EQ(connect(server).error().kind(), ErrorKind::io);
}

/// An agent that answers syncs rightly, and everything else by `script`.
Server::Script agent(Server::Script script)
{
    return [script = std::move(script)](const std::string& line) {
        if (line.find("guest-sync-delimited") == std::string::npos) {
            return script(line);
        }
        const json::Value request = json::parse(line.substr(line.find('{'))).value();
        return "{\"error\": {\"class\": \"GenericError\", \"desc\": "
               "\"stray\"}}\n\xff{\"return\": " +
               std::to_string(*request.find("arguments")->find("id")->as_int()) + "}\n";
    };
}

TEST_F(Wire, AgentIsSyncedBeforeTheFirstCommandOnly)
{
    int syncs = 0;
    Server::Script script = agent([](const std::string& line) {
        return "{\"return\": {}, \"id\": \"" + id_of(line) + "\"}\n";
    });
    // What an earlier client left unread comes first.
    Server server{"{\"return\": 9}\nhalf a li", [&](const std::string& line) {
                      syncs += line.find("sync") != std::string::npos;
                      return script(line);
                  }};
    SocketTransport transport{server.path(), *waiter_};
    EXPECT_TRUE(transport.call("guest-ping", {}, soon())->good());
    EXPECT_TRUE(transport.call("guest-ping", {}, soon())->good());
    EXPECT_EQ(syncs, 1);
}

TEST_F(Wire, AgentIsSyncedAgainAfterALostAnswer)
{
    bool silent = true;
    Server server{"", agent([&silent](const std::string& line) {
                      if (std::exchange(silent, false)) {
                          return std::string{};
                      }
                      return "{\"return\": 5, \"id\": \"" + id_of(line) + "\"}\n";
                  })};
    SocketTransport transport{server.path(), *waiter_};
    EXPECT_EQ(transport.call("a", {}, soon(Millis{50})).error().kind(), ErrorKind::timeout);
    const Result<Reply> reply = transport.call("b", {}, soon());
    ASSERT_TRUE(reply && reply->good());
    EXPECT_EQ(*reply->value().as_int(), 5);
}

TEST_F(Wire, AgentConnectionIsMadeAnewAfterItWasLost)
{
    bool closing = true;
    Server server{"", agent([&closing](const std::string& line) {
                      if (std::exchange(closing, false)) {
                          return std::string{"close"};
                      }
                      return "{\"return\": 5, \"id\": \"" + id_of(line) + "\"}\n";
                  })};
    SocketTransport transport{server.path(), *waiter_};
    EXPECT_EQ(transport.call("a", {}, soon()).error().kind(), ErrorKind::io);
    EXPECT_TRUE(transport.call("b", {}, soon()));
}

} // namespace
} // namespace frostline::host
