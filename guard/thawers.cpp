// SPDX-License-Identifier: Apache-2.0
#include "guard/thawers.hpp"

#include <errno.h>
#include <limits.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

namespace frostline::guard {

namespace {

// Every page of it is locked in memory; a thread here only makes system calls.
constexpr size_t stack_size = size_t{64} * 1024;

bool thaw_one(int fd)
{
    int result = -1;
    do {
        result = ::ioctl(fd, FITHAW, 0);
    } while (result != 0 && errno == EINTR);
    return result == 0;
}

} // namespace

bool Thawers::add(int fd)
{
    if (count_ == most_filesystems) {
        return false;
    }
    Entry& entry = entries_[count_++];
    entry.owner = this;
    entry.fd = fd;
    return true;
}

int Thawers::start()
{
    pthread_attr_t attributes;
    ::pthread_attr_init(&attributes);
    ::pthread_attr_setstacksize(&attributes, stack_size);
    int error = 0;
    for (uint32_t i = 0; i < count_ && error == 0; ++i) {
        error = ::pthread_create(&entries_[i].thread, &attributes, run, &entries_[i]);
    }
    ::pthread_attr_destroy(&attributes);
    if (error == 0) {
        ::pthread_mutex_lock(&mutex_);
        while (waiting_ < count_) {
            ::pthread_cond_wait(&changed_, &mutex_);
        }
        ::pthread_mutex_unlock(&mutex_);
    }
    return error;
}

void* Thawers::run(void* entry)
{
    auto* const own = static_cast<Entry*>(entry);
    own->owner->serve(*own);
    return nullptr;
}

void Thawers::serve(Entry& entry)
{
    ::pthread_mutex_lock(&mutex_);
    ++waiting_;
    ::pthread_cond_broadcast(&changed_);
    for (;;) {
        while (entry.passes_done == passes_) {
            ::pthread_cond_wait(&changed_, &mutex_);
        }
        const int pass = passes_;
        if (!entry.forgotten && !entry.thawed) {
            ::pthread_mutex_unlock(&mutex_);
            const bool thawed = thaw_one(entry.fd);
            ::pthread_mutex_lock(&mutex_);
            entry.thawed = thawed;
        }
        entry.passes_done = pass;
        ::pthread_cond_broadcast(&changed_);
    }
}

void Thawers::forget(uint32_t index)
{
    ::pthread_mutex_lock(&mutex_);
    if (index < count_) {
        entries_[index].forgotten = true;
    }
    ::pthread_mutex_unlock(&mutex_);
}

void Thawers::thaw()
{
    ::pthread_mutex_lock(&mutex_);
    ++passes_;
    ::pthread_cond_broadcast(&changed_);
    ::pthread_mutex_unlock(&mutex_);
}

void Thawers::thaw_rest()
{
    thaw(); // what has been thawed is passed over
}

void Thawers::wait()
{
    ::pthread_mutex_lock(&mutex_);
    for (uint32_t i = 0; i < count_; ++i) {
        while (entries_[i].passes_done < passes_) {
            ::pthread_cond_wait(&changed_, &mutex_);
        }
    }
    ::pthread_mutex_unlock(&mutex_);
}

} // namespace frostline::guard
