// SPDX-License-Identifier: Apache-2.0
#include "common/xml.hpp"
#include "fakes.hpp"
#include "host/libvirt/domain_backup.hpp"
#include "host/libvirt/domain_disks.hpp"
#include "host/libvirt/domain_overlay.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace frostline::host::test {
namespace {

using testing::HasSubstr;

std::string disk(const std::string& target, const std::string& source,
                 const std::string& format = "qcow2", const std::string& more = {},
                 const std::string& attributes = {})
{
    return "<disk type='file' device='disk'" + attributes + "><driver name='qemu' type='" + format +
           "'/><source file='" + source + "'/><target dev='" + target + "' bus='virtio'/>" + more +
           "</disk>";
}

std::string domain(const std::string& disks)
{
    return "<?xml version='1.0'?><domain type='qemu' id='1'><name>web &amp; more</name><devices>"
           "<emulator>/usr/bin/qemu</emulator>" +
           disks +
           "<disk type='file' device='cdrom'><source file='/a.iso'/><target dev='sda'/><readonly/>"
           "</disk><disk type='file' device='cdrom'><target dev='sdb'/></disk></devices></domain>";
}

TEST(Xml, ReadsElementsAttributesAndText)
{
    const Result<xml::Element> root =
        xml::parse("<a one='1 &lt; 2'>te<b/>xt<c:d xmlns:c='u'>in&amp;</c:d><!-- no --></a>");
    ASSERT_TRUE(root) << root.error().message();
    EXPECT_EQ(root->attribute("one"), "1 < 2");
    EXPECT_EQ(root->attribute("two"), "");
    EXPECT_EQ(root->text, "text");
    EXPECT_EQ(root->child("c:d")->text, "in&");
    EXPECT_EQ(root->child("e"), nullptr);
}

TEST(Xml, WhatIsNoneIsRefusedWithTheLine)
{
    for (const std::string wrong : {"", "text", "<a>", "<a></b>", "<a/><b/>", "<a>&unknown;</a>"}) {
        EXPECT_FALSE(xml::parse(wrong)) << wrong;
    }
    EXPECT_THAT(xml::parse("<a>\n<b>\n</a>").error().message(), HasSubstr("line 3"));
    std::string deep;
    for (int i = 0; i < 300; ++i) {
        deep += "<a>";
    }
    EXPECT_THAT(xml::parse(deep).error().message(), HasSubstr("too deep"));
}

TEST(Xml, WhatIsEscapedIsReadBack)
{
    const std::string nasty = "a'b\"c<d>&e";
    EXPECT_EQ(xml::parse("<a b='" + xml::escape(nasty) + "'/>")->attribute("b"), nasty);
}

TEST(DomainDisks, WritableOnesAreFound)
{
    const Result<DomainDisks> found = find_domain_disks(
        domain(disk("vda", "/i/root.qcow2") + disk("vdb", "/i/d&amp;t.img", "raw") +
               disk("vdc", "/i/ro.img", "raw", "<readonly/>") +
               disk("vdd", "/i/scratch.img", "raw", "", " snapshot='no'") +
               "<disk type='block' device='lun'><driver type='raw'/><source dev='/dev/vg/x'/>"
               "<target dev='sdc'/></disk>"));
    ASSERT_TRUE(found) << found.error().message();
    ASSERT_EQ(found->disks.size(), 3U);
    EXPECT_EQ(found->disks[0].label, "vda");
    EXPECT_EQ(found->disks[1].base, "/i/d&t.img");
    EXPECT_EQ(found->disks[1].format, "raw");
    EXPECT_EQ(found->disks[2].base, "/dev/vg/x");
    EXPECT_EQ(found->left_out, std::vector<std::string>{"vdd"});
}

TEST(DomainDisks, OneThatCannotGetAnOverlayIsNamed)
{
    const std::vector<std::pair<std::string, std::string>> wrong{
        {disk("vda", "/a", "vmdk"), "disk vda can't get an overlay: its format is 'vmdk'"},
        {disk("vda", "/a", "raw", "<shareable/>"), "shareable"},
        {"<disk type='network' device='disk'><driver type='raw'/><source protocol='rbd' "
         "name='pool/image'/><target dev='vda'/></disk>",
         "of the type 'network'"},
        {"", "no writable disk"},
    };
    for (const auto& [disks, hint] : wrong) {
        const Result<DomainDisks> found = find_domain_disks(domain(disks));
        ASSERT_FALSE(found) << hint;
        EXPECT_THAT(found.error().message(), HasSubstr(hint));
    }
}

TEST(DomainDisks, WhatIsBelowADiskIsInUseAsWell)
{
    const auto found = all_sources(
        domain(disk("vda", "/i/a&amp;b.one.qcow2", "qcow2",
                    "<backingStore type='file'><source file='/i/a&amp;b.qcow2'/></backingStore>"
                    "<mirror type='file'><source file='/i/copy.qcow2'/></mirror>")));
    ASSERT_TRUE(found);
    EXPECT_EQ(*found, (std::vector<std::string>{"/i/a&b.one.qcow2", "/i/a&b.qcow2", "/i/copy.qcow2",
                                                "/a.iso"}));
}

TEST(DomainDisks, AJobIsReadyOnceLibvirtHasHeardOfIt)
{
    const auto with = [](const std::string& mirror) {
        return domain(disk("vda", "/a") + disk("vdb", "/b", "qcow2", mirror));
    };
    const auto ready = [&with](const std::string& mirror, const std::string& target) {
        const Result<bool> found = mirror_ready(with(mirror), target);
        return found && *found;
    };
    const std::string start = "<mirror type='file' job='active-commit'";
    EXPECT_TRUE(ready(start + " ready='yes'/>", "vdb"));
    EXPECT_FALSE(ready(start + " ready='yes'/>", "vda"));
    EXPECT_FALSE(ready(start + " ready='yes'/>", "vdc"));
    EXPECT_FALSE(ready(start + "/>", "vdb"));
    EXPECT_FALSE(ready(start + " ready='abort'/>", "vdb"));
    EXPECT_FALSE(ready({}, "vdb"));
    EXPECT_FALSE(mirror_ready("<domain>", "vdb"));
}

TEST(DomainDisks, ACommandIsToldOfAllOfThem)
{
    const auto found = writable_sources(
        domain(disk("vda", "/i/root.vmdk", "vmdk") +
               "<disk type='network' device='disk'><driver type='raw'/><source protocol='rbd' "
               "name='pool/image'/><target dev='vdb'/></disk>"));
    ASSERT_TRUE(found);
    EXPECT_EQ(*found, (std::vector<std::pair<std::string, std::string>>{{"vda", "/i/root.vmdk"},
                                                                        {"vdb", "pool/image"}}));
}

/// Two disks, which a switch really moves.
class FakeDomain final : public Domain {
public:
    [[nodiscard]] AgentTransport& agent() override { return transport; }
    [[nodiscard]] std::string uuid() override { return "u"; }
    [[nodiscard]] bool local() override { return is_local; }
    [[nodiscard]] Result<std::string> xml() override
    {
        return domain(
            disk("vda", switched ? "/images/root.one.qcow2" : "/images/root.qcow2") +
            disk("vdb", switched && !half ? "/images/data.one.qcow2" : "/images/data.img", "raw"));
    }
    [[nodiscard]] Result<std::uint64_t> disk_size(const std::string&) override { return 1048576; }
    [[nodiscard]] Result<void> check_idle(const std::vector<std::string>& targets) override
    {
        EXPECT_EQ(targets, (std::vector<std::string>{"vda", "vdb"}));
        return idle ? Result<void>{} : fail(ErrorKind::busy, "a job");
    }
    [[nodiscard]] Result<void> switch_disks(const std::string& snapshot_xml) override
    {
        request = snapshot_xml;
        switched = works;
        return works && !lies ? Result<void>{} : fail(ErrorKind::io, "libvirt said no");
    }

