// SPDX-License-Identifier: Apache-2.0
#include "agent_app.hpp"

#include "channel/listen_channel.hpp"
#include "channel/listeners.hpp"
#include "commands/commands.hpp"
#include "common/duration.hpp"
#include "common/log.hpp"
#include "common/text.hpp"
#include "memory.hpp"
#include "profiles.hpp"
#include "server_conversation.hpp"
#include "service_manager.hpp"
#include "system/descriptor_limit.hpp"
#include "system/find_program.hpp"
#include "system/identity.hpp"
#include "system/linux_cpus.hpp"
#include "system/linux_guest_identity.hpp"
#include "system/linux_logins.hpp"
#include "system/linux_memory_blocks.hpp"
#include "system/linux_network.hpp"
#include "system/linux_wall_clock.hpp"

#include <algorithm>
#include <csignal>
#include <utility>

namespace frostline {

namespace {

constexpr std::size_t control_clients = 16;
constexpr std::size_t most_descriptors = 8192;
constexpr std::size_t most_files = 1024;
constexpr std::size_t most_programs = 512;

system::SharedPathRules rules_of(const std::optional<std::vector<std::string>>& patterns)
{
    return patterns ? std::make_shared<const system::PathRules>(*patterns) : nullptr;
}

/// Of the descriptors, clients get a quarter for files and a quarter for programs (up to four
/// each), so that freezing and the channels always have some.
system::GuestFilesSettings files_settings(const config::Config& config, std::size_t descriptors)
{
    system::GuestFilesSettings settings;
    settings.allowed = rules_of(config.policy.file_allow);
    settings.state_file = config.agent.state_directory + "/qga.state";
    settings.most_open = std::min(most_files, descriptors / 4);
    return settings;
}

system::LaunchedProgramsSettings programs_settings(const config::Config& config,
                                                   std::size_t descriptors)
{
    system::LaunchedProgramsSettings settings;
    settings.allowed = rules_of(config.policy.exec_allow);
    settings.reply_room = commands::room_for_bytes(config.agent.max_reply);
    settings.most_running = std::min(most_programs, descriptors / 16);
    settings.environment = system::environment_for_programs();
    return settings;
}

} // namespace

AgentApp::AgentApp(const config::Config& config, std::unique_ptr<system::GlibLoop> loop,
                   std::optional<UniqueFd> passed)
    : config_(config), loop_(std::move(loop)),
      descriptors_(system::raise_descriptor_limit(most_descriptors)), launcher_(*loop_),
      workers_(*loop_), files_(workers_, files_settings(config_, descriptors_)),
      programs_(launcher_, workers_, programs_settings(config_, descriptors_)),
      hooks_(config_.hooks, *loop_, launcher_, workers_),
      guards_(*loop_, workers_, config_.freeze.guard_program), store_(config_.agent.run_directory),
      session_(freeze::Parts{*loop_, workers_, mounts_, layers_, control_, hooks_, guards_, store_},
               config_.freeze),
      helpers_(*loop_, launcher_, {.search_path = system::program_search_path()}),
      power_(helpers_, workers_), clock_setter_(clocks_, helpers_, workers_),
      accounts_(*loop_, helpers_, workers_, {.find_user = system::find_user}),
      policy_(policy_rules(config_.policy)), dispatcher_(registry_, policy_, dispatcher_settings()),
      give_back_(*loop_, [this] { return !frozen(); }),
      channel_(*loop_, config_.agent, std::move(passed), conversations(), channel_events())
{
    commands::add_protocol(
        registry_, [this](const rpc::Command& command) { return dispatcher_.enabled(command); });
    commands::add_set_time(registry_, clock_setter_);
    commands::add_power(registry_, session_, power_);
    commands::add_accounts(registry_, accounts_);
    commands::add_file(registry_, files_, commands::room_for_bytes(config_.agent.max_reply));
    commands::add_exec(registry_, programs_);
    commands::add_fsfreeze(registry_, session_);
    commands::add_storage(registry_, *loop_, workers_, storage_);
    commands::add_frostline(registry_, session_, hooks_);
    add_guest_information();
    for (const std::string& name : policy_.unknown_names(registry_)) {
        log::warning("the allow and block lists name a command that this agent does not have",
                     text::printable(name, 64));
    }
}

AgentApp::~AgentApp() = default;

void AgentApp::add_guest_information()
{
    const auto is_frozen = [this] { return frozen(); };
    commands::add_time(registry_, std::make_shared<system::LinuxWallClock>(is_frozen));
    commands::add_identity(registry_, std::make_shared<system::LinuxGuestIdentity>(is_frozen),
                           std::make_shared<system::LinuxLogins>());
    commands::add_cpu_memory(registry_, std::make_shared<system::LinuxCpus>(),
                             std::make_shared<system::LinuxMemoryBlocks>(), workers_);
    commands::add_network(registry_, std::make_shared<system::LinuxNetwork>(), workers_);
}

rpc::Dispatcher::Settings AgentApp::dispatcher_settings()
{
    rpc::Dispatcher::Settings settings;
    settings.max_reply = config_.agent.max_reply;
    settings.frozen = [this] { return frozen(); };
    settings.clock = [this] { return loop_->now().time_since_epoch(); };
    settings.on_fault = [](const std::string& what) { log::error("internal error", what); };
    if (config_.audit_commands) {
        settings.audit = [](const rpc::AuditRecord& record) {
            log::info("audit", record.command, record.outcome, format_duration(record.duration));
        };
    }
    return settings;
}

bool AgentApp::frozen() const
{
    const freeze::Status status = session_.status();
    return status.counts_as_frozen || status.state == freeze::State::freezing ||
           status.state == freeze::State::frozen || status.state == freeze::State::thawing;
}

channel::ConversationFactory AgentApp::conversations()
{
    return [this](channel::Connection& connection) {
        return std::make_unique<ServerConversation>(dispatcher_, connection,
                                                    [this] { give_back_.touch(); });
    };
}

MainChannel::Events AgentApp::channel_events()
{
    return {.unplugged =
                [this] {
                    session_.host_lost("the port was unplugged, so that no thaw could have come");
                },
            .broken =
                [this](const Error& reason) {
                    outcome_ = fail(reason);
                    stop();
                }};
}

void AgentApp::open_control_socket()
{
    channel::ListenSettings settings;
    settings.name = config_.agent.run_directory + "/control.sock";
    settings.open = [path = settings.name] {
        // Root only, whatever the umask is.
        return channel::listen_unix(path, 0600, static_cast<int>(control_clients));
    };
    settings.clients = control_clients;
    control_socket_ =
        std::make_unique<channel::ListenChannel>(*loop_, std::move(settings), conversations());
    if (const Result<void> started = control_socket_->start(); !started) {
        // The host's channel matters more than the tool inside the guest.
        log::warning(started.error().message(), "frostlinectl cannot reach this agent");
        control_socket_.reset();
    }
}

Result<void> AgentApp::open_channels()
{
    if (Result<void> opened = channel_.start(); !opened) {
        return opened;
    }
    open_control_socket();
    return {};
}

Result<void> AgentApp::serve(const std::function<Result<void>()>& ready)
{
    auto signals =
        loop_->on_signals({SIGTERM, SIGINT, SIGHUP}, [this](int signal) { on_signal(signal); });
    if (!signals) {
        return fail(std::move(signals).error());
    }
    signals_ = std::move(signals).value();

    // The channel opens only now: a host that finds it open expects answers.
    session_.recover([this, &ready] {
        outcome_ = open_channels();
        if (outcome_) {
            outcome_ = ready();
        }
        if (!outcome_) {
            loop_->quit();
            return;
        }
        service_manager::ready();
    });
    loop_->run();
    return outcome_;
}

void AgentApp::recover()
{
    session_.recover([this] { session_.shutdown([this] { loop_->quit(); }); });
    loop_->run();
}

void AgentApp::on_signal(int signal)
{
    if (signal == SIGHUP) {
        log::info("SIGHUP ignored: restart the agent to read the configuration again");
        return;
    }
    stop();
}

void AgentApp::stop()
{
    if (std::exchange(stopping_, true)) {
        return;
    }
    log::info("stopping");
    service_manager::stopping();
    session_.shutdown([this] { loop_->quit(); });
}

} // namespace frostline
