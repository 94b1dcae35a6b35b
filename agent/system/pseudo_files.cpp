// SPDX-License-Identifier: Apache-2.0
#include "system/pseudo_files.hpp"

#include "common/unique_fd.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <filesystem>

#include <fcntl.h>
#include <unistd.h>

namespace frostline::system {

namespace {

constexpr std::size_t largest_text = std::size_t{16} << 20U;

std::string naming(const char* call, const std::string& path)
{
    return std::string{call} + "(\"" + path + "\")";
}

Result<UniqueFd> open_at(const std::string& root, const std::string& path, int flags)
{
    UniqueFd fd{::open((root + path).c_str(), flags | O_CLOEXEC)};
    if (!fd) {
        return fail_errno(naming("open", path), errno);
    }
    return fd;
}

} // namespace

Result<std::string> PseudoFiles::read(const std::string& path) const
{
    // Should it be a FIFO, nothing would ever come out of it.
    Result<UniqueFd> fd = open_at(root_, path, O_RDONLY | O_NONBLOCK);
    if (!fd) {
        return fail(std::move(fd).error());
    }
    std::string text;
    std::array<char, 16384> buffer{};
    for (;;) {
        const ssize_t got = ::read(fd->get(), buffer.data(), buffer.size());
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return fail_errno(naming("pread", path), errno);
        }
        if (got == 0) {
            return text;
        }
        text.append(buffer.data(), static_cast<std::size_t>(got));
        if (text.size() > largest_text) {
            return fail(ErrorKind::unsupported,
                        path + ": larger than 16 MiB, too much for a reply");
        }
    }
}

Result<void> PseudoFiles::write(const std::string& path, std::string_view text) const
{
    const Result<UniqueFd> fd = open_at(root_, path, O_WRONLY);
    if (!fd) {
        return fail(fd.error());
    }
    for (;;) {
        const ssize_t put = ::write(fd->get(), text.data(), text.size());
        if (put >= 0) {
            return {}; // the kernel takes an attribute as a whole or not at all
        }
        if (errno != EINTR) {
            return fail_errno(naming("pwrite", path), errno);
        }
    }
}

Result<std::vector<std::string>> PseudoFiles::names(const std::string& folder) const
{
    std::error_code error;
    std::filesystem::directory_iterator entry{root_ + folder, error};
    std::vector<std::string> found;
    for (; !error && entry != std::filesystem::directory_iterator{}; entry.increment(error)) {
        found.push_back(entry->path().filename().string());
    }
    if (error) {
        return fail_errno(naming("open", folder), error.value());
    }
    std::sort(found.begin(), found.end());
    return found;
}

Result<void> PseudoFiles::open_folder(const std::string& folder) const
{
    const Result<UniqueFd> fd = open_at(root_, folder, O_RDONLY | O_DIRECTORY);
    return fd ? Result<void>{} : Result<void>{fail(fd.error())};
}

std::vector<std::uint64_t> numbers_after(std::string_view prefix,
                                         const std::vector<std::string>& names)
{
    std::vector<std::uint64_t> numbers;
    for (const std::string& name : names) {
        if (name.rfind(prefix, 0) != 0) {
            continue;
        }
        std::uint64_t number = 0;
        const char* end = name.data() + name.size();
        const auto [stop, error] = std::from_chars(name.data() + prefix.size(), end, number);
        if (error == std::errc{} && stop == end) {
            numbers.push_back(number);
        }
    }
    std::sort(numbers.begin(), numbers.end());
    return numbers;
}

bool has_vanished(const Error& error)
{
    return error.os_error() == ENOENT || error.os_error() == ENODEV || error.os_error() == ENXIO;
}

} // namespace frostline::system
