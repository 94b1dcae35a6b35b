// SPDX-License-Identifier: Apache-2.0
#include "agent_app.hpp"

#include "channel/unix_listen_channel.hpp"
#include "channel/virtio_serial_channel.hpp"
#include "commands/commands.hpp"
#include "common/duration.hpp"
#include "common/log.hpp"
#include "common/text.hpp"
#include "memory.hpp"
#include "profiles.hpp"
#include "server_conversation.hpp"
#include "service_manager.hpp"

#include <csignal>
#include <utility>

namespace frostline {

namespace {

constexpr std::size_t control_clients = 16;

} // namespace

AgentApp::AgentApp(const config::Config& config, std::unique_ptr<system::GlibLoop> loop)
    : config_(config), loop_(std::move(loop)), launcher_(*loop_), workers_(*loop_),
      hooks_(config_.hooks, *loop_, launcher_, workers_),
      guards_(*loop_, workers_, config_.freeze.guard_program), store_(config_.agent.run_directory),
      session_(freeze::Parts{*loop_, workers_, mounts_, layers_, control_, hooks_, guards_, store_},
               config_.freeze),
      policy_(policy_rules(config_.policy)), dispatcher_(registry_, policy_, dispatcher_settings())
{
    commands::add_protocol(
        registry_, [this](const rpc::Command& command) { return dispatcher_.enabled(command); });
    commands::add_fsfreeze(registry_, session_);
    commands::add_frostline(registry_, session_, hooks_);
    for (const std::string& name : policy_.unknown_names(registry_)) {
        log::warning("the allow and block lists name a command that this agent does not have",
                     text::printable(name, 64));
    }
}

AgentApp::~AgentApp() = default;

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
        return std::make_unique<ServerConversation>(dispatcher_, connection, [this] {
            if (!frozen()) {
                memory::give_back();
            }
        });
    };
}

Result<void> AgentApp::open_main_channel()
{
    const std::string path = config::channel_path(config_.agent);
    switch (config_.agent.method) {
    case config::Method::virtio_serial: {
        auto ports = system::UdevDeviceMonitor::create(*loop_, "virtio-ports");
        if (ports) {
            ports_ = std::move(ports).value();
        } else {
            log::warning(ports.error().message(), "looking for the port every few seconds instead");
        }
        channel::VirtioSerialSettings settings;
        settings.path = path;
        settings.retry = config_.agent.retry_path;
        settings.on_unplugged = [this] {
            session_.host_lost("the port was unplugged, so that no thaw could have come");
        };
        channel_ = std::make_unique<channel::VirtioSerialChannel>(
            *loop_, ports_.get(), std::move(settings), conversations());
        return channel_->start();
    }
    case config::Method::unix_listen:
        if (path.empty()) {
            return fail(ErrorKind::invalid_argument,
                        "must specify a path for this channel: -p PATH with -m unix-listen");
        }
        channel_ = std::make_unique<channel::UnixListenChannel>(
            *loop_, channel::UnixListenSettings{.path = path, .mode = std::nullopt},
            conversations());
        return channel_->start();
    case config::Method::isa_serial:
    case config::Method::vsock_listen:
        break;
    }
    return fail(ErrorKind::unsupported,
                "the channel method " + std::string{config::method_name(config_.agent.method)} +
                    " is not supported yet: use virtio-serial or unix-listen");
}

void AgentApp::open_control_socket()
{
    channel::UnixListenSettings settings;
    settings.path = config_.agent.run_directory + "/control.sock";
    settings.clients = control_clients;
    settings.mode = 0600; // root only, whatever the umask is
    control_socket_ =
        std::make_unique<channel::UnixListenChannel>(*loop_, std::move(settings), conversations());
    if (const Result<void> started = control_socket_->start(); !started) {
        // The host's channel matters more than the tool inside the guest.
        log::warning(started.error().message(), "frostlinectl cannot reach this agent");
        control_socket_.reset();
    }
}

Result<void> AgentApp::open_channels()
{
    if (Result<void> opened = open_main_channel(); !opened) {
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

    Result<void> outcome;
    // The channel opens only now: a host that finds it open expects answers.
    session_.recover([this, &outcome, &ready] {
        outcome = open_channels();
        if (outcome) {
            outcome = ready();
        }
        if (!outcome) {
            loop_->quit();
            return;
        }
        service_manager::ready();
    });
    loop_->run();
    return outcome;
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
    if (std::exchange(stopping_, true)) {
        return;
    }
    log::info("stopping");
    service_manager::stopping();
    session_.shutdown([this] { loop_->quit(); });
}

} // namespace frostline
