// SPDX-License-Identifier: Apache-2.0
#include "host/snapshot/qemu_checks.hpp"

#include "common/text.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace frostline::host {

Result<json::Value> ask(Monitor& monitor, std::string_view command, TimePoint until)
{
    Result<json::Value> value = flatten(monitor.execute(command, {}, until));
    if (!value) {
        return fail(std::move(value).error().with_context(command));
    }
    return value;
}

Result<void> check_owner(Monitor& monitor, TimePoint until)
{
    const Result<json::Value> devices = ask(monitor, "query-chardev", until);
    if (!devices) {
        return fail(devices.error());
    }
    const json::Array* all = devices->as_array();
    if (all == nullptr) {
        return fail(ErrorKind::protocol, "QEMU's answer to query-chardev is no list");
    }
    for (const json::Value& device : *all) {
        const json::Value* label = device.find("label");
        if (label != nullptr && label->as_string() != nullptr &&
            *label->as_string() == "charmonitor") {
            return fail(ErrorKind::permission,
                        "this QEMU belongs to a libvirt domain; switching its disks behind "
                        "libvirt's back would leave the domain's definition and locks on the old "
                        "images");
        }
    }
    return {};
}

Result<void> check_idle(Monitor& monitor, TimePoint until)
{
    const Result<json::Value> jobs = ask(monitor, "query-block-jobs", until);
    if (!jobs) {
        return fail(jobs.error());
    }
    if (const json::Array* all = jobs->as_array(); all != nullptr && !all->empty()) {
        const json::Value* device = all->front().find("device");
        const json::Value* type = all->front().find("type");
        std::string which;
        if (type != nullptr && type->as_string() != nullptr) {
            which += *type->as_string() + " ";
        }
        if (device != nullptr && device->as_string() != nullptr) {
            which += *device->as_string();
        }
        return fail(ErrorKind::busy, "a block job is running (" + text::printable(which) +
                                         "); wait for its end or cancel it");
    }
    const Result<json::Value> migration = ask(monitor, "query-migrate", until);
    if (!migration) {
        return fail(migration.error());
    }
    const json::Value* status = migration->find("status");
    static const std::vector<std::string> over{"none", "completed", "failed", "cancelled"};
    if (status != nullptr && status->as_string() != nullptr &&
        std::find(over.begin(), over.end(), *status->as_string()) == over.end()) {
        return fail(ErrorKind::busy, "the guest is being migrated (" +
                                         text::printable(*status->as_string()) +
                                         "); wait for its end or cancel it");
    }
    return {};
}

Result<std::vector<Disk>> ask_for_disks(Monitor& monitor, const std::string& directory,
                                        TimePoint until)
{
    const Result<json::Value> blocks = ask(monitor, "query-block", until);
    if (!blocks) {
        return fail(blocks.error());
    }
    const Result<json::Value> nodes = ask(monitor, "query-named-block-nodes", until);
    if (!nodes) {
        return fail(nodes.error());
    }
    return find_disks(*blocks, *nodes, directory);
}

Result<void> add_image_node(Monitor& monitor, const std::string& node, const std::string& path,
                            TimePoint until)
{
    json::Object file;
    file.set("driver", "file");
    file.set("filename", path);
    json::Object options;
    options.set("driver", "qcow2");
    options.set("node-name", node);
    options.set("file", std::move(file));
    options.set("discard", "unmap");
    options.set("backing", nullptr);
    const Result<json::Value> added =
        flatten(monitor.execute("blockdev-add", std::move(options), until));
    return added ? Result<void>{} : fail(added.error());
}

} // namespace frostline::host
