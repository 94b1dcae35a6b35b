// SPDX-License-Identifier: Apache-2.0
#include "system/sysfs_files.hpp"

#include "system/pseudo_files.hpp"

#include <algorithm>

namespace frostline::system {

namespace files = std::filesystem;

namespace {

bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/// Takes the number at the front of `text`, which starts with a digit, without leading zeros.
std::string_view take_number(std::string_view& text)
{
    std::size_t end = 0;
    while (end < text.size() && is_digit(text[end])) {
        ++end;
    }
    std::string_view number = text.substr(0, end);
    text.remove_prefix(end);
    while (number.size() > 1 && number.front() == '0') {
        number.remove_prefix(1);
    }
    return number;
}

} // namespace

std::vector<std::string> names_in(const files::path& folder)
{
    std::vector<std::string> names;
    std::error_code error;
    files::directory_iterator entry{folder, error};
    for (; !error && entry != files::directory_iterator{}; entry.increment(error)) {
        names.push_back(entry->path().filename().string());
    }
    std::sort(names.begin(), names.end(), natural_less);
    return names;
}

std::string attribute(const files::path& file)
{
    std::string text = PseudoFiles{}.read(file).value_or("");
    if (!text.empty() && text.back() == '\n') {
        text.pop_back();
    }
    return text;
}

std::string link_name(const files::path& link)
{
    std::error_code error;
    return files::read_symlink(link, error).filename().string();
}

files::path real_folder(const files::path& path)
{
    std::error_code error;
    files::path folder = files::canonical(path, error);
    return error ? files::path{} : folder;
}

std::vector<std::string> btrfs_devices(const files::path& sysfs, const std::string& name)
{
    const files::path btrfs = sysfs / "fs" / "btrfs";
    for (const std::string& uuid : names_in(btrfs)) {
        std::vector<std::string> devices = names_in(btrfs / uuid / "devices");
        if (std::find(devices.begin(), devices.end(), name) != devices.end()) {
            return devices;
        }
    }
    return {name};
}

bool natural_less(std::string_view a, std::string_view b)
{
    const std::string_view whole_a = a;
    const std::string_view whole_b = b;
    while (!a.empty() && !b.empty()) {
        if (is_digit(a.front()) && is_digit(b.front())) {
            const std::string_view number_a = take_number(a);
            const std::string_view number_b = take_number(b);
            if (number_a.size() != number_b.size()) {
                return number_a.size() < number_b.size();
            }
            if (number_a != number_b) {
                return number_a < number_b;
            }
            continue;
        }
        if (a.front() != b.front()) {
            return a.front() < b.front();
        }
        a.remove_prefix(1);
        b.remove_prefix(1);
    }
    if (a.empty() != b.empty()) {
        return a.empty();
    }
    return whole_a < whole_b; // "a01" and "a1" need an order, too
}

} // namespace frostline::system
