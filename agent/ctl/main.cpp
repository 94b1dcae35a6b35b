// SPDX-License-Identifier: Apache-2.0
#include "ctl/asking.hpp"
#include "ctl/image.hpp"
#include "ctl/local_parts.hpp"
#include "ctl/new_hook.hpp"
#include "ctl/options.hpp"
#include "ctl/outcome.hpp"
#include "ctl/survey.hpp"
#include "ctl/test_hook.hpp"
#include "host/agent/socket_transport.hpp"
#include "host/io/signal_waiter.hpp"

#include <cstdio>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace frostline;
using namespace frostline::ctl;

std::string control_socket(const Options& options)
{
    if (options.socket) {
        return *options.socket;
    }
    // A configuration that is wrong is no reason not to reach the agent that runs with the last
    // one.
    const Result<config::Config> config = load_config(options);
    const config::Config in_force =
        config ? *config : config::default_config(config::CalledAs::frostline_agent);
    return options.run_directory.value_or(in_force.agent.run_directory) + "/control.sock";
}

Outcome ask(const Options& options)
{
    const std::string socket = control_socket(options);
    const Result<std::unique_ptr<host::SignalWaiter>> waiter = host::SignalWaiter::create();
    if (!waiter) {
        return failed(ExitStatus::error, waiter.error().message());
    }
    host::SocketTransport transport{socket, **waiter};
    host::AgentClient agent{transport, **waiter,
                            options.timeout ? host::Limits::all(*options.timeout) : host::Limits{}};
    const Result<host::AgentIdentity> identity = agent.identify();
    if (!identity) {
        return failed(ExitStatus::unreachable,
                      identity.error().message() +
                          "; is frostline-agent running, and are you root? Its control socket is " +
                          socket);
    }
    if (!identity->frostline) {
        return failed(ExitStatus::unreachable, "what answers at " + socket +
                                                   " is no Frostline agent, but qemu-ga " +
                                                   identity->version);
    }
    switch (options.verb) {
    case Verb::hooks:
        return show_hooks(agent, options.check);
    case Verb::rehearse:
        return rehearse(agent, **waiter, options);
    case Verb::thaw:
        return thaw(agent, **waiter);
    default:
        return show_status(agent);
    }
}

Outcome check(const Options& options)
{
    if (options.image) {
        return check_image(options);
    }
    Result<config::Config> config = load_config(options);
    if (!config) {
        return failed(ExitStatus::freeze_fails, config.error().message());
    }
    const Result<Survey> survey = make_survey(std::move(config).value());
    return survey ? describe(*survey) : failed(ExitStatus::freeze_fails, survey.error().message());
}

Outcome run(const Options& options)
{
    switch (options.verb) {
    case Verb::check:
        return check(options);
    case Verb::new_hook:
        return new_hook(options);
    case Verb::test_hook: {
        Result<config::Config> config = load_config(options);
        return config ? test_hook(options, std::move(config).value())
                      : failed(ExitStatus::error, config.error().message());
    }
    default:
        return ask(options);
    }
}

} // namespace

int main(int argc, char** argv)
{
    const Result<Options> options = parse_options({argv + 1, argv + argc});
    if (!options) {
        std::fprintf(stderr, "frostlinectl: %s\n", options.error().message().c_str());
        return static_cast<int>(ExitStatus::error);
    }
    switch (options->verb) {
    case Verb::help:
        return std::fputs(help_text().data(), stdout) < 0 ? 1 : 0;
    case Verb::version:
        return std::puts("frostlinectl " FROSTLINE_VERSION) < 0 ? 1 : 0;
    default:
        return print(*options, run(*options));
    }
}
