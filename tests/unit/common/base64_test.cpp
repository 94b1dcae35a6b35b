// SPDX-License-Identifier: Apache-2.0
#include "common/base64.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace frostline::base64 {
namespace {

using testing::HasSubstr;

std::string decoded(std::string_view text)
{
    const Result<std::string> result = decode(text);
    return result ? *result : "error: " + result.error().message();
}

TEST(Base64, KnowsTheVectorsOfItsStandard)
{
    constexpr std::string_view plain = "foobar";
    constexpr std::array<std::string_view, 7> coded{
        "", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy",
    };
    for (std::size_t length = 0; length < coded.size(); ++length) {
        EXPECT_EQ(encode(plain.substr(0, length)), coded[length]);
        EXPECT_EQ(decoded(coded[length]), plain.substr(0, length));
    }
}

TEST(Base64, EveryByteComesBack)
{
    std::string all;
    for (int byte = 0; byte < 256; ++byte) {
        all += static_cast<char>(byte);
    }
    for (std::size_t cut = 0; cut < 3; ++cut) {
        const std::string some = all.substr(cut);
        EXPECT_EQ(decoded(encode(some)), some);
    }
}

TEST(Base64, LineFeedsArePassedOver)
{
    EXPECT_EQ(decoded("Zm9v\nYm\nFy\n"), "foobar");
}

TEST(Base64, PaddedGroupsMayFollowEachOther)
{
    EXPECT_EQ(decoded("aGk=aGk="), "hihi");
}

TEST(Base64, RefusesWhatIsOutsideItsAlphabet)
{
    for (const std::string_view text : {"Zm9v!", "Zm9v\r\n", "Zm 9v", "Zm9-", "Zm\xC3\xA4v"}) {
        EXPECT_EQ(decoded(text), "error: Base64 data contains invalid characters") << text;
    }
}

TEST(Base64, RefusesWhatIsCutShort)
{
    for (const std::string_view text : {"aGk", "Zm9vY", "Zg=", "Z"}) {
        EXPECT_THAT(decoded(text), HasSubstr("cut short")) << text;
    }
}

TEST(Base64, RefusesPaddingInTheWrongPlace)
{
    for (const std::string_view text : {"=", "Z===", "Zm=v", "Zm9v="}) {
        EXPECT_THAT(decoded(text), testing::StartsWith("error: Base64 data has")) << text;
    }
}

} // namespace
} // namespace frostline::base64
