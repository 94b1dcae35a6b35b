// SPDX-License-Identifier: Apache-2.0
#include "system/unit_outcome.hpp"

#include "common/text.hpp"

#include <utility>

namespace frostline::system {

UnitRun read_unit_run(std::string_view text)
{
    UnitRun run;
    for (const std::string& line : text::split(text, '\n')) {
        const std::size_t equals = line.find('=');
        if (equals == std::string::npos) {
            continue;
        }
        const std::string_view name{line.data(), equals};
        std::string value = line.substr(equals + 1);
        if (name == "InvocationID") {
            run.invocation = std::move(value);
        } else if (name == "ActiveState") {
            run.state = std::move(value);
        } else if (name == "Result") {
            run.result = std::move(value);
        }
    }
    return run;
}

void ask_unit_run(HelperPrograms& helpers, const std::string& unit, const std::string& action,
                  std::function<void(UnitRun)> done)
{
    HelperCall call;
    call.program = "systemctl";
    call.arguments = {"show", "--property=InvocationID,ActiveState,Result", unit};
    call.action = action;
    helpers.start(std::move(call), [done = std::move(done)](const Result<ChildResult>& shown) {
        done(shown && shown->exit_status == 0 ? read_unit_run(shown->out.text) : UnitRun{});
    });
}

} // namespace frostline::system
