// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"
#include "common/unique_fd.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <sys/types.h>

/// Makes the descriptors that a ListenChannel accepts clients from.
namespace frostline::channel {

/// A listening Unix socket. What lies at its path from an earlier run is removed first, and nothing
/// is removed at the end, as with qemu-ga.
/// `mode` of the socket; absent: what the umask leaves. `backlog`: clients that may wait, from 1.
[[nodiscard]] Result<UniqueFd> listen_unix(const std::string& path, std::optional<mode_t> mode,
                                           int backlog);

/// Where on the virtual machine's own socket family (vsock(7)): a context and a port, both from 0
/// to 4294967295, which stands for any of them.
struct VsockAddress {
    std::uint32_t cid = 0;
    std::uint32_t port = 0;
};

/// Reads "CID:PORT", two decimal numbers; errors in qemu-ga's words.
[[nodiscard]] Result<VsockAddress> parse_vsock_address(std::string_view text);

/// A listening vsock, at `address` as above.
[[nodiscard]] Result<UniqueFd> listen_vsock(const std::string& address, int backlog);

} // namespace frostline::channel
