// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <set>
#include <string>

#include <linux/seccomp.h>
#include <sys/types.h>

/// Knows which file systems the watched process has frozen, by its calls of FIFREEZE and FITHAW,
/// and which of its other calls are wrong meanwhile.
class Judge {
public:
    /// `lookups_allowed`: finding out where a name leads is right on any file system. It reads, and
    /// reading does not wait for a thaw.
    Judge(pid_t watched, bool lookups_allowed)
        : watched_(watched), lookups_allowed_(lookups_allowed)
    {}

    /// What is wrong with this call, to be asked before it is made; nothing while nothing is
    /// frozen, and nothing of any other process.
    [[nodiscard]] std::optional<std::string> wrong(const seccomp_notif& call);
    [[nodiscard]] pid_t watched() const { return watched_; }
    /// How many freezes it has seen.
    [[nodiscard]] unsigned freezes() const { return freezes_; }

private:
    [[nodiscard]] std::optional<std::string> control(const seccomp_notif& call);

    pid_t watched_;
    bool lookups_allowed_;
    std::set<dev_t> frozen_;
    unsigned freezes_ = 0;
};
