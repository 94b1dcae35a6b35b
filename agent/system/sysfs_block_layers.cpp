// SPDX-License-Identifier: Apache-2.0
#include "system/sysfs_block_layers.hpp"

#include "system/sysfs_files.hpp"

#include <filesystem>
#include <set>
#include <string_view>
#include <utility>

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

/// Walks down from block devices (folders in /sys/class/block) to loop devices.
class Walk {
public:
    explicit Walk(const std::string& sysfs) : block_(files::path{sysfs} / "class" / "block") {}

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
            found_.push_back(file);
        }
    }

    [[nodiscard]] std::vector<std::string> take() { return std::move(found_); }

private:
    files::path block_;
    std::set<std::string> seen_;
    std::vector<std::string> found_;
};

} // namespace

Result<std::vector<std::string>> SysfsBlockLayers::backing_files(const Mount& mount)
{
    const files::path sysfs{sysfs_};
    std::error_code error;
    std::vector<std::string> devices;
    if (major(mount.device) != 0) {
        const std::string number =
            std::to_string(major(mount.device)) + ":" + std::to_string(minor(mount.device));
        const files::path folder = files::canonical(sysfs / "dev" / "block" / number, error);
        if (error) {
            return std::vector<std::string>{}; // no block device of this name: nothing below it
        }
        devices = {folder.filename().string()};
    } else if (mount.source.rfind("/dev/", 0) == 0) {
        // Device mapper names are links in /dev/mapper to the kernel's name (on devtmpfs).
        const files::path node = files::canonical(mount.source, error);
        const std::string name = (error ? files::path{mount.source} : node).filename().string();
        devices =
            mount.type == "btrfs" ? btrfs_devices(sysfs, name) : std::vector<std::string>{name};
    }
    Walk walk{sysfs_};
    for (const std::string& device : devices) {
        walk.visit(device);
    }
    return walk.take();
}

} // namespace frostline::system
