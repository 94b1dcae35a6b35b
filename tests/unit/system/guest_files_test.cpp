// SPDX-License-Identifier: Apache-2.0
#include "system/linux_guest_files.hpp"

#include "support/poll_loop.hpp"
#include "support/prompt_workers.hpp"
#include "support/temp_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <deque>

namespace frostline::system {
namespace {

using testing::HasSubstr;

std::string link_of(const std::string& link)
{
    char target[4096] = {};
    return ::readlink(link.c_str(), target, sizeof target - 1) > 0 ? target : "";
}

/// Does its work when the test says so.
class HandWorkers : public Workers {
public:
    void prepare(std::size_t /*count*/) override {}
    void submit(Work work) override { waiting.push_back(std::move(work)); }

    /// The oldest call, and what it returned.
    void do_one()
    {
        const Work work = std::move(waiting.front());
        waiting.pop_front();
        work()();
    }
    void do_all()
    {
        while (!waiting.empty()) {
            do_one();
        }
    }
    std::deque<Work> waiting;
};

class GuestFilesTest : public testing::Test {
protected:
    GuestFilesSettings settings(std::size_t most_open = 200) const
    {
        GuestFilesSettings out;
        out.state_file = folder_ / "qga.state";
        out.most_open = most_open;
        return out;
    }
    void open_later(const std::string& name, const char* mode)
    {
        files_->open(folder_ / name, *parse_file_mode(mode),
                     [this](Result<std::int64_t> handle) { take(handle); });
    }
    std::int64_t open(const std::string& name, const char* mode)
    {
        said_.clear();
        open_later(name, mode);
        workers_.do_all();
        return handle_;
    }
    void take(const Result<std::int64_t>& number)
    {
        handle_ = number.value_or(-1);
        said_ = number ? "" : number.error().message();
    }
    std::string read(std::int64_t handle, std::size_t count)
    {
        std::string text;
        files_->read(handle, count, [&](const Result<FileBytes>& read) {
            text = read ? read->bytes + (read->end ? "$" : "") : read.error().message();
        });
        workers_.do_all();
        return text;
    }
    std::string write(std::int64_t handle, const std::string& bytes)
    {
        std::string text;
        files_->write(handle, bytes, bytes.size(), [&](const Result<std::size_t>& put) {
            text = put ? std::to_string(*put) : put.error().message();
        });
        workers_.do_all();
        return text;
    }
    std::string close(std::int64_t handle)
    {
        std::string text;
        files_->close(handle, [&](const Result<void>& done) {
            text = done ? "closed" : done.error().message();
        });
        workers_.do_all();
        return text;
    }

