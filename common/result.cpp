// SPDX-License-Identifier: Apache-2.0
#include "common/result.hpp"

#include <cerrno>
#include <cstring>

namespace frostline {

Error Error::with_context(std::string_view context) &&
{
    message_.insert(0, std::string{context} + ": ");
    return std::move(*this);
}

Error Error::with_context(std::string_view context) const&
{
    return Error{*this}.with_context(context);
}

namespace {

ErrorKind kind_of(int os_error)
{
    switch (os_error) {
    case EACCES:
    case EPERM:
    case EROFS:
        return ErrorKind::permission;
    case ENOENT:
    case ENODEV:
    case ENXIO:
        return ErrorKind::not_found;
    case EBUSY:
    case EAGAIN:
    case EADDRINUSE:
        return ErrorKind::busy;
    case ETIMEDOUT:
        return ErrorKind::timeout;
    case EOPNOTSUPP:
    case ENOTTY:
    case ENOSYS:
        return ErrorKind::unsupported;
    case EINVAL:
    case ENAMETOOLONG:
        return ErrorKind::invalid_argument;
    default:
        return ErrorKind::io;
    }
}

} // namespace

Failure fail_errno(std::string_view what, int os_error)
{
    return fail(kind_of(os_error), std::string{what} + ": " + errno_text(os_error), os_error);
}

std::string errno_text(int os_error)
{
    // Not strerror(): that one follows the locale. Hosts compare these texts.
    const char* text = ::strerrordesc_np(os_error);
    return text != nullptr ? std::string{text} : "Unknown error " + std::to_string(os_error);
}

} // namespace frostline
