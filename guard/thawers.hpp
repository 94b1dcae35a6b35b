// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "guard/protocol.hpp"

#include <pthread.h>

namespace frostline::guard {

/// One thread for each file system, made before anything is frozen, so that a FITHAW that never
/// comes back holds up no other. add() and start() before, the rest after; one thread calls.
class Thawers {
public:
    /// Takes the descriptor; false when there is no room.
    bool add(int fd);
    [[nodiscard]] uint32_t count() const { return count_; }
    /// 0 or an errno. Returns when every thread is past libc's own start of it, for which the calls
    /// are not let through later.
    int start();

    /// Never touch this one (again).
    void forget(uint32_t index);
    /// Begins to thaw all at once; returns immediately.
    void thaw();
    /// Begins another pass over what the first one found not frozen.
    void thaw_rest();
    /// Until every pass has ended, however long one is stuck.
    void wait();

private:
    struct Entry {
        Thawers* owner;
        pthread_t thread;
        int fd;
        int passes_done;
        bool forgotten;
        bool thawed;
    };

    static void* run(void* entry);
    void serve(Entry& entry);

    pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t changed_ = PTHREAD_COND_INITIALIZER;
    int passes_ = 0; ///< asked for so far
    uint32_t count_ = 0;
    uint32_t waiting_ = 0; ///< threads that have begun to serve
    Entry entries_[most_filesystems] = {};
};

} // namespace frostline::guard
