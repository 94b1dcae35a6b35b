// SPDX-License-Identifier: Apache-2.0
#include "qapi/codec.hpp"
#include "qapi/types.hpp"

#include "common/json/parse.hpp"

#include <gtest/gtest.h>

namespace frostline::qapi {

// Shapes that no command has yet: what is nested, and an unsigned number.
struct Cpu {
    std::int64_t id = 0;
    std::optional<bool> online;
};
struct Plan {
    std::vector<Cpu> vcpus;
    std::optional<std::uint64_t> offset;
    std::optional<double> ratio;
    std::optional<std::vector<std::string>> arg;
};

template <>
struct Codec<Cpu> {
    static Result<Cpu> decode(const json::Value& value, const std::string& path, Unknown unknown)
    {
        Cpu out;
        MemberReader members{value, path, unknown};
        members.required("id", out.id);
        members.optional("online", out.online);
        if (auto error = members.finish()) {
            return fail(*std::move(error));
        }
        return out;
    }
};
template <>
struct Codec<Plan> {
    static Result<Plan> decode(const json::Value& value, const std::string& path, Unknown unknown)
    {
        Plan out;
        MemberReader members{value, path, unknown};
        members.required("vcpus", out.vcpus);
        members.optional("offset", out.offset);
        members.optional("ratio", out.ratio);
        members.optional("arg", out.arg);
        if (auto error = members.finish()) {
            return fail(*std::move(error));
        }
        return out;
    }
};

namespace {

struct Row {
    const char* input;
    const char* error;
};

class DecodeErrors : public testing::TestWithParam<Row> {};

TEST_P(DecodeErrors, AreWordedAsInQemuGa)
{
    const auto plan = decode<Plan>(*json::parse(GetParam().input));
    ASSERT_FALSE(plan);
    EXPECT_EQ(plan.error().message(), GetParam().error);
}

INSTANTIATE_TEST_SUITE_P(
    Table, DecodeErrors,
    testing::Values(
        Row{"{}", "Parameter 'vcpus' is missing"},
        Row{"{'vcpus': {}}", "Invalid parameter type for 'vcpus', expected: array"},
        Row{"{'vcpus': null}", "Invalid parameter type for 'vcpus', expected: array"},
        Row{"{'vcpus': [1]}", "Invalid parameter type for 'vcpus[0]', expected: object"},
        Row{"{'vcpus': [{'id': 1}, {}]}", "Parameter 'vcpus[1].id' is missing"},
        Row{"{'vcpus': [{'id': 1, 'online': 1}]}",
            "Invalid parameter type for 'vcpus[0].online', expected: boolean"},
        Row{"{'vcpus': [{'id': 1, 'online': null}]}",
            "Invalid parameter type for 'vcpus[0].online', expected: boolean"},
        Row{"{'vcpus': [{'id': 1, 'x': 1}]}", "Parameter 'vcpus[0].x' is unexpected"},
        Row{"{'vcpus': [{'id': 9223372036854775808}]}",
            "Invalid parameter type for 'vcpus[0].id', expected: integer"},
        Row{"{'vcpus': [{'id': 1.0}]}",
            "Invalid parameter type for 'vcpus[0].id', expected: integer"},
        Row{"{'vcpus': [{'id': 1e3}]}",
            "Invalid parameter type for 'vcpus[0].id', expected: integer"},
        Row{"{'vcpus': [{'id': '1'}]}",
            "Invalid parameter type for 'vcpus[0].id', expected: integer"},
        Row{"{'vcpus': [], 'offset': '1'}", "Parameter 'offset' expects uint64"},
        Row{"{'vcpus': [], 'offset': 1.5}", "Parameter 'offset' expects uint64"},
        Row{"{'vcpus': [], 'offset': null}", "Parameter 'offset' expects uint64"},
        Row{"{'vcpus': [], 'ratio': '1'}", "Invalid parameter type for 'ratio', expected: number"},
        Row{"{'vcpus': [], 'arg': ['a', 1]}",
            "Invalid parameter type for 'arg[1]', expected: string"},
        // Unknown members come last, whatever their place.
        Row{"{'x': 1, 'vcpus': 1}", "Invalid parameter type for 'vcpus', expected: array"},
        Row{"{'x': 1}", "Parameter 'vcpus' is missing"},
        Row{"{'x': 1, 'vcpus': []}", "Parameter 'x' is unexpected"}));

TEST(Decode, TakesTheWholeRangeOfIntegers)
{
    const auto least = decode<std::int64_t>(*json::parse("-9223372036854775808"));
    ASSERT_TRUE(least);
    EXPECT_EQ(*least, INT64_MIN);
    EXPECT_EQ(*decode<std::uint64_t>(*json::parse("18446744073709551615")), UINT64_MAX);
}

TEST(Decode, NegativeNumbersWrapWhereUnsignedOnesAreExpected)
{
    EXPECT_EQ(*decode<std::uint64_t>(*json::parse("-1")), UINT64_MAX);
}

TEST(Decode, IntegersAreNumbers)
{
    EXPECT_EQ(*decode<double>(*json::parse("2")), 2.0);
    EXPECT_EQ(*decode<double>(*json::parse("18446744073709551615")), 18446744073709551615.0);
}

TEST(Decode, EnumsNameTheWrongValue)
{
    EXPECT_EQ(*decode<HookOnFailure>("continue", "on-failure"), HookOnFailure::continue_);
    const auto wrong = decode<HookOnFailure>("panic", "on-failure");
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error().message(), "Parameter 'on-failure' does not accept value 'panic'");
    const auto number = decode<HookOnFailure>(1, "on-failure");
    ASSERT_FALSE(number);
    EXPECT_EQ(number.error().message(),
              "Invalid parameter type for 'on-failure', expected: string");
}

TEST(Decode, AReplyMayHaveWordsThatAreNewHere)
{
    EXPECT_EQ(*decode<HookOnFailure>("panic", "on-failure", Unknown::ignore),
              HookOnFailure::unrecognized);
    EXPECT_EQ(*decode<HookOnFailure>("abort", "on-failure", Unknown::ignore), HookOnFailure::abort);
    EXPECT_FALSE(decode<HookOnFailure>(1, "on-failure", Unknown::ignore));
    // The stand-in is no word of the protocol.
    EXPECT_FALSE(decode<HookOnFailure>("unrecognized", "on-failure"));
}

TEST(Decode, AlternatesGoByWhatTheValueIs)
{
    EXPECT_EQ(*decode<GuestFileWhence>(2, "whence"), (GuestFileWhence{std::int64_t{2}}));
    EXPECT_EQ(*decode<GuestFileWhence>("end", "whence"), (GuestFileWhence{GuestSeek::end}));
    EXPECT_EQ(*decode<GuestExecCaptureOutput>(true, "capture-output"),
              (GuestExecCaptureOutput{true}));
    EXPECT_EQ(*decode<GuestExecCaptureOutput>("merged", "capture-output"),
              (GuestExecCaptureOutput{GuestExecCaptureMode::merged}));
}

TEST(Decode, AlternatesComplainInTheWordsOfQemuGa)
{
    const auto complaint = [](const char* text) {
        const auto whence = decode<GuestFileWhence>(*json::parse(text), "whence");
        return whence ? std::string{"taken"} : whence.error().message();
    };
    const std::string none = "Invalid parameter type for 'whence', expected: GuestFileWhence";
    for (const char* other : {"true", "null", "{}", "[0]"}) {
        EXPECT_EQ(complaint(other), none) << other;
    }
    // A branch was found, and the value isn't right for it.
    const std::string integer = "Invalid parameter type for 'whence', expected: integer";
    for (const char* number : {"1.0", "1e3", "18446744073709551615"}) {
        EXPECT_EQ(complaint(number), integer) << number;
    }
    EXPECT_EQ(complaint("'bad'"), "Parameter 'whence' does not accept value 'bad'");
    EXPECT_EQ(complaint("'unrecognized'"),
              "Parameter 'whence' does not accept value 'unrecognized'");
    const auto capture = decode<GuestExecCaptureOutput>(1, "capture-output");
    ASSERT_FALSE(capture);
    EXPECT_EQ(capture.error().message(), "Invalid parameter type for 'capture-output', expected: "
                                         "GuestExecCaptureOutput");
}

TEST(Encode, AlternatesAreTheirValue)
{
    EXPECT_EQ(encode(GuestFileWhence{std::int64_t{1}}), json::Value{1});
    EXPECT_EQ(encode(GuestFileWhence{GuestSeek::cur}), json::Value{"cur"});
    EXPECT_EQ(encode(GuestExecCaptureOutput{false}), json::Value{false});
}

TEST(Encode, EnumsAreHyphenated)
{
    EXPECT_EQ(to_string(HookState::condition_unmet), "condition-unmet");
    EXPECT_EQ(*encode(FilesystemResult::already_frozen).as_string(), "already-frozen");
}

} // namespace
} // namespace frostline::qapi
