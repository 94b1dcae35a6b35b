// SPDX-License-Identifier: Apache-2.0
#include "main_channel.hpp"

#include "channel/listen_channel.hpp"
#include "channel/listeners.hpp"
#include "channel/serial_channel.hpp"
#include "channel/virtio_serial_channel.hpp"
#include "common/log.hpp"

#include <cerrno>
#include <utility>

#include <sys/socket.h>

namespace frostline {

namespace {

/// One host at a time; one more may wait, as with qemu-ga.
constexpr int backlog = 1;

/// The kind of channel that a socket of the service manager's makes.
Result<config::Method> method_of(const UniqueFd& listener)
{
    int family = 0;
    socklen_t size = sizeof family;
    if (::getsockopt(listener.get(), SOL_SOCKET, SO_DOMAIN, &family, &size) == 0) {
        if (family == AF_UNIX) {
            return config::Method::unix_listen;
        }
        if (family == AF_VSOCK) {
            return config::Method::vsock_listen;
        }
    }
    return fail(ErrorKind::invalid_argument, "unsupported listen fd type");
}

} // namespace

MainChannel::MainChannel(system::EventLoop& loop, const config::AgentSettings& settings,
                         std::optional<UniqueFd> passed, channel::ConversationFactory conversations,
                         Events events)
    : loop_(loop), settings_(settings), passed_(std::move(passed)),
      conversations_(std::move(conversations)), events_(std::move(events))
{}

Result<void> MainChannel::start()
{
    Result<std::unique_ptr<channel::Channel>> made = make();
    if (!made) {
        return fail(std::move(made).error());
    }
    channel_ = std::move(made).value();
    return channel_->start();
}

Result<std::unique_ptr<channel::Channel>> MainChannel::make()
{
    if (passed_) {
        const Result<config::Method> method = method_of(*passed_);
        if (!method) {
            return fail(method.error());
        }
        settings_.retry_path = false; // only the service manager can open it again
        return make_listening("the socket passed for " + std::string{method_name(*method)},
                              [this] { return Result<UniqueFd>{std::move(*passed_)}; });
    }
    const std::string path = config::channel_path(settings_);
    if (path.empty()) {
        return fail(ErrorKind::invalid_argument,
                    "must specify a path for this channel: -p PATH with -m " +
                        std::string{method_name(settings_.method)});
    }
    switch (settings_.method) {
    case config::Method::isa_serial:
        return std::unique_ptr<channel::Channel>{std::make_unique<channel::SerialChannel>(
            loop_, channel::SerialSettings{.path = path, .retry = settings_.retry_path},
            conversations_)};
    case config::Method::unix_listen:
        return make_listening(path,
                              [path] { return channel::listen_unix(path, std::nullopt, backlog); });
    case config::Method::vsock_listen:
        return make_listening(path, [path] { return channel::listen_vsock(path, backlog); });
    case config::Method::virtio_serial:
        break;
    }
    return make_virtio_serial();
}

std::unique_ptr<channel::Channel> MainChannel::make_virtio_serial()
{
    auto ports = system::UdevDeviceMonitor::create(loop_, "virtio-ports");
    if (ports) {
        ports_ = std::move(ports).value();
    } else {
        log::warning(ports.error().message(), "looking for the port every few seconds instead");
    }
    channel::VirtioSerialSettings settings;
    settings.path = config::channel_path(settings_);
    settings.retry = settings_.retry_path;
    settings.on_unplugged = events_.unplugged;
    return std::make_unique<channel::VirtioSerialChannel>(loop_, ports_.get(), std::move(settings),
                                                          conversations_);
}

std::unique_ptr<channel::Channel>
MainChannel::make_listening(std::string name, std::function<Result<UniqueFd>()> open)
{
    channel::ListenSettings settings;
    settings.name = std::move(name);
    settings.open = std::move(open);
    settings.retry = settings_.retry_path;
    settings.on_broken = events_.broken;
    return std::make_unique<channel::ListenChannel>(loop_, std::move(settings), conversations_);
}

} // namespace frostline
