// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/output.hpp"
#include "host/progress.hpp"
#include "host/snapshot/image_files.hpp"
#include "host/snapshot/journal.hpp"
#include "host/target.hpp"

#include <string>
#include <vector>

namespace frostline::host {

/// The end of one run that died.
class Recovery {
public:
    Recovery(Journal journal, std::string path, Waiter& waiter, Progress& progress)
        : journal_(std::move(journal)), path_(std::move(path)), waiter_(waiter),
          progress_(progress), files_(waiter)
    {
        options_.socket = journal_.socket;
        options_.connect = journal_.connect;
        options_.qmp = journal_.qmp;
        options_.guest = journal_.guest;
    }

    /// Whoever calls this holds the guest's leases. The journal is gone when nothing is left.
    [[nodiscard]] Outcome run(const Target& target);

    /// What to reach the guest with.
    [[nodiscard]] const Options& options() const { return options_; }

private:
    [[nodiscard]] bool thaw(const Target& target);
    void clean_up(const Target& target);
    void clean_up_domain(Domain& domain);
    void clean_up_qemu(Monitor& monitor);
    void remove_or_keep(const std::vector<std::string>& in_use);
    void keep_snapshot();
    void remove(const std::string& file);
    void done(const std::string& what) { done_.push_back(what); }
    void left(const std::string& what) { left_.push_back(what); }
    [[nodiscard]] Outcome finish(bool thawed);
    [[nodiscard]] TimePoint soon() const { return waiter_.now() + Limits{}.answer; }

    Journal journal_;
    std::string path_;
    Waiter& waiter_;
    Progress& progress_;
    LocalImageFiles files_;
    Options options_;
    std::vector<std::string> done_;
    std::vector<std::string> left_;
};

} // namespace frostline::host
