// SPDX-License-Identifier: Apache-2.0
#include "system/input_writer.hpp"

#include "common/wipe.hpp"

#include <unistd.h>

#include <cerrno>
#include <utility>

namespace frostline::system {

void InputWriter::write(std::string text)
{
    if (fd_ && !text.empty()) {
        queue_.push_back(std::move(text));
        flush();
    }
}

void InputWriter::close()
{
    close_when_flushed_ = true;
    flush();
}

void InputWriter::drop()
{
    watch_.cancel();
    while (!queue_.empty()) {
        forget_first();
    }
    fd_.reset();
}

void InputWriter::forget_first()
{
    wipe(queue_.front()); // it may have been a password
    queue_.pop_front();
    sent_ = 0;
}

void InputWriter::flush()
{
    while (!queue_.empty() && write_some()) {
    }
    if (!queue_.empty() || !fd_) {
        return;
    }
    watch_.cancel();
    if (close_when_flushed_) {
        drop();
    }
}

bool InputWriter::write_some()
{
    const std::string& text = queue_.front();
    const ssize_t put = ::write(fd_.get(), text.data() + sent_, text.size() - sent_);
    if (put >= 0) {
        sent_ += static_cast<std::size_t>(put);
        if (sent_ == text.size()) {
            forget_first();
        }
        return true;
    }
    if (errno == EINTR) {
        return true;
    }
    if (errno != EAGAIN) {
        drop(); // the reader has gone; its exit will say more
    } else if (!watch_.active()) {
        watch_ = loop_->watch(fd_.get(), {.readable = false, .writable = true}, [this](Readiness) {
            InputWriter* const self = this; // our own capture goes with the watch
            self->flush();
        });
    }
    return false;
}

} // namespace frostline::system