    [[nodiscard]] Result<void> start_commit(const std::string&, const std::string&) override
    {
        return {};
    }
    [[nodiscard]] Result<void> start_copy(const std::string& target, const std::string&) override
    {
        log.push_back("copy " + target);
        return {};
    }
    [[nodiscard]] Result<BlockJob> block_job(const std::string&) override { return BlockJob{}; }
    [[nodiscard]] Result<void> end_block_job(const std::string&, bool) override { return {}; }

    [[nodiscard]] Result<void> begin_backup(const std::string& backup_xml,
                                            const std::string& checkpoint_xml) override
    {
        request = backup_xml;
        checkpoint = checkpoint_xml;
        job.running = true;
        return {};
    }
    [[nodiscard]] Result<BackupJob> backup_job() override
    {
        BackupJob now = job;
        job.running = false;
        return now;
    }
    [[nodiscard]] Result<void> cancel_backup() override
    {
        log.emplace_back("cancel");
        return {};
    }
    [[nodiscard]] Result<bool> has_checkpoint(const std::string&) override { return remembers; }
    [[nodiscard]] Result<void> forget_checkpoint(const std::string& name) override
    {
        log.push_back("forget " + name);
        return {};
    }

    BackupJob job;
    std::string checkpoint;
    bool remembers = true;
    std::vector<std::string> log;
    FakeTransport transport;
    bool is_local = true;
    bool idle = true;
    bool works = true;
    bool lies = false; ///< it works, and says that it doesn't
    bool half = false;
    bool switched = false;
    std::string request;
};

class DomainOverlay : public testing::Test {
protected:
    DomainOverlaySnapshot make() { return {domain_, files_, {"one", {}, {}, {}}}; }
    TimePoint later() { return waiter_.now() + Millis{10'000}; }

    FakeWaiter waiter_;
    FakeDomain domain_;
    FakeFiles files_;
};

TEST_F(DomainOverlay, OverlaysAreMadeBeforehandAndOneCallSwitches)
{
    DomainOverlaySnapshot method = make();
    ASSERT_TRUE(method.prepare(later()));
    EXPECT_TRUE(files_.exists("/images/root.one.qcow2"));
    EXPECT_TRUE(files_.exists("/images/one.frostline.json"));
    ASSERT_TRUE(method.take(later())->good());
    EXPECT_EQ(domain_.request,
              "<domainsnapshot><disks><disk name='vda' snapshot='external' type='file'><driver "
              "type='qcow2'/><source file='/images/root.one.qcow2'/></disk><disk name='vdb' "
              "snapshot='external' type='file'><driver type='qcow2'/><source "
              "file='/images/data.one.qcow2'/></disk></disks></domainsnapshot>");
    EXPECT_EQ(method.find_out(later()).value(), SnapshotMethod::Switch::done);
}

TEST_F(DomainOverlay, AnErrorSaysNothingUntilLibvirtIsAskedAgain)
{
    for (const bool works : {false, true}) {
        domain_.works = works;
        domain_.lies = true;
        DomainOverlaySnapshot method = make();
        ASSERT_TRUE(method.prepare(later()));
        EXPECT_FALSE(method.take(later()));
        EXPECT_EQ(method.find_out(later()).value(),
                  works ? SnapshotMethod::Switch::done : SnapshotMethod::Switch::not_done);
        ASSERT_TRUE(method.discard(later()));
    }
    domain_.half = true;
    DomainOverlaySnapshot method = make();
    domain_.switched = false;
    ASSERT_TRUE(method.prepare(later()));
    EXPECT_FALSE(method.take(later()));
    EXPECT_EQ(method.find_out(later()).value(), SnapshotMethod::Switch::unknown);
}

TEST_F(DomainOverlay, NothingIsLeftOfWhatCannotBePrepared)
{
    const std::set<std::string> before = files_.paths;
    domain_.idle = false;
    DomainOverlaySnapshot busy = make();
    EXPECT_EQ(busy.prepare(later()).error().kind(), ErrorKind::busy);
    domain_.idle = true;
    domain_.is_local = false;
    DomainOverlaySnapshot remote = make();
    EXPECT_EQ(remote.prepare(later()).error().kind(), ErrorKind::unsupported);
    domain_.is_local = true;
    DomainOverlaySnapshot method = make();
    ASSERT_TRUE(method.prepare(later()));
    ASSERT_TRUE(method.discard(later()));
    EXPECT_EQ(files_.paths, before);
}

class DomainBackups : public testing::Test {
protected:
    DomainBackup make() { return {domain_, files_, {"one", "web", "/backups", false}}; }
    TimePoint later() { return waiter_.now() + Millis{10'000}; }

    FakeWaiter waiter_;
    NoProgress progress_;
    FakeDomain domain_;
    FakeFiles files_;
};

TEST_F(DomainBackups, ImagesAreMadeBeforehandAndOneCallFixesTheMoment)
{
    DomainBackup method = make();
    ASSERT_TRUE(method.prepare(later()));
    EXPECT_TRUE(files_.exists("/backups/web.vda.one.qcow2"));
    ASSERT_TRUE(method.take(later())->good());
    EXPECT_EQ(domain_.request,
              "<domainbackup mode='push'><disks><disk name='vda' backup='yes' type='file'><driver "
              "type='qcow2'/><target file='/backups/web.vda.one.qcow2'/></disk><disk name='vdb' "
              "backup='yes' type='file'><driver type='qcow2'/><target "
              "file='/backups/web.vdb.one.qcow2'/></disk></disks></domainbackup>");
    // A raw image can't remember what has changed.
    EXPECT_EQ(domain_.checkpoint,
              "<domaincheckpoint><name>frostline-one</name><disks><disk name='vda' "
              "checkpoint='bitmap'/><disk name='vdb' checkpoint='no'/></disks></domaincheckpoint>");
    EXPECT_EQ(method.find_out(later()).value(), SnapshotMethod::Switch::done);
    EXPECT_EQ(method.finish(waiter_, progress_).value(), "");
}

TEST_F(DomainBackups, OneThatFailsLeavesNothing)
{
    const std::set<std::string> before = files_.paths;
    DomainBackup method = make();
    ASSERT_TRUE(method.prepare(later()));
    ASSERT_TRUE(method.take(later()));
    domain_.job = {0, 0, false, "No space left on device"};
    EXPECT_THAT(method.finish(waiter_, progress_).error().message(),
                HasSubstr("No space left on device"));
    domain_.job = {1, 2, true, {}};
    ASSERT_TRUE(method.discard(later()));
    EXPECT_EQ(domain_.log, (std::vector<std::string>{"cancel", "forget frostline-one"}));
    EXPECT_EQ(files_.paths, before);
}

} // namespace
} // namespace frostline::host::test
