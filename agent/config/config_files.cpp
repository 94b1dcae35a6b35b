// SPDX-License-Identifier: Apache-2.0
#include "config/config_files.hpp"

#include "common/key_file.hpp"
#include "config/own_file.hpp"
#include "config/qemu_file.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

namespace frostline::config {

namespace {

bool exists(const std::string& path)
{
    std::error_code error;
    // What cannot be looked at is taken as there, so that reading it says why it cannot be read.
    return std::filesystem::exists(path, error) || error;
}

std::vector<std::string> drop_ins(const std::string& directory)
{
    std::vector<std::string> found;
    std::error_code error;
    for (std::filesystem::directory_iterator entry{directory, error}, end; !error && entry != end;
         entry.increment(error)) {
        const std::string name = entry->path().filename().string();
        if (entry->path().extension() == ".conf" && name.front() != '.') {
            found.push_back(entry->path().string());
        }
    }
    std::sort(found.begin(), found.end());
    return found;
}

Result<void> read_any(const std::string& path, Config& config)
{
    Result<KeyFile> file = KeyFile::load(path);
    if (!file) {
        return fail(std::move(file).error());
    }
    const std::vector<std::string> groups = file->groups();
    const bool qemu = std::find(groups.begin(), groups.end(), "general") != groups.end();
    Result<void> read = qemu ? read_qemu_file(*file, config) : read_own_file(*file, config);
    if (read) {
        config.sources.push_back(path);
    }
    return read;
}

Result<void> read_all(const std::vector<std::string>& files, Config& config)
{
    for (const std::string& path : files) {
        Result<KeyFile> file = KeyFile::load(path);
        if (!file) {
            return fail(std::move(file).error());
        }
        if (Result<void> read = read_own_file(*file, config); !read) {
            return read;
        }
        config.sources.push_back(path);
    }
    return {};
}

Result<void> read_qemu(const std::string& path, Config& config)
{
    Result<KeyFile> file = KeyFile::load(path);
    Result<void> read = file ? read_qemu_file(*file, config) : Result<void>{fail(file.error())};
    if (!read) {
        return fail(std::move(read).error().with_context("error loading configuration"));
    }
    config.sources.push_back(path);
    return {};
}

Result<void> read_places(const Places& places, Config& config)
{
    if (places.only) {
        return read_any(*places.only, config);
    }
    if (places.qga_conf && exists(*places.qga_conf)) {
        return read_any(*places.qga_conf, config);
    }
    std::vector<std::string> own;
    for (const std::string& path : {places.vendor, places.local}) {
        if (exists(path)) {
            own.push_back(path);
        }
    }
    for (std::string& path : drop_ins(places.drop_ins)) {
        own.push_back(std::move(path));
    }
    if (own.empty() && exists(places.qemu)) {
        return read_qemu(places.qemu, config);
    }
    return read_all(own, config);
}

} // namespace

Result<Config> load_files(const Places& places)
{
    Config config;
    if (Result<void> read = read_places(places, config); !read) {
        return fail(std::move(read).error());
    }
    return config;
}

} // namespace frostline::config
