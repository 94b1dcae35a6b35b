// SPDX-License-Identifier: Apache-2.0
#include "channel/listeners.hpp"

#include "common/text.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include <sys/socket.h>
// After sys/socket.h, which it leans on.
#include <linux/vm_sockets.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace frostline::channel {

namespace {

constexpr int stream = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;

template <typename Address>
Result<UniqueFd> bind_and_listen(UniqueFd fd, const Address& address, int backlog,
                                 const std::string& what)
{
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0 ||
        ::listen(fd.get(), std::max(1, backlog)) < 0) {
        return fail_errno(what, errno);
    }
    return fd;
}

/// Digits and nothing else.
std::optional<std::uint32_t> parse_number(std::string_view text)
{
    std::uint32_t number = 0;
    const char* const end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc{} || stopped != end) {
        return std::nullopt;
    }
    return number;
}

} // namespace

Result<UniqueFd> listen_unix(const std::string& path, std::optional<mode_t> mode, int backlog)
{
    const std::string what = "cannot listen on " + path;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) {
        return fail(ErrorKind::invalid_argument,
                    "UNIX socket path '" + path + "' is too long: at most " +
                        std::to_string(sizeof address.sun_path - 1) + " bytes");
    }
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    UniqueFd fd{::socket(AF_UNIX, stream, 0)};
    if (!fd) {
        return fail_errno(what, errno);
    }
    if (::unlink(path.c_str()) < 0 && errno != ENOENT) {
        return fail_errno("cannot remove " + path + ", left by an earlier run", errno);
    }
    // On the socket itself, before bind() makes the file: there is no moment with a wider mode.
    if (mode && ::fchmod(fd.get(), *mode) < 0) {
        return fail_errno(what, errno);
    }
    return bind_and_listen(std::move(fd), address, backlog, what);
}

Result<VsockAddress> parse_vsock_address(std::string_view text)
{
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos || colon == 0 || colon + 1 == text.size()) {
        return fail(ErrorKind::invalid_argument,
                    "error parsing address '" + text::printable(text) + "': right is CID:PORT");
    }
    const std::string_view cid = text.substr(0, colon);
    const std::string_view port = text.substr(colon + 1);
    VsockAddress address;
    if (const auto number = parse_number(cid)) {
        address.cid = *number;
    } else {
        return fail(ErrorKind::invalid_argument,
                    "Failed to parse cid '" + text::printable(cid) + "'");
    }
    if (const auto number = parse_number(port)) {
        address.port = *number;
    } else {
        return fail(ErrorKind::invalid_argument,
                    "Failed to parse port '" + text::printable(port) + "'");
    }
    return address;
}

Result<UniqueFd> listen_vsock(const std::string& address, int backlog)
{
    const Result<VsockAddress> where = parse_vsock_address(address);
    if (!where) {
        return fail(where.error());
    }
    const std::string what = "cannot listen on vsock " + address;
    sockaddr_vm bound{};
    bound.svm_family = AF_VSOCK;
    bound.svm_cid = where->cid;
    bound.svm_port = where->port;
    UniqueFd fd{::socket(AF_VSOCK, stream, 0)};
    if (!fd) {
        return fail_errno(what, errno);
    }
    return bind_and_listen(std::move(fd), bound, backlog, what);
}

} // namespace frostline::channel
