// SPDX-License-Identifier: Apache-2.0
#include "host/qmp/qmp_cleanup.hpp"

#include "common/json/lookup.hpp"
#include "host/snapshot/qemu_checks.hpp"

#include <algorithm>

namespace frostline::host {

namespace {

struct Job {
    std::string id;
    bool ended = false;
};

Result<std::vector<Job>> jobs_of(Monitor& monitor, const std::string& prefix, TimePoint until)
{
    const Result<json::Value> list = ask(monitor, "query-jobs", until);
    if (!list) {
        return fail(list.error());
    }
    std::vector<Job> found;
    if (list->as_array() != nullptr) {
        for (const json::Value& job : *list->as_array()) {
            std::string id = json::string_at(job, "id");
            if (id.rfind(prefix, 0) == 0) {
                found.push_back({std::move(id), json::string_at(job, "status") == "concluded"});
            }
        }
    }
    return found;
}

void order(Monitor& monitor, const char* command, const std::string& job, TimePoint until)
{
    json::Object arguments;
    arguments.set("id", job);
    static_cast<void>(monitor.execute(command, std::move(arguments), until)); // asked for below
}

} // namespace

std::vector<std::string> end_jobs(Monitor& monitor, const std::string& prefix, TimePoint until)
{
    if (prefix.empty()) {
        return {};
    }
    Result<std::vector<Job>> jobs = jobs_of(monitor, prefix, until);
    if (!jobs) {
        return {jobs.error().message()};
    }
    for (const Job& job : *jobs) {
        if (!job.ended) {
            order(monitor, "job-cancel", job.id, until);
        }
    }
    // Each answer takes a turn of QEMU's loop, in which jobs end; the number is a bound only.
    for (int tries = 0; tries < 1000 && jobs && !jobs->empty(); ++tries) {
        for (const Job& job : *jobs) {
            if (job.ended) {
                order(monitor, "job-dismiss", job.id, until);
            }
        }
        jobs = jobs_of(monitor, prefix, until);
    }
    if (!jobs) {
        return {jobs.error().message()};
    }
    return jobs->empty() ? std::vector<std::string>{}
                         : std::vector<std::string>{"QEMU's job " + jobs->front().id};
}

std::vector<std::string> remove_bitmaps(Monitor& monitor, const std::string& name, TimePoint until)
{
    if (name.empty()) {
        return {};
    }
    const Result<json::Value> nodes = ask(monitor, "query-named-block-nodes", until);
    if (!nodes) {
        return {nodes.error().message()};
    }
    std::vector<std::string> left;
    if (nodes->as_array() == nullptr) {
        return left;
    }
    for (const json::Value& node : *nodes->as_array()) {
        const json::Value* bitmaps = node.find("dirty-bitmaps");
        if (bitmaps == nullptr || bitmaps->as_array() == nullptr) {
            continue;
        }
        const json::Array& list = *bitmaps->as_array();
        const bool there = std::any_of(list.begin(), list.end(), [&name](const json::Value& one) {
            return json::string_at(one, "name") == name;
        });
        if (!there) {
            continue;
        }
        json::Object arguments;
        arguments.set("node", json::string_at(node, "node-name"));
        arguments.set("name", name);
        const Result<Reply> gone =
            monitor.execute("block-dirty-bitmap-remove", std::move(arguments), until);
        if (!gone || !gone->good()) {
            left.push_back("the dirty bitmap " + name + " of QEMU's node " +
                           json::string_at(node, "node-name") + " (" +
                           (gone ? gone->error().description : gone.error().message()) + ")");
        }
    }
    return left;
}

std::vector<std::string> remove_node(Monitor& monitor, const std::string& node, TimePoint until)
{
    json::Object arguments;
    arguments.set("node-name", node);
    const Result<Reply> gone = monitor.execute("blockdev-del", std::move(arguments), until);
    if (gone &&
        (gone->good() || gone->error().description.find("Failed to find") != std::string::npos)) {
        return {};
    }
    return {"QEMU's block node " + node + " (" +
            (gone ? gone->error().description : gone.error().message()) + ")"};
}

} // namespace frostline::host
