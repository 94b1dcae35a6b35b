// SPDX-License-Identifier: Apache-2.0
#include "host/io/signal_waiter.hpp"
#include "host/metrics.hpp"
#include "host/snapshot/image_files.hpp"
#include "host/target.hpp"
#include "host/terminal.hpp"
#include "host/timeline.hpp"
#include "host/verbs.hpp"

#include <cstdio>
#include <ctime>
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

/// What a lost file says is on the terminal as well, so its error changes nothing about the status.
void write_besides(const Options& options, const std::vector<GuestOutcome>& outcomes,
                   Waiter& waiter)
{
    LocalImageFiles files{waiter};
    if (!options.metrics_file.empty()) {
        const Result<void> written =
            files.replace(options.metrics_file, format_metrics(outcomes, std::time(nullptr)));
        if (!written) {
            complain(written.error().message(), ExitStatus::consistent);
        }
    }
    const std::string timeline =
        options.timeline_file.empty() ? std::string{} : draw_timeline(outcomes);
    if (!timeline.empty()) {
        if (const Result<void> written = files.replace(options.timeline_file, timeline); !written) {
            complain(written.error().message(), ExitStatus::consistent);
        }
    }
}

int run(const Options& options)
{
    const Result<std::unique_ptr<SignalWaiter>> made = SignalWaiter::create();
    if (!made) {
        return complain(made.error().message(), ExitStatus::unreachable);
    }
    SignalWaiter& waiter = **made;
    TerminalProgress progress;
    if (options.verb == Verb::verify) {
        const Outcome outcome = run_verify(options, waiter, progress);
        progress.done();
        return print(options, outcome);
    }
    if (options.verb == Verb::recover) {
        const std::vector<GuestOutcome> outcomes = run_recover(options, waiter, progress);
        progress.done();
        return print(options, outcomes);
    }
    if (options.verb == Verb::snapshot) {
        const std::vector<GuestOutcome> outcomes = options.commit
                                                       ? run_commit(options, waiter, progress)
                                                       : run_snapshot(options, waiter, progress);
        progress.done();
        const int status = print(options, outcomes);
        write_besides(options, outcomes, waiter);
        return status;
    }
    const Result<Target> target = reach(options, options.guest, waiter);
    if (!target) {
        const bool never = target.error().kind() == ErrorKind::unsupported;
        return print(options, failed(never ? ExitStatus::usage : ExitStatus::unreachable,
                                     target.error().message()));
    }
    AgentClient agent{target->agent(), waiter, limits_of(options)};
    const Outcome outcome = run_verb(options, agent, waiter, progress);
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
