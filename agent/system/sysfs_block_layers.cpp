// SPDX-License-Identifier: Apache-2.0
#include "system/sysfs_block_layers.hpp"

#include "common/unique_fd.hpp"
#include "system/sysfs_files.hpp"

#include <filesystem>
#include <set>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

namespace frostline::system {

namespace {

namespace files = std::filesystem;

std::string without_suffix(std::string text, std::string_view suffix)
{
    if (text.size() >= suffix.size() &&
        std::string_view{text}.substr(text.size() - suffix.size()) == suffix) {
        text.resize(text.size() - suffix.size());
    }
    return text;
}

std::string number_of(dev_t device)
{
    return std::to_string(major(device)) + ":" + std::to_string(minor(device));
}

/// The st_dev of a loop device's file, from the driver (linux/loop.h); 0 when it doesn't say.
dev_t backing_filesystem(const std::string& node, const std::string& number)
{
    const UniqueFd fd{::open(node.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW)};
    struct stat status {};
    loop_info64 info{};
    if (!fd || ::fstat(fd.get(), &status) != 0 || !S_ISBLK(status.st_mode) ||
        number_of(status.st_rdev) != number || ::ioctl(fd.get(), LOOP_GET_STATUS64, &info) != 0) {
        return 0;
    }
    return static_cast<dev_t>(info.lo_device); // the kernel's encoding is the one of dev_t
}

/// Walks down from block devices (folders in /sys/class/block) to loop devices.
class Walk {
public:
    Walk(const std::string& sysfs, std::string dev)
        : block_(files::path{sysfs} / "class" / "block"), dev_(std::move(dev))
    {}

    void visit(const std::string& name)
    {
        if (name.empty() || !seen_.insert(name).second) {
            return;
        }
        std::error_code error;
        files::path folder = files::canonical(block_ / name, error);
        if (error) {
            return;
        }
        for (const std::string& below : names_in(folder / "slaves")) {
            visit(below);
        }
        if (files::exists(folder / "partition", error)) {
            folder = folder.parent_path(); // a partition's folder lies in its disk's
            visit(folder.filename().string());
            return;
        }
        // The kernel marks a file that was deleted; its file system is still the one below.
        const std::string file =
            without_suffix(attribute(folder / "loop" / "backing_file"), " (deleted)");
        const std::string device = files::path{file}.filename().string();
        if (file == "/dev/" + device && files::exists(block_ / device, error)) {
            visit(device); // a loop device on a block device
        } else if (!file.empty()) {
            const std::string loop = folder.filename().string();
            found_.push_back(
                {file, backing_filesystem(dev_ + "/" + loop, attribute(folder / "dev"))});
        }
    }

    [[nodiscard]] std::vector<BackingFile> take() { return std::move(found_); }

private:
    files::path block_;
    std::string dev_;
    std::set<std::string> seen_;
    std::vector<BackingFile> found_;
};

} // namespace

Result<std::vector<BackingFile>> SysfsBlockLayers::backing_files(const Mount& mount)
{
    const files::path sysfs{sysfs_};
    std::error_code error;
    std::vector<std::string> devices;
    if (major(mount.device) != 0) {
        const files::path folder =
            files::canonical(sysfs / "dev" / "block" / number_of(mount.device), error);
        if (error) {
            return std::vector<BackingFile>{}; // no block device of this name: nothing below it
        }
        devices = {folder.filename().string()};
    } else if (mount.source.rfind("/dev/", 0) == 0) {
        // Device mapper names are links in /dev/mapper to the kernel's name (on devtmpfs).
        const files::path node = files::canonical(mount.source, error);
        const std::string name = (error ? files::path{mount.source} : node).filename().string();
        devices =
            mount.type == "btrfs" ? btrfs_devices(sysfs, name) : std::vector<std::string>{name};
    }
    Walk walk{sysfs_, dev_};
    for (const std::string& device : devices) {
        walk.visit(device);
    }
    return walk.take();
}

} // namespace frostline::system
