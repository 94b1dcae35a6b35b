// SPDX-License-Identifier: Apache-2.0
#include "channel/serial_channel.hpp"

#include "common/log.hpp"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <termios.h>

namespace frostline::channel {

namespace {

/// Bytes as they are (termios(3)), and no interest in the modem's lines: a virtual port has none.
Result<void> make_raw(int fd, const std::string& path)
{
    termios line{};
    if (::tcgetattr(fd, &line) < 0) {
        return fail_errno("cannot use " + path + " as a serial line", errno);
    }
    line.c_iflag &= ~(tcflag_t{IGNBRK} | BRKINT | IGNPAR | PARMRK | INPCK | ISTRIP | INLCR | IGNCR |
                      ICRNL | IXON | IXOFF | IXANY | IMAXBEL);
    line.c_oflag = 0;
    line.c_lflag = 0;
    line.c_cflag &= ~(tcflag_t{CSIZE} | PARENB | CSTOPB | CRTSCTS);
    line.c_cflag |= tcflag_t{CS8} | CREAD | CLOCAL;
    line.c_cc[VMIN] = 1;
    line.c_cc[VTIME] = 0;
    // qemu-ga's speed. A virtual port doesn't care; at a real one the other end expects it.
    if (::cfsetispeed(&line, B38400) < 0 || ::cfsetospeed(&line, B38400) < 0 ||
        ::tcflush(fd, TCIFLUSH) < 0 || ::tcsetattr(fd, TCSANOW, &line) < 0) {
        return fail_errno("cannot set up the serial line " + path, errno);
    }
    return {};
}

Result<UniqueFd> open_line(const std::string& path)
{
    UniqueFd fd{::open(path.c_str(), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC)};
    if (!fd) {
        return fail_errno("cannot open " + path, errno);
    }
    if (Result<void> done = make_raw(fd.get(), path); !done) {
        return fail(std::move(done).error());
    }
    return fd;
}

} // namespace

SerialChannel::SerialChannel(system::EventLoop& loop, SerialSettings settings,
                             ConversationFactory factory)
    : loop_(loop), settings_(std::move(settings)), factory_(std::move(factory))
{}

SerialChannel::~SerialChannel()
{
    drop_unsent();
}

Result<void> SerialChannel::start()
{
    Result<void> opened = try_open();
    if (opened || !settings_.retry) {
        return opened;
    }
    log::warning(opened.error().message(), "trying again");
    try_later();
    return {};
}

Result<void> SerialChannel::try_open()
{
    Result<UniqueFd> fd = open_line(settings_.path);
    if (!fd) {
        return fail(std::move(fd).error());
    }
    UniqueFd second{::fcntl(fd->get(), F_DUPFD_CLOEXEC, 3)};
    if (!second) {
        return fail_errno("cannot open " + settings_.path, errno);
    }
    auto connection = FdConnection::create(
        loop_, std::move(fd).value(), {EndOfFile::ends_input, settings_.output_limit}, factory_,
        [this](const Error& reason) { hung_up(reason); });
    if (!connection) {
        return fail(std::move(connection).error());
    }
    line_ = std::move(second);
    connection_ = std::move(connection).value();
    log::info("channel open", settings_.path);
    return {};
}

void SerialChannel::hung_up(const Error& reason)
{
    log::info("the serial line was hung up, opening it again", settings_.path, reason.message());
    drop_unsent();
    connection_.reset();
    line_.reset();
    const auto now = loop_.now();
    // At once, but a line that hangs up whenever it is opened must not keep the agent busy.
    if (reopened_ && now - *reopened_ < settings_.retry_delay) {
        try_later();
        return;
    }
    reopened_ = now;
    try_again();
}

void SerialChannel::try_again()
{
    if (!try_open()) {
        try_later();
    }
}

void SerialChannel::try_later()
{
    retry_ = loop_.after(settings_.retry_delay, [this] {
        reopened_ = loop_.now();
        try_again();
    });
}

void SerialChannel::drop_unsent()
{
    if (line_) {
        // Closing waits up to half a minute for a host that does not read (closing_wait of the
        // kernel's serial drivers), and so would the end of the agent.
        ::tcflush(line_.get(), TCOFLUSH);
    }
}

} // namespace frostline::channel
