// SPDX-License-Identifier: Apache-2.0
#include "commands/commands.hpp"
#include "common/json/write.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace frostline::commands {
namespace {

using system::Capture;
using testing::HasSubstr;

/// Knows handle 7; keeps what it is asked, and the test answers.
class FakeFiles final : public system::GuestFiles {
public:
    [[nodiscard]] bool known(std::int64_t handle) const override { return handle == 7; }
    void open(std::string path, system::FileMode mode, Done<std::int64_t> done) override
    {
        asked = "open " + path + " " + mode.text;
        opened = std::move(done);
    }
    void close(std::int64_t handle, Done<void> done) override
    {
        asked = "close " + std::to_string(handle);
        emptied = std::move(done);
    }
    void read(std::int64_t handle, std::size_t count, Done<system::FileBytes> done) override
    {
        asked = "read " + std::to_string(handle) + " " + std::to_string(count);
        was_read = std::move(done);
    }
    void write(std::int64_t handle, std::string bytes, std::size_t count,
               Done<std::size_t> done) override
    {
        asked = "write " + std::to_string(handle) + " " + bytes + " " + std::to_string(count);
        written = std::move(done);
    }
    void seek(std::int64_t handle, std::int64_t offset, system::Whence whence,
              Done<std::int64_t> done) override
    {
        asked = "seek " + std::to_string(handle) + " " + std::to_string(offset) + " " +
                std::to_string(static_cast<int>(whence));
        opened = std::move(done);
    }
    void flush(std::int64_t handle, Done<void> done) override
    {
        asked = "flush " + std::to_string(handle);
        emptied = std::move(done);
    }

    std::string asked;
    Done<std::int64_t> opened;
    Done<void> emptied;
    Done<system::FileBytes> was_read;
    Done<std::size_t> written;
};

class FakePrograms final : public system::GuestPrograms {
public:
    void start(system::ProgramRequest wanted, Started done) override
    {
        request = std::move(wanted);
        done(std::int64_t{42});
    }
    [[nodiscard]] Result<system::ProgramState> state(std::int64_t /*pid*/) override { return now; }

    system::ProgramRequest request;
    system::ProgramState now;
};

class FileExec : public testing::Test {
protected:
    FileExec()
    {
        add_file(registry_, files_, 1000);
        add_exec(registry_, programs_);
    }
    rpc::Call ask(const std::string& name, json::Object arguments)
    {
        files_.asked.clear();
        answer_ = "none";
        rpc::Call call{[this](Result<json::Value> result) {
            answer_ = result ? json::write(*result) : result.error().message();
        }};
        registry_.find(name)->run(json::Value{std::move(arguments)}, call);
        return call;
    }
    std::string complaint(const std::string& name, json::Object arguments)
    {
        ask(name, std::move(arguments));
        EXPECT_EQ(files_.asked, "");
        return answer_;
    }

