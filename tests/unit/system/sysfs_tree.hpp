// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "system/device_database.hpp"

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <utility>

#include <gtest/gtest.h>
#include <unistd.h>

namespace frostline::test {

/// A small /sys in a folder that goes away, laid out as the kernel does it: devices below
/// /sys/devices, links to them elsewhere. Made from a text, a line for each thing:
///
///     pci FOLDER DRIVER               a PCI function and the driver it is bound to
///     disk NAME MAJOR:MINOR FOLDER    a real disk in that folder
///     virtual NAME MAJOR:MINOR BELOW...   a device made of others, of any number of them
///     part NAME MAJOR:MINOR DISK      a partition of a disk named before
///     udev NAME KEY=VALUE...          what udev knows besides the node
///     file PATH TEXT | folder PATH | link PATH TARGET
///
/// It is its own udev database, too, which knows every device but those "forgotten".
class SysfsTree : public system::DeviceDatabase {
public:
    explicit SysfsTree(const std::string& text)
    {
        std::string name = testing::TempDir() + "/sysfs-XXXXXX";
        root_ = ::mkdtemp(name.data());
        root_ = std::filesystem::canonical(root_);
        for (const char* folder : {"block", "class/block", "dev/block", "bus/pci/drivers"}) {
            std::filesystem::create_directories(root_ / folder);
        }
        std::istringstream lines{text};
        for (std::string line; std::getline(lines, line);) {
            add(line);
        }
    }
    SysfsTree(const SysfsTree&) = delete;
    SysfsTree& operator=(const SysfsTree&) = delete;
    ~SysfsTree() override { std::filesystem::remove_all(root_); }

    [[nodiscard]] const std::filesystem::path& root() const { return root_; }
    [[nodiscard]] const std::filesystem::path& folder(const std::string& name) const
    {
        return folders_.at(name);
    }

    /// Pulls a disk out as the kernel does: its folder goes; links to it may still be listed.
    void unplug(const std::string& name) { std::filesystem::remove_all(folders_.at(name)); }
    void forget(const std::string& name) { records_.erase(name); }

    [[nodiscard]] std::optional<system::DeviceRecord> find(const std::string& folder) const override
    {
        const auto record = records_.find(std::filesystem::path{folder}.filename().string());
        if (record == records_.end() || !std::filesystem::exists(folder)) {
            return std::nullopt;
        }
        return record->second;
    }

private:
    void add(const std::string& line)
    {
        std::istringstream words{line};
        std::string kind;
        std::string name;
        std::string number;
        std::string where;
        words >> kind >> name;
        if (kind == "pci") {
            words >> where;
            link(name + "/driver", "/bus/pci/drivers/" + where);
        } else if (kind == "disk") {
            words >> number >> where;
            device(name, number, inside(where) / name);
            std::filesystem::create_directory(folders_[name] / "slaves");
        } else if (kind == "virtual") {
            words >> number;
            device(name, number, inside("/devices/virtual/block/" + name));
            std::filesystem::create_directory(folders_[name] / "slaves");
            for (std::string below; words >> below;) {
                std::filesystem::create_directory_symlink(folders_.at(below),
                                                          folders_[name] / "slaves" / below);
            }
        } else if (kind == "part") {
            words >> number >> where;
            device(name, number, folders_.at(where) / name);
            std::filesystem::remove(root_ / "block" / name);
        } else if (kind == "udev") {
            for (std::string pair; words >> pair;) {
                set(records_[name], pair);
            }
        } else if (kind == "file") {
            std::string text;
            std::getline(words >> std::ws, text);
            std::filesystem::create_directories(inside(name).parent_path());
            std::ofstream{inside(name)} << text << '\n';
        } else if (kind == "folder") {
            std::filesystem::create_directories(inside(name));
        } else if (kind == "link") {
            words >> where;
            link(name, where);
        } else {
            ASSERT_EQ(kind, "") << "unknown line in a sample: " << line;
        }
    }

    [[nodiscard]] std::filesystem::path inside(const std::string& path) const
    {
        return root_ / path.substr(1);
    }

    void link(const std::string& path, const std::string& target)
    {
        std::filesystem::create_directories(inside(path).parent_path());
        std::filesystem::create_symlink(inside(target), inside(path));
    }

    void device(const std::string& name, const std::string& number,
                const std::filesystem::path& place)
    {
        std::filesystem::create_directories(place);
        std::ofstream{place / "size"} << "2097152\n";
        for (const auto& listed : {root_ / "block" / name, root_ / "class" / "block" / name,
                                   root_ / "dev" / "block" / number}) {
            std::filesystem::create_directory_symlink(place, listed);
        }
        folders_[name] = place;
        records_[name].node = "/dev/" + name;
    }

    static void set(system::DeviceRecord& record, const std::string& pair)
    {
        const std::size_t split = pair.find('=');
        const std::string key = pair.substr(0, split);
        const std::string value = pair.substr(split + 1);
        if (key == "ID_SERIAL") {
            record.serial = value;
        } else if (key == "DM_NAME") {
            record.dm_name = value;
        } else {
            FAIL() << "a sample has " << key << ", which nobody reads";
        }
    }

    std::filesystem::path root_;
    std::map<std::string, std::filesystem::path> folders_;
    std::map<std::string, system::DeviceRecord> records_;
};

} // namespace frostline::test
