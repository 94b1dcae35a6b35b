// SPDX-License-Identifier: Apache-2.0
#include "service_manager.hpp"

#include "common/log.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <string>
#include <utility>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace frostline::service_manager {

namespace {

constexpr int first_passed = 3; // SD_LISTEN_FDS_START in sd_listen_fds(3)

std::string take_variable(const char* name)
{
    // NOLINTBEGIN(concurrency-mt-unsafe): start-up, no thread yet
    const char* value = std::getenv(name);
    std::string text = value != nullptr ? value : "";
    ::unsetenv(name);
    // NOLINTEND(concurrency-mt-unsafe)
    return text;
}

std::optional<int> number(const std::string& text)
{
    int value = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    return error == std::errc{} && stop == end ? std::optional{value} : std::nullopt;
}

/// sd_notify(3), "Notes": one datagram to the socket that the variable names; a leading @ stands
/// for the NUL of an abstract one.
Result<void> notify(std::string_view message)
{
    const char* const path =
        std::getenv("NOTIFY_SOCKET"); // NOLINT(concurrency-mt-unsafe): read only
    if (path == nullptr) {
        return {};
    }
    const std::string_view name{path};
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if ((name.substr(0, 1) != "/" && name.substr(0, 1) != "@") ||
        name.size() >= sizeof address.sun_path) {
        return fail(ErrorKind::invalid_argument,
                    "NOTIFY_SOCKET is neither a path nor an abstract name: " + std::string{name});
    }
    std::copy(name.begin(), name.end(), std::begin(address.sun_path));
    if (name.front() == '@') {
        address.sun_path[0] = '\0';
    }
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    const UniqueFd sender{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    if (!sender ||
        ::sendto(sender.get(), message.data(), message.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
                 reinterpret_cast<const sockaddr*>(&address), length) < 0) {
        return fail_errno("cannot send to NOTIFY_SOCKET " + std::string{name}, errno);
    }
    return {};
}

void tell(std::string_view message)
{
    if (const Result<void> told = notify(message); !told) {
        log::warning("cannot tell the service manager", message, told.error().message());
    }
}

} // namespace

Result<std::optional<UniqueFd>> take_socket()
{
    const std::optional<int> process = number(take_variable("LISTEN_PID"));
    const std::string count_text = take_variable("LISTEN_FDS");
    take_variable("LISTEN_FDNAMES");
    if (process != ::getpid()) {
        return std::optional<UniqueFd>{}; // meant for somebody else, or nothing is passed
    }
    const std::optional<int> count = number(count_text);
    if (!count || *count < 0) {
        return fail(ErrorKind::invalid_argument,
                    "cannot take the socket that the service manager passes: LISTEN_FDS is '" +
                        count_text + "', not a number");
    }
    if (*count > 1) {
        return fail(ErrorKind::invalid_argument, "qemu-ga only supports listening on one socket");
    }
    if (*count == 0) {
        return std::optional<UniqueFd>{};
    }
    UniqueFd listener{first_passed};
    const int flags = ::fcntl(listener.get(), F_GETFL);
    if (flags < 0 || ::fcntl(listener.get(), F_SETFL, flags | O_NONBLOCK) < 0 ||
        ::fcntl(listener.get(), F_SETFD, FD_CLOEXEC) < 0) {
        return fail_errno("cannot use the socket that the service manager passes", errno);
    }
    return std::optional<UniqueFd>{std::move(listener)};
}

void ready()
{
    tell("READY=1");
}

void stopping()
{
    tell("STOPPING=1");
}

} // namespace frostline::service_manager
