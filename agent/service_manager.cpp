// SPDX-License-Identifier: Apache-2.0
#include "service_manager.hpp"

#include <cerrno>
#include <utility>

#include <fcntl.h>

#ifdef FROSTLINE_HAVE_SYSTEMD
#include <systemd/sd-daemon.h>
#endif

namespace frostline::service_manager {

namespace {

void notify([[maybe_unused]] const char* message)
{
#ifdef FROSTLINE_HAVE_SYSTEMD
    ::sd_notify(0, message); // does nothing without $NOTIFY_SOCKET
#endif
}

} // namespace

Result<std::optional<UniqueFd>> take_socket()
{
#ifdef FROSTLINE_HAVE_SYSTEMD
    const int count = ::sd_listen_fds(1);
    if (count < 0) {
        return fail_errno("cannot take the socket that the service manager passes", -count);
    }
    if (count > 1) {
        return fail(ErrorKind::invalid_argument, "qemu-ga only supports listening on one socket");
    }
    if (count == 1) {
        UniqueFd listener{SD_LISTEN_FDS_START};
        const int flags = ::fcntl(listener.get(), F_GETFL);
        if (flags < 0 || ::fcntl(listener.get(), F_SETFL, flags | O_NONBLOCK) < 0) {
            return fail_errno("cannot use the socket that the service manager passes", errno);
        }
        return std::optional<UniqueFd>{std::move(listener)};
    }
#endif
    return std::optional<UniqueFd>{};
}

void ready()
{
    notify("READY=1");
}

void stopping()
{
    notify("STOPPING=1");
}

} // namespace frostline::service_manager
