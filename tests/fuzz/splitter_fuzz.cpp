// SPDX-License-Identifier: Apache-2.0
#include "common/json/parse.hpp"
#include "common/json/write.hpp"
#include "common/wire/request.hpp"
#include "common/wire/splitter.hpp"
#include "fuzz/fuzz_target.hpp"

#include <algorithm>
#include <cstdlib>
#include <string_view>

namespace {

using frostline::Result;
using frostline::json::Value;

void require(bool good)
{
    if (!good) {
        std::abort();
    }
}

/// What came in must come out the same after writing and reading it again.
void check(const Result<Value>& event)
{
    if (!event) {
        require(event.error().message().compare(0, 5, "JSON ") == 0);
        return;
    }
    const std::string line = frostline::json::write(*event);
    require(std::all_of(line.begin(), line.end(), [](char c) { return c >= 0x20 && c < 0x7F; }));
    const Result<Value> again = frostline::json::parse(line);
    require(again.has_value());
    // A double that is minus zero is written "-0", as qemu-ga does, and that is an integer.
    require(line.find("-0") != std::string::npos || frostline::json::write(*again) == line);
    static_cast<void>(frostline::wire::read_request(*event));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    // Small limits, so that short inputs reach them.
    const frostline::json::Limits limits{8, 64, 256};
    const std::string_view input{reinterpret_cast<const char*>(data), size};
    frostline::wire::Splitter whole{limits};
    frostline::wire::Splitter bytewise{limits};
    const auto events = whole.feed(input);
    std::size_t seen = 0;
    for (const char& byte : input) {
        for (const Result<Value>& event : bytewise.feed({&byte, 1})) {
            require(seen < events.size() && event.has_value() == events[seen].has_value());
            ++seen;
        }
    }
    require(seen == events.size());
    std::for_each(events.begin(), events.end(), check);

    // A reset and a line feed bring it back from anywhere.
    const auto last = whole.feed("\xFF\n{\"execute\": \"guest-ping\"}");
    require(!last.empty() && last.back().has_value());
    return 0;
}