    test::TempFolder folder_;
    HandWorkers workers_;
    std::unique_ptr<LinuxGuestFiles> files_ =
        std::make_unique<LinuxGuestFiles>(workers_, settings());
    std::int64_t handle_ = 0;
    std::string said_;
};

TEST_F(GuestFilesTest, ACloseThatFailsIsToldAndForgetsTheHandle)
{
    const std::int64_t handle = open("f", "w");
    const std::string path = folder_ / "f";
    int fd = 0;
    while (fd < 1024 && link_of("/proc/self/fd/" + std::to_string(fd)) != path) {
        ++fd;
    }
    ASSERT_EQ(::close(fd), 0); // behind its back: then the kernel refuses the close that comes now
    EXPECT_EQ(close(handle), "failed to close handle: Bad file descriptor");
    EXPECT_THAT(close(handle), HasSubstr("has not been found"));
}

TEST_F(GuestFilesTest, AWriteIsSeenByTheNextReadAndByOthers)
{
    const std::int64_t handle = open("f", "w+");
    EXPECT_EQ(handle, 1000);
    EXPECT_EQ(write(handle, "hello world"), "11");
    EXPECT_EQ(folder_.read("f"), "hello world") << "nothing is buffered";
    EXPECT_EQ(read(handle, 100), "$");
    std::int64_t position = -1;
    files_->seek(handle, -5, Whence::end, [&](Result<std::int64_t> at) { position = *at; });
    workers_.do_all();
    EXPECT_EQ(position, 6);
    EXPECT_EQ(read(handle, 3), "wor");
    EXPECT_EQ(read(handle, 2), "ld") << "the end is met only by reading on";
    EXPECT_EQ(read(handle, 0), "");
    EXPECT_EQ(read(handle, 1), "$");
    EXPECT_EQ(close(handle), "closed");
    EXPECT_EQ(read(handle, 1), "handle '1000' has not been found");
}

TEST_F(GuestFilesTest, AFileThatGrowsOrHasNoSizeIsReadToItsEnd)
{
    const std::string much(200'000, 'x');
    folder_.write("f", much);
    EXPECT_EQ(read(open("f", "r"), 1 << 20), much + "$");
    // Files in /proc say that their size is 0.
    files_->open("/proc/self/maps", *parse_file_mode("r"),
                 [this](Result<std::int64_t> handle) { take(handle); });
    workers_.do_all();
    EXPECT_THAT(read(handle_, 1 << 20), HasSubstr("[stack]"));
}

TEST_F(GuestFilesTest, OffsetsHaveSixtyFourBits)
{
    const std::int64_t handle = open("f", "w+");
    const std::int64_t far = std::int64_t{5} << 32;
    std::int64_t position = -1;
    files_->seek(handle, far, Whence::start, [&](Result<std::int64_t> at) { position = *at; });
    EXPECT_EQ(write(handle, "x"), "1");
    EXPECT_EQ(position, far);
    files_->seek(handle, 0, Whence::current, [&](Result<std::int64_t> at) { position = *at; });
    workers_.do_all();
    EXPECT_EQ(position, far + 1);
}

TEST_F(GuestFilesTest, WhatAFifoHasIsGivenAndNotLost)
{
    ASSERT_EQ(::mkfifo((folder_ / "fifo").c_str(), 0600), 0);
    const std::int64_t reader = open("fifo", "r");
    EXPECT_EQ(read(reader, 10), "$") << "nobody writes";
    const std::int64_t writer = open("fifo", "w");
    EXPECT_EQ(read(reader, 10), "failed to read file: Resource temporarily unavailable");
    EXPECT_EQ(write(writer, "some"), "4");
    EXPECT_EQ(read(reader, 10), "some");
    EXPECT_EQ(close(writer), "closed");
    EXPECT_EQ(read(reader, 10), "$");
}

TEST_F(GuestFilesTest, AFullFifoTakesWhatItCan)
{
    ASSERT_EQ(::mkfifo((folder_ / "fifo").c_str(), 0600), 0);
    open("fifo", "r");
    const std::int64_t writer = open("fifo", "w");
    EXPECT_EQ(write(writer, std::string(100'000, 'x')), "65536");
    EXPECT_EQ(write(writer, "x"), "failed to write to file: Resource temporarily unavailable");
}

TEST_F(GuestFilesTest, ErrorsComeWhenTheyHappen)
{
    files_->open("/dev/full", *parse_file_mode("w"),
                 [this](Result<std::int64_t> handle) { take(handle); });
    workers_.do_all();
    EXPECT_EQ(write(handle_, "x"), "failed to write to file: No space left on device");
    EXPECT_EQ(close(handle_), "closed");
    folder_.write("f", "text");
    EXPECT_EQ(write(open("f", "r"), "x"), "failed to write to file: Bad file descriptor");
    EXPECT_EQ(read(open("f", "a"), 1), "failed to read file: Bad file descriptor");
    folder_.folder("d");
    EXPECT_EQ(read(open("d", "r"), 1), "failed to read file: Is a directory");
    EXPECT_EQ(open("none", "r"), -1);
    EXPECT_EQ(said_, "failed to open file '" + (folder_ / "none") +
                         "' (mode: 'r'): No such file or directory");
}

TEST_F(GuestFilesTest, OneHandleIsUsedInOrderAndOthersMeanwhile)
{
    const std::int64_t first = open("a", "w+");
    const std::int64_t second = open("b", "w+");
    std::vector<std::string> order;
    const auto note = [&](const char* what) {
        return [&order, what](const auto&) { order.emplace_back(what); };
    };
    files_->write(first, "1", 1, note("first"));
    files_->seek(first, 0, Whence::start, note("second"));
    files_->close(first, note("third"));
    EXPECT_FALSE(files_->known(first)) << "the handle is gone at once";
    files_->write(second, "2", 1, note("other"));
    EXPECT_EQ(workers_.waiting.size(), 2U) << "one call of each handle";
    workers_.do_all();
    EXPECT_THAT(order, testing::ElementsAre("first", "other", "second", "third"));
}

TEST_F(GuestFilesTest, WhatHangsIsBounded)
{
    const std::int64_t file = open("b", "w+");
    for (int i = 0; i < 65; ++i) {
        files_->flush(file, [](const Result<void>&) {});
    }
    std::string said;
    files_->flush(file, [&](const Result<void>& done) { said = done.error().message(); });
    EXPECT_THAT(said, HasSubstr("is busy: 64 commands wait"));
    files_->close(file, [&](const Result<void>& done) { said = done ? "" : "refused"; });
    EXPECT_EQ(said, "refused");
    EXPECT_TRUE(files_->known(file)) << "a close that was refused forgets nothing";
    workers_.do_all();

    for (int i = 0; i < 32; ++i) {
        open_later("b", "r");
    }
    open_later("b", "r");
    EXPECT_THAT(said_, HasSubstr("32 others hang"));
    workers_.do_all();
}

TEST_F(GuestFilesTest, TheNumberOfHandlesIsBounded)
{
    files_ = std::make_unique<LinuxGuestFiles>(workers_, settings(2));
    const std::int64_t first = open("a", "w");
    open("b", "w");
    EXPECT_EQ(open("c", "w"), -1);
    EXPECT_THAT(said_, HasSubstr("(mode: 'w'): 2 handles are open already"));
    EXPECT_FALSE(folder_.exists("c"));
    EXPECT_EQ(close(first), "closed");
    EXPECT_GT(open("c", "w"), 0);
}

TEST_F(GuestFilesTest, NumbersDoNotComeBackAfterARestart)
{
    open("a", "w");
    EXPECT_EQ(open("a", "w"), 1001);
    EXPECT_EQ(folder_.read("qga.state"), "[global]\nfd_counter=1002\n");
    files_ = std::make_unique<LinuxGuestFiles>(workers_, settings());
    EXPECT_EQ(open("a", "w"), 1002);
    EXPECT_EQ(open("none", "r"), -1);
    EXPECT_EQ(open("a", "w"), 1003) << "a failure takes no number";
}

TEST_F(GuestFilesTest, AnswersAfterItsEndAreDropped)
{
    const std::int64_t handle = open("a", "w+");
    said_ = "nothing";
    open_later("a", "r");
    files_->read(handle, 1, [this](const Result<FileBytes>&) { said_ = "answered"; });
    files_.reset();
    workers_.do_all();
    EXPECT_EQ(said_, "nothing");
}

TEST(Strand, LivesUntilItsWorkIsDone)
{
    HandWorkers workers;
    int done = 0;
    {
        const auto strand = std::make_shared<Strand>(workers);
        for (int i = 0; i < 3; ++i) {
            run_on(
                *strand, [i] { return i; }, [&done](int got) { done += got + 1; });
        }
        EXPECT_EQ(strand->waiting(), 2U);
    }
    workers.do_all();
    EXPECT_EQ(done, 6);
}

} // namespace
} // namespace frostline::system