    FakeFiles files_;
    FakePrograms programs_;
    rpc::Registry registry_;
    std::string answer_;
};

TEST_F(FileExec, OpensForReadingUnlessToldOtherwise)
{
    ask("guest-file-open", {{"path", "/a"}});
    EXPECT_EQ(files_.asked, "open /a r");
    EXPECT_EQ(answer_, "none") << "the answer comes when the file is open";
    files_.opened(std::int64_t{1000});
    EXPECT_EQ(answer_, "1000");
    ask("guest-file-open", {{"path", "/a"}, {"mode", "wb+"}});
    EXPECT_EQ(files_.asked, "open /a wb+");
    EXPECT_EQ(complaint("guest-file-open", {{"path", "/a"}, {"mode", "rw"}}),
              "invalid file open mode 'rw'");
}

TEST_F(FileExec, AHandleThatNobodyWillLearnIsClosed)
{
    const rpc::Call call = ask("guest-file-open", {{"path", "/a"}});
    call.cancel("gave up");
    files_.opened(std::int64_t{1000});
    EXPECT_EQ(files_.asked, "close 1000");
    EXPECT_EQ(answer_, "none");
}

TEST_F(FileExec, ReadsNoMoreThanAReplyHolds)
{
    ask("guest-file-read", {{"handle", 7}, {"count", 48 << 20}});
    EXPECT_EQ(files_.asked, "read 7 1000");
    files_.was_read(system::FileBytes{"hi", true});
    EXPECT_EQ(answer_, R"({"count": 2, "buf-b64": "aGk=", "eof": true})");
    ask("guest-file-read", {{"handle", 7}});
    EXPECT_EQ(files_.asked, "read 7 1000") << "4096 is the default";
    files_.was_read(fail_errno("failed to read file", 5));
    EXPECT_EQ(answer_, "failed to read file: Input/output error");
}

TEST_F(FileExec, TheHandleIsTheFirstComplaintAndTheCountTheSecond)
{
    const std::string unknown = "handle '8' has not been found";
    EXPECT_EQ(complaint("guest-file-read", {{"handle", 8}, {"count", -1}}), unknown);
    EXPECT_EQ(complaint("guest-file-write", {{"handle", 8}, {"buf-b64", ""}, {"count", 1}}),
              unknown);
    EXPECT_EQ(complaint("guest-file-seek", {{"handle", 8}, {"offset", 0}, {"whence", 9}}), unknown);
    EXPECT_EQ(complaint("guest-file-read", {{"handle", 7}, {"count", -1}}),
              "value '-1' is invalid for argument count");
    EXPECT_EQ(complaint("guest-file-read", {{"handle", 7}, {"count", (48 << 20) + 1}}),
              "value '50331649' is invalid for argument count");
    EXPECT_EQ(complaint("guest-file-write", {{"handle", 7}, {"buf-b64", "aGk="}, {"count", 3}}),
              "value '3' is invalid for argument count");
    EXPECT_EQ(complaint("guest-file-seek", {{"handle", 7}, {"offset", 0}, {"whence", 3}}),
              "invalid whence code 3");
    EXPECT_EQ(complaint("guest-file-seek", {{"handle", 7}, {"offset", 0}, {"whence", -1}}),
              "invalid whence code -1");
}

TEST_F(FileExec, WritesAllUnlessToldOtherwise)
{
    ask("guest-file-write", {{"handle", 7}, {"buf-b64", "aGk="}});
    EXPECT_EQ(files_.asked, "write 7 hi 2");
    files_.written(std::size_t{2});
    EXPECT_EQ(answer_, R"({"count": 2, "eof": false})");
    ask("guest-file-write", {{"handle", 7}, {"buf-b64", "aGk="}, {"count", 0}});
    EXPECT_EQ(files_.asked, "write 7 hi 0");
}

TEST_F(FileExec, WhenceIsANumberOrAWord)
{
    const std::vector<std::pair<json::Value, std::string>> rows{
        {json::Value{0}, "0"},     {json::Value{1}, "1"},     {json::Value{2}, "2"},
        {json::Value{"set"}, "0"}, {json::Value{"cur"}, "1"}, {json::Value{"end"}, "2"}};
    for (const auto& [whence, expected] : rows) {
        ask("guest-file-seek", {{"handle", 7}, {"offset", -5}, {"whence", whence}});
        EXPECT_EQ(files_.asked, "seek 7 -5 " + expected);
    }
    files_.opened(std::int64_t{1} << 33);
    EXPECT_EQ(answer_, R"({"position": 8589934592, "eof": false})");
}

TEST_F(FileExec, FlushAndCloseGiveAnEmptyObject)
{
    for (const char* name : {"guest-file-flush", "guest-file-close"}) {
        ask(name, {{"handle", 7}});
        files_.emptied(Result<void>{});
        EXPECT_EQ(answer_, "{}");
    }
    ask("guest-file-close", {{"handle", 7}});
    files_.emptied(fail_errno("failed to close handle", 5));
    EXPECT_EQ(answer_, "failed to close handle: Input/output error");
}

TEST_F(FileExec, EveryWayToCapture)
{
    const std::vector<std::pair<json::Value, Capture>> rows{
        {json::Value{false}, Capture::none},     {json::Value{true}, Capture::separated},
        {json::Value{"none"}, Capture::none},    {json::Value{"stdout"}, Capture::output},
        {json::Value{"stderr"}, Capture::error}, {json::Value{"separated"}, Capture::separated},
        {json::Value{"merged"}, Capture::merged}};
    for (const auto& [wanted, expected] : rows) {
        ask("guest-exec", {{"path", "x"}, {"capture-output", wanted}});
        EXPECT_EQ(programs_.request.capture, expected) << json::write(wanted);
    }
    ask("guest-exec", {{"path", "x"}});
    EXPECT_EQ(programs_.request.capture, Capture::none);
    EXPECT_EQ(answer_, R"({"pid": 42})");
    EXPECT_FALSE(programs_.request.environment);
    EXPECT_FALSE(programs_.request.input);
    ask("guest-exec", {{"path", "x"},
                       {"arg", json::Array{json::Value{"a"}}},
                       {"env", json::Array{}},
                       {"input-data", "aGk="}});
    EXPECT_EQ(programs_.request.arguments, std::vector<std::string>{"a"});
    EXPECT_TRUE(programs_.request.environment->empty());
    EXPECT_EQ(programs_.request.input, "hi");
}

TEST_F(FileExec, StatusHasWhatThereIs)
{
    const auto status = [this] {
        ask("guest-exec-status", {{"pid", 42}});
        return answer_;
    };
    EXPECT_EQ(status(), R"({"exited": false})");
    programs_.now.ended = true;
    programs_.now.exit_status = 0;
    EXPECT_EQ(status(), R"({"exited": true, "exitcode": 0})");
    programs_.now.output = "hi";
    programs_.now.error_cut = true; // of nothing nothing is said
    EXPECT_EQ(status(), R"({"exited": true, "exitcode": 0, "out-data": "aGk=", )"
                        R"("out-truncated": false})");
    programs_.now = {};
    programs_.now.ended = true;
    programs_.now.signal = 9;
    programs_.now.error = "hi";
    programs_.now.error_cut = true;
    EXPECT_EQ(status(),
              R"({"exited": true, "signal": 9, "err-data": "aGk=", "err-truncated": true})");
}

TEST(RoomForBytes, LeavesRoomForTheRestOfTheReply)
{
    EXPECT_LT(room_for_bytes(std::size_t{4} << 20U) / 3 * 4 + 4096, std::size_t{4} << 20U);
    EXPECT_GT(room_for_bytes(std::size_t{4} << 20U), (std::size_t{3} << 20U) - 8192U);
    EXPECT_GT(room_for_bytes(65536), 40000U) << "the least that can be configured";
}

} // namespace
} // namespace frostline::commands
