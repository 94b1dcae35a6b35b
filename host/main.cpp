// SPDX-License-Identifier: Apache-2.0
#include "host/agent/libvirt_transport.hpp"
#include "host/agent/socket_transport.hpp"
#include "host/io/signal_waiter.hpp"
#include "host/terminal.hpp"
#include "host/verbs.hpp"

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

namespace {

using namespace frostline;
using namespace frostline::host;

int complain(const std::string& message, ExitStatus status)
{
    (void)std::fprintf(stderr, "frostline: %s\n", message.c_str());
    return static_cast<int>(status);
}

Result<std::unique_ptr<AgentTransport>> reach(const Options& options, Waiter& waiter)
{
    if (options.socket) {
        return std::unique_ptr<AgentTransport>{
            std::make_unique<SocketTransport>(*options.socket, waiter)};
    }
    return connect_libvirt(options.connect.value_or(std::string{}), options.guest, waiter);
}

int run(const Options& options)
{
    const Result<std::unique_ptr<SignalWaiter>> waiter = SignalWaiter::create();
    if (!waiter) {
        return complain(waiter.error().message(), ExitStatus::unreachable);
    }
    const Result<std::unique_ptr<AgentTransport>> transport = reach(options, **waiter);
    if (!transport) {
        const bool never = transport.error().kind() == ErrorKind::unsupported;
        return print(options, failed(never ? ExitStatus::usage : ExitStatus::unreachable,
                                     transport.error().message()));
    }
    AgentClient agent{**transport, **waiter,
                      options.timeout ? Limits::all(*options.timeout) : Limits{}};
    TerminalProgress progress;
    const Outcome outcome = run_verb(options, agent, **waiter, progress);
    progress.done();
    return print(options, outcome);
}

} // namespace

int main(int argc, char** argv)
{
    const Result<Options> options = parse_options({argv + 1, argv + argc});
    if (!options) {
        return complain(options.error().message(), ExitStatus::usage);
    }
    if (options->verb == Verb::help) {
        (void)std::fputs(help_text().data(), stdout);
        return 0;
    }
    if (options->verb == Verb::version) {
        (void)std::puts("frostline " FROSTLINE_VERSION);
        return 0;
    }
    return run(*options);
}
