// SPDX-License-Identifier: Apache-2.0
#include "common/shell_words.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace frostline {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(ShellWords, SplitsAsAShellDoesAndExpandsNothing)
{
    EXPECT_THAT(*shell_words("-v  -F'/a b' \"c\\\"d\" $HOME `x` *"),
                ElementsAre("-v", "-F/a b", "c\"d", "$HOME", "`x`", "*"));
}

TEST(ShellWords, BlankTextHasNone)
{
    EXPECT_THAT(*shell_words(""), IsEmpty());
    EXPECT_THAT(*shell_words("  \t"), IsEmpty());
}

TEST(ShellWords, AnOpenQuoteIsAnError)
{
    const auto words = shell_words("-F'/x");
    ASSERT_FALSE(words);
    EXPECT_EQ(words.error().kind(), ErrorKind::invalid_argument);
}

} // namespace
} // namespace frostline
