// SPDX-License-Identifier: Apache-2.0
#include "host/qmp/image_jobs.hpp"

#include "common/json/lookup.hpp"
#include "host/qmp/qmp_cleanup.hpp"
#include "host/snapshot/qemu_checks.hpp"

namespace frostline::host {

Result<void> ImageJobs::add_target(std::size_t index, const std::string& path, TimePoint until)
{
    added_nodes_.push_back(id(index)); // without an answer it may be there, or come later
    return add_image_node(monitor_, id(index), path, until);
}

Result<ImageJobs::State> ImageJobs::state(TimePoint until)
{
    const Result<json::Value> list = ask(monitor_, "query-jobs", until);
    if (!list) {
        return fail(list.error());
    }
    State found;
    if (list->as_array() == nullptr) {
        return found;
    }
    for (const json::Value& job : *list->as_array()) {
        if (json::string_at(job, "id").rfind(prefix_ + "-", 0) != 0) {
            continue;
        }
        const std::string status = json::string_at(job, "status");
        ++found.there;
        found.ready += status == "ready";
        found.concluded += status == "concluded";
        found.done += json::number_at(job, "current-progress");
        found.total += json::number_at(job, "total-progress");
        if (std::string error = json::string_at(job, "error"); !error.empty()) {
            found.error = std::move(error);
        }
    }
    return found;
}

std::vector<std::string> ImageJobs::release(bool started, TimePoint until)
{
    std::vector<std::string> left;
    if (started) {
        left = end_jobs(monitor_, prefix_ + "-", until);
    }
    for (auto node = added_nodes_.rbegin(); node != added_nodes_.rend(); ++node) {
        for (std::string& one : remove_node(monitor_, *node, until)) {
            left.push_back(std::move(one));
        }
    }
    added_nodes_.clear();
    return left;
}

} // namespace frostline::host
