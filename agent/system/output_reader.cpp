// SPDX-License-Identifier: Apache-2.0
#include "system/output_reader.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace frostline::system {

namespace {

constexpr std::size_t tail_size = 4096;
constexpr std::size_t longest_line = 4096; // of a longer one the beginning is handed out
constexpr std::size_t drain_limit = std::size_t{1} << 20U;
constexpr std::size_t chunk = 16384;

} // namespace

OutputReader::OutputReader(EventLoop& loop, UniqueFd fd, std::size_t cap, Budget budget,
                           OnLine on_line)
    : loop_(&loop), fd_(std::move(fd)), cap_(cap), budget_(std::move(budget)),
      on_line_(std::move(on_line))
{}

void OutputReader::start(std::function<void()> on_end)
{
    if (!fd_) {
        return;
    }
    on_end_ = std::move(on_end);
    watch_ = loop_->watch(fd_.get(), {.readable = true, .writable = false}, [this](Readiness) {
        OutputReader* const self = this; // our own captures go with the watch, in stop()
        // One chunk a turn: the loop has other things to do than to follow one writer.
        self->read_some();
        if (self->ended()) {
            if (const auto tell = std::exchange(self->on_end_, nullptr)) {
                tell();
            }
        }
    });
}

void OutputReader::drain()
{
    for (std::size_t got = 0; got < drain_limit && read_some(); got += chunk) {
    }
}

void OutputReader::stop()
{
    watch_.cancel();
    fd_.reset();
}

void OutputReader::discard()
{
    discarding_ = true;
    kept_ = {};
}

CapturedOutput OutputReader::take()
{
    return std::move(kept_);
}

bool OutputReader::read_some()
{
    if (!fd_) {
        return false;
    }
    std::array<char, chunk> buffer{};
    const ssize_t got = ::read(fd_.get(), buffer.data(), buffer.size());
    if (got > 0 && discarding_) {
        return true;
    }
    if (got > 0) {
        const std::string_view bytes{buffer.data(), static_cast<std::size_t>(got)};
        keep(bytes);
        if (on_line_) {
            split_lines(bytes);
        }
        return true;
    }
    if (got < 0 && errno == EINTR) {
        return true;
    }
    if (got == 0 || errno != EAGAIN) {
        stop();
    }
    return false;
}

void OutputReader::keep(std::string_view bytes)
{
    std::size_t room = cap_ - std::min(cap_, kept_.text.size());
    room = budget_ ? std::min(room, *budget_) : room;
    const std::size_t fits = std::min(room, bytes.size());
    if (budget_) {
        *budget_ -= fits;
    }
    kept_.text.append(bytes.substr(0, fits));
    kept_.dropped += bytes.size() - fits;
    kept_.tail.append(bytes.substr(bytes.size() - std::min(bytes.size(), tail_size)));
    if (kept_.tail.size() > tail_size) {
        kept_.tail.erase(0, kept_.tail.size() - tail_size);
    }
}

void OutputReader::split_lines(std::string_view bytes)
{
    while (!bytes.empty()) {
        const std::size_t end = bytes.find('\n');
        const std::string_view part = bytes.substr(0, end);
        line_.append(part.substr(0, longest_line - std::min(longest_line, line_.size())));
        if (end == std::string_view::npos) {
            return;
        }
        bytes.remove_prefix(end + 1);
        const std::string line = std::move(line_);
        line_.clear();
        on_line_(line);
    }
}

} // namespace frostline::system
