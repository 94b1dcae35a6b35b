// SPDX-License-Identifier: Apache-2.0
#include "session_fixture.hpp"

#include <stdexcept>

#include <gmock/gmock.h>

namespace frostline::rpc {
namespace {

using testing::HasSubstr;

using DispatcherTest = SessionTest;

TEST_F(DispatcherTest, UnknownAndDisabledCommandsAreNotFoundInUpstreamsWords)
{
    ask("guest-nothing");
    EXPECT_EQ(output_.take(), "{\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"The "
                              "command guest-nothing has not been found\"}}\n");
    frozen_ = true;
    ask("echo", 1);
    EXPECT_EQ(output_.take(), "{\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"Command "
                              "echo has been disabled: the command is not allowed\"}}\n");
}

TEST_F(DispatcherTest, AStrayExceptionBecomesAnError)
{
    add("throws", {}, [](const json::Value&, const Call&) { throw std::runtime_error{"oops"}; });
    ask("throws");
    EXPECT_THAT(output_.take(), HasSubstr("internal error in throws: oops"));
    ask("echo", 1);
    EXPECT_EQ(output_.take(), returned(1));
}

TEST_F(DispatcherTest, AReplyAboveTheLimitIsAnErrorInstead)
{
    add("long", {}, [](const json::Value&, const Call& call) {
        call.complete(json::Value{std::string(70000, 'x')});
    });
    ask("long");
    const std::string reply = output_.take();
    EXPECT_LT(reply.size(), 65536U);
    EXPECT_THAT(reply, HasSubstr("GenericError"));
}

TEST_F(DispatcherTest, ACommandWithoutSuccessReplyIsSilentUnlessItFails)
{
    Command command;
    command.name = "power";
    command.success_response = false;
    bool works = true;
    command.run = [&works](const json::Value&, const Call& call) {
        if (works) {
            call.complete(json::Value{});
        } else {
            call.complete(fail(ErrorKind::io, "no power"));
        }
    };
    registry_.add(command);
    ask("power");
    EXPECT_EQ(output_.take(), "");
    works = false;
    ask("power");
    EXPECT_THAT(output_.take(), HasSubstr("no power"));
}

} // namespace
} // namespace frostline::rpc
