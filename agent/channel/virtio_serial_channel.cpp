// SPDX-License-Identifier: Apache-2.0
#include "channel/virtio_serial_channel.hpp"

#include "common/log.hpp"

#include <cerrno>
#include <utility>

#include <fcntl.h>

namespace frostline::channel {

namespace {

Result<UniqueFd> open_port(const std::string& path)
{
    UniqueFd fd{::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)};
    if (!fd) {
        return fail_errno("cannot open " + path, errno);
    }
    return fd;
}

/// No such port now; udev will tell when it comes.
bool is_missing(const Error& error)
{
    return error.os_error() == ENOENT || error.os_error() == ENODEV || error.os_error() == ENXIO ||
           error.os_error() == ENOTDIR;
}

} // namespace

VirtioSerialChannel::VirtioSerialChannel(system::EventLoop& loop, system::DeviceMonitor* monitor,
                                         VirtioSerialSettings settings, ConversationFactory factory)
    : loop_(loop), monitor_(monitor), settings_(std::move(settings)), factory_(std::move(factory))
{
    if (!settings_.open) {
        settings_.open = open_port;
    }
}

VirtioSerialChannel::~VirtioSerialChannel() = default;

Result<void> VirtioSerialChannel::start()
{
    // Listen before looking, so that a port that comes in between isn't missed.
    if (monitor_ != nullptr) {
        events_ = monitor_->on_event([this](const system::DeviceEvent& event) {
            if (event.action == system::DeviceEvent::Action::added) {
                try_again();
            }
        });
    }
    Result<void> opened = try_open();
    if (opened) {
        return opened;
    }
    if (is_missing(opened.error())) {
        log::info("waiting for the port", settings_.path);
        wait(settings_.retry || monitor_ == nullptr);
        return {};
    }
    if (!settings_.retry) {
        return opened;
    }
    log::warning(opened.error().message(), "trying again");
    wait(true);
    return {};
}

Result<void> VirtioSerialChannel::try_open()
{
    Result<UniqueFd> fd = settings_.open(settings_.path);
    if (!fd) {
        return fail(std::move(fd).error());
    }
    auto connection = FdConnection::create(
        loop_, std::move(fd).value(), {EndOfFile::peer_absent, settings_.output_limit}, factory_,
        [this](const Error& reason) {
            connection_.reset();
            log::info("the port is gone, waiting for it", settings_.path, reason.message());
            if (settings_.on_unplugged) {
                settings_.on_unplugged();
            }
            try_again();
        });
    if (!connection) {
        return fail(std::move(connection).error());
    }
    connection_ = std::move(connection).value();
    retry_.cancel();
    last_complaint_.clear();
    log::info("channel open", settings_.path);
    return {};
}

void VirtioSerialChannel::try_again()
{
    if (connection_) {
        return;
    }
    const Result<void> opened = try_open();
    if (opened) {
        return;
    }
    if (!is_missing(opened.error()) && opened.error().message() != last_complaint_) {
        last_complaint_ = opened.error().message(); // said once, not at every try
        log::warning(last_complaint_, "trying again");
    }
    wait(!is_missing(opened.error()) || settings_.retry || monitor_ == nullptr);
}

void VirtioSerialChannel::wait(bool poll)
{
    if (poll) {
        retry_ = loop_.after(settings_.retry_delay, [this] { try_again(); });
    }
}

} // namespace frostline::channel
