// SPDX-License-Identifier: Apache-2.0
#include "config/config_files.hpp"

#include "common/key_file.hpp"
#include "config/own_file.hpp"
#include "config/qemu_file.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>
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

/// qemu-ga's words in front of what is wrong with a file.
Failure bad_file(const std::string& path, const Error& error)
{
    return fail(error.kind(),
                "error loading configuration from path: " + path + ", " + error.message(),
                error.os_error());
}

/// Whether a file that was named is one of qemu-ga's.
bool is_qemu_file(const KeyFile& file, CalledAs called_as)
{
    constexpr std::array<std::string_view, 4> ours{"agent", "freeze", "policy", "audit"};
    const std::vector<std::string> groups = file.groups();
    if (std::find(groups.begin(), groups.end(), "general") != groups.end()) {
        return true;
    }
    return called_as == CalledAs::qemu_ga &&
           std::find_first_of(groups.begin(), groups.end(), ours.begin(), ours.end()) ==
               groups.end();
}

Result<void> read_any(const std::string& path, CalledAs called_as, Config& config)
{
    const Result<KeyFile> file = KeyFile::load(path);
    if (!file) {
        return bad_file(path, file.error());
    }
    const bool qemu = is_qemu_file(*file, called_as);
    Result<void> read = qemu ? read_qemu_file(*file, config) : read_own_file(*file, config);
    if (!read) {
        return qemu ? Result<void>{bad_file(path, read.error())} : read;
    }
    config.sources.push_back(path);
    return {};
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
    const Result<KeyFile> file = KeyFile::load(path);
    const Result<void> read =
        file ? read_qemu_file(*file, config) : Result<void>{fail(file.error())};
    if (!read) {
        return bad_file(path, read.error());
    }
    config.sources.push_back(path);
    return {};
}

Result<void> read_places(const Places& places, Config& config)
{
    if (places.only) {
        return read_any(*places.only, places.called_as, config);
    }
    if (places.qga_conf && exists(*places.qga_conf)) {
        return read_any(*places.qga_conf, places.called_as, config);
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
    Config config = default_config(places.called_as);
    if (Result<void> read = read_places(places, config); !read) {
        return fail(std::move(read).error());
    }
    return config;
}

} // namespace frostline::config
