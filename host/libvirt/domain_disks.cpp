// SPDX-License-Identifier: Apache-2.0
#include "host/libvirt/domain_disks.hpp"

#include "common/text.hpp"
#include "common/xml.hpp"

namespace frostline::host {

namespace {

std::string attribute_of(const xml::Element& element, std::string_view child,
                         const std::string& attribute)
{
    const xml::Element* found = element.child(child);
    return found != nullptr ? found->attribute(attribute) : std::string{};
}

std::string source_path(const xml::Element& disk)
{
    return attribute_of(disk, "source", disk.attribute("type") == "block" ? "dev" : "file");
}

Failure unfit(const Disk& disk, const std::string& why)
{
    return fail(ErrorKind::invalid_argument,
                "disk " + disk.label + " can't get an overlay: " + why);
}

Result<Disk> read_disk(const xml::Element& element)
{
    Disk disk;
    disk.label = text::printable(attribute_of(element, "target", "dev"), 64);
    disk.format = attribute_of(element, "driver", "type");
    disk.base = source_path(element);
    const std::string type = element.attribute("type");
    if (type != "file" && type != "block") {
        return unfit(disk, "it lies on storage of the type '" + text::printable(type, 32) +
                               "'; a command after \"--\" can take its snapshot");
    }
    if (disk.format != "raw" && disk.format != "qcow2") {
        return unfit(disk, "its format is '" + text::printable(disk.format, 32) +
                               "', and only raw and qcow2 are known here");
    }
    if (element.child("shareable") != nullptr) {
        return unfit(disk, "other guests may write it, too (shareable)");
    }
    if (disk.base.empty() || disk.base.front() != '/') {
        return unfit(disk, "libvirt doesn't tell its path");
    }
    return disk;
}

/// Calls `visit` for each disk that the guest can write.
template <typename Visit>
Result<void> each_disk(std::string_view domain_xml, const Visit& visit)
{
    const Result<xml::Element> domain = xml::parse(domain_xml);
    if (!domain) {
        return fail(Error{domain.error()}.with_context("libvirt's description of the domain"));
    }
    const xml::Element* devices = domain->child("devices");
    if (devices == nullptr) {
        return {};
    }
    for (const xml::Element& element : devices->children) {
        const std::string device = element.attribute("device");
        if (element.name != "disk" || (!device.empty() && device != "disk" && device != "lun") ||
            element.child("readonly") != nullptr || element.child("source") == nullptr) {
            continue;
        }
        if (Result<void> visited = visit(element); !visited) {
            return visited;
        }
    }
    return {};
}

} // namespace

Result<DomainDisks> find_domain_disks(std::string_view domain_xml)
{
    DomainDisks found;
    Result<void> read =
        each_disk(domain_xml, [&found](const xml::Element& element) -> Result<void> {
            if (element.attribute("snapshot") == "no") {
                found.left_out.push_back(
                    text::printable(attribute_of(element, "target", "dev"), 64));
                return {};
            }
            Result<Disk> disk = read_disk(element);
            if (!disk) {
                return fail(std::move(disk).error());
            }
            found.disks.push_back(std::move(*disk));
            return {};
        });
    if (!read) {
        return fail(std::move(read).error());
    }
    if (found.disks.empty()) {
        return fail(ErrorKind::not_found, "the guest has no writable disk to take a snapshot of");
    }
    return found;
}

Result<std::vector<std::pair<std::string, std::string>>>
writable_sources(std::string_view domain_xml)
{
    std::vector<std::pair<std::string, std::string>> found;
    Result<void> read =
        each_disk(domain_xml, [&found](const xml::Element& element) -> Result<void> {
            std::string source = source_path(element);
            for (const char* attribute : {"name", "volume"}) {
                if (source.empty()) {
                    source = attribute_of(element, "source", attribute);
                }
            }
            found.emplace_back(attribute_of(element, "target", "dev"), source);
            return {};
        });
    if (!read) {
        return fail(std::move(read).error());
    }
    return found;
}

namespace {

void collect_sources(const xml::Element& element, std::vector<std::string>& found)
{
    if (element.name == "source") {
        for (const char* attribute : {"file", "dev"}) {
            if (std::string path = element.attribute(attribute); !path.empty()) {
                found.push_back(std::move(path));
            }
        }
    }
    for (const xml::Element& child : element.children) {
        collect_sources(child, found);
    }
}

} // namespace

Result<std::vector<std::string>> all_sources(std::string_view domain_xml)
{
    const Result<xml::Element> domain = xml::parse(domain_xml);
    if (!domain) {
        return fail(Error{domain.error()}.with_context("libvirt's description of the domain"));
    }
    std::vector<std::string> found;
    collect_sources(*domain, found);
    return found;
}

Result<bool> mirror_ready(std::string_view domain_xml, const std::string& target)
{
    bool ready = false;
    Result<void> read = each_disk(domain_xml, [&](const xml::Element& element) -> Result<void> {
        if (attribute_of(element, "target", "dev") == target) {
            ready = attribute_of(element, "mirror", "ready") == "yes";
        }
        return {};
    });
    if (!read) {
        return fail(std::move(read).error());
    }
    return ready;
}

Result<std::string> source_of(std::string_view domain_xml, const std::string& target)
{
    std::string source;
    Result<void> read = each_disk(domain_xml, [&](const xml::Element& element) -> Result<void> {
        if (attribute_of(element, "target", "dev") == target) {
            source = source_path(element);
        }
        return {};
    });
    if (!read) {
        return fail(std::move(read).error());
    }
    return source;
}

} // namespace frostline::host
