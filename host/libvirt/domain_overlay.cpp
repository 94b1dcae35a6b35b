// SPDX-License-Identifier: Apache-2.0
#include "host/libvirt/domain_overlay.hpp"

#include "common/text.hpp"
#include "common/xml.hpp"
#include "host/libvirt/domain_disks.hpp"
#include "host/libvirt/ready_disks.hpp"

namespace frostline::host {

namespace {

std::string snapshot_request(const std::vector<OverlayPlan>& plans,
                             const std::vector<std::string>& left_out)
{
    std::string request = "<domainsnapshot><disks>";
    for (const OverlayPlan& plan : plans) {
        request += "<disk name='" + xml::escape(plan.disk.label) +
                   "' snapshot='external' type='file'><driver type='qcow2'/><source file='" +
                   xml::escape(plan.path) + "'/></disk>";
    }
    for (const std::string& target : left_out) {
        request += "<disk name='" + xml::escape(target) + "' snapshot='no'/>";
    }
    return request + "</disks></domainsnapshot>";
}

} // namespace

Result<void> DomainOverlaySnapshot::prepare(TimePoint until)
{
    Result<DomainDisks> found = ready_disks(domain_);
    if (!found) {
        return fail(std::move(found).error());
    }
    if (Result<void> planned = files_.plan(found->disks); !planned) {
        return planned;
    }
    for (const OverlayPlan& plan : files_.plans()) {
        if (Result<void> created = files_.create(plan, until); !created) {
            return created;
        }
    }
    left_out_ = std::move(found->left_out);
    snapshot_xml_ = snapshot_request(files_.plans(), left_out_);
    return {};
}

Result<Answer<bool>> DomainOverlaySnapshot::take(TimePoint /*until*/)
{
    if (Result<void> switched = domain_.switch_disks(snapshot_xml_); !switched) {
        return fail(std::move(switched).error());
    }
    return Answer<bool>{true};
}

Result<SnapshotMethod::Switch> DomainOverlaySnapshot::find_out(TimePoint /*until*/)
{
    const Result<std::string> description = domain_.xml();
    if (!description) {
        return fail(description.error());
    }
    std::size_t switched = 0;
    std::size_t unswitched = 0;
    for (const OverlayPlan& plan : files_.plans()) {
        const Result<std::string> source = source_of(*description, plan.disk.label);
        if (!source) {
            return fail(source.error());
        }
        switched += *source == plan.path;
        unswitched += *source == plan.disk.base;
    }
    if (switched == files_.plans().size()) {
        return Switch::done;
    }
    return unswitched == files_.plans().size() ? Switch::not_done : Switch::unknown;
}

Result<void> DomainOverlaySnapshot::discard(TimePoint /*until*/)
{
    const std::vector<std::string> left = files_.discard();
    if (!left.empty()) {
        return fail(ErrorKind::io, "left behind: " + text::join(left, "; "));
    }
    return {};
}

void DomainOverlaySnapshot::describe(json::Object& whole) const
{
    files_.describe(whole);
    if (!left_out_.empty()) {
        json::Array targets;
        for (const std::string& target : left_out_) {
            targets.emplace_back(target);
        }
        whole.set("left-out", std::move(targets));
    }
}

std::string DomainOverlaySnapshot::table() const
{
    return files_.table() +
           (left_out_.empty()
                ? std::string{}
                : "left out (snapshot='no' in the domain): " + text::join(left_out_, ", ") + "\n");
}

} // namespace frostline::host
