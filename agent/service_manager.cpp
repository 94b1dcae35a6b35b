// SPDX-License-Identifier: Apache-2.0
#include "service_manager.hpp"

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

void ready()
{
    notify("READY=1");
}

void stopping()
{
    notify("STOPPING=1");
}

} // namespace frostline::service_manager
