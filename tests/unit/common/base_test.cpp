// SPDX-License-Identifier: Apache-2.0
#include "common/duration.hpp"
#include "common/result.hpp"
#include "common/text.hpp"
#include "common/unique_fd.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <memory>

namespace frostline {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

TEST(ResultTest, HoldsAValueOrAnError)
{
    Result<std::unique_ptr<int>> good{std::make_unique<int>(5)};
    ASSERT_TRUE(good);
    EXPECT_EQ(**good, 5);
    const std::unique_ptr<int> taken = *std::move(good);
    EXPECT_EQ(*taken, 5);

    const Result<int> bad = fail(ErrorKind::busy, "taken", EBUSY);
    ASSERT_FALSE(bad);
    EXPECT_EQ(bad.error().kind(), ErrorKind::busy);
    EXPECT_EQ(bad.error().os_error(), EBUSY);
    EXPECT_EQ(bad.value_or(7), 7);
}

TEST(ResultTest, ContextStandsInFront)
{
    const Error error{ErrorKind::io, "broken", EIO};
    EXPECT_EQ(error.with_context("/srv").message(), "/srv: broken");
    EXPECT_EQ(error.message(), "broken");
    EXPECT_EQ(Error{error}.with_context("a").with_context("b").message(), "b: a: broken");
    EXPECT_EQ(error.with_context("x").os_error(), EIO);
}

TEST(ResultTest, VoidSucceedsUnlessItFails)
{
    EXPECT_TRUE(Result<void>{});
    const Result<void> bad = fail(ErrorKind::timeout, "late");
    ASSERT_FALSE(bad);
    EXPECT_EQ(bad.error().message(), "late");
}

TEST(ResultTest, ErrnoGivesKindAndText)
{
    const Error error = fail_errno("/x: cannot open", ENOENT).error;
    EXPECT_EQ(error.kind(), ErrorKind::not_found);
    EXPECT_EQ(error.message(), "/x: cannot open: No such file or directory");
    EXPECT_EQ(fail_errno("x", EIO).error.kind(), ErrorKind::io);
    EXPECT_EQ(errno_text(99999), "Unknown error 99999");
}

TEST(TextTest, TrimSplitJoin)
{
    EXPECT_EQ(text::trim(" \t a b\r\n"), "a b");
    EXPECT_EQ(text::trim(" \n"), "");
    EXPECT_EQ(text::split(" a ;; b;", ';'), (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(text::split("", ';'), std::vector<std::string>{});
    EXPECT_EQ(text::join({"a", "b"}, ", "), "a, b");
    EXPECT_EQ(text::join({"", "b", ""}, ","), ",b,");
    EXPECT_EQ(text::join({}, ","), "");
}

TEST(TextTest, PrintableEscapesWhatTerminalsObey)
{
    EXPECT_EQ(text::printable("aé\x1b[2J\n"), "aé\\x1b[2J\\x0a");
    EXPECT_EQ(text::printable("\xFF\x80"), "\\xff\\x80");
    EXPECT_EQ(text::printable_lines(" a\n\n\tb\r\n\x1b", 99), " a\n\n\tb\\x0d\n\\x1b");
    EXPECT_EQ(text::printable_lines("a\nb\nc", 3), "a\nb...");
    EXPECT_EQ(text::printable("\xC2\x9B"), "\\xc2\\x9b"); // CSI in one character
    EXPECT_EQ(text::printable(std::string("a\0b", 3)), "a\\x00b");
    EXPECT_EQ(text::printable("abcdef", 3), "abc...");
    EXPECT_EQ(text::printable("abc", 3), "abc");
}

TEST(TextTest, LastLineIsTheLastThatIsNotBlank)
{
    EXPECT_EQ(text::last_line("a\n b \n\n  \n"), "b");
    EXPECT_EQ(text::last_line("a"), "a");
    EXPECT_EQ(text::last_line("\n"), "");
}

TEST(TextTest, ValidUtf8)
{
    EXPECT_TRUE(text::valid_utf8("aé€𝄞"));
    EXPECT_TRUE(text::valid_utf8(""));
    EXPECT_TRUE(text::valid_utf8(std::string("a\0b", 3)));
    EXPECT_FALSE(text::valid_utf8("\xC0\x80"));
    EXPECT_FALSE(text::valid_utf8("\xED\xA0\x80"));
    EXPECT_FALSE(text::valid_utf8("\xE2\x82"));
    EXPECT_FALSE(text::valid_utf8(std::string("\0\xFF", 2)));
}

TEST(DurationTest, Parses)
{
    EXPECT_EQ(*parse_duration("250ms"), milliseconds{250});
    EXPECT_EQ(*parse_duration("60s"), milliseconds{60'000});
    EXPECT_EQ(*parse_duration(" 5 min "), milliseconds{300'000});
    EXPECT_EQ(*parse_duration("1.5"), milliseconds{1'500});
    EXPECT_EQ(*parse_duration("0"), milliseconds{0});
    EXPECT_EQ(*parse_duration("1440min"), milliseconds{86'400'000});
}

TEST(DurationTest, RefusesTheRest)
{
    for (const char* text : {"", "soon", "-1s", "1h", "1e3s", "inf", "nan", "1 2", "1441min", "ms",
                             "0x10", "+1", "1..5", "99999999999999999999"}) {
        const auto parsed = parse_duration(text);
        ASSERT_FALSE(parsed) << text;
        EXPECT_EQ(parsed.error().kind(), ErrorKind::invalid_argument);
        EXPECT_NE(parsed.error().message().find("500ms, 60s"), std::string::npos);
    }
}

TEST(DurationTest, FormatsForPeople)
{
    EXPECT_EQ(format_duration(microseconds{850}), "850us");
    EXPECT_EQ(format_duration(microseconds{1'234}), "1.2ms");
    EXPECT_EQ(format_duration(microseconds{12'345}), "12ms");
    EXPECT_EQ(format_duration(microseconds{1'234'567}), "1.2s");
    EXPECT_EQ(format_duration(microseconds{59'999'999}), "59.9s");
    EXPECT_EQ(format_duration(microseconds{9'999}), "9.9ms");
    EXPECT_EQ(format_duration(microseconds{303'000'000}), "5min 3s");
}

TEST(UniqueFdTest, ClosesOnceAndMoves)
{
    UniqueFd fd{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
    const int number = fd.get();
    ASSERT_TRUE(fd);
    UniqueFd other{std::move(fd)};
    EXPECT_EQ(other.get(), number);
    other.reset();
    EXPECT_FALSE(other);
    EXPECT_EQ(::fcntl(number, F_GETFD), -1);
}

} // namespace
} // namespace frostline
