// SPDX-License-Identifier: Apache-2.0
#include "hooks/hook_directory.hpp"

#include "common/read_all.hpp"
#include "common/unique_fd.hpp"
#include "hooks/hook_file.hpp"
#include "hooks/trusted_file.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <memory>
#include <optional>

namespace frostline::hooks {

namespace {

using State = HookListing::State;

struct CloseDirectory {
    void operator()(DIR* directory) const noexcept { ::closedir(directory); }
};

/// The names in a folder, sorted; nothing when there is no such folder.
Result<std::optional<std::vector<std::string>>> list_folder(const std::string& path)
{
    const std::unique_ptr<DIR, CloseDirectory> folder{::opendir(path.c_str())};
    if (!folder) {
        if (errno == ENOENT) {
            return std::optional<std::vector<std::string>>{};
        }
        return fail_errno("cannot read the hook directory " + path, errno);
    }
    std::vector<std::string> names;
    while (const dirent* entry = ::readdir(folder.get())) { // NOLINT(concurrency-mt-unsafe)
        const std::string name{static_cast<const char*>(entry->d_name)};
        if (name != "." && name != "..") {
            names.push_back(name);
        }
    }
    std::sort(names.begin(), names.end());
    return std::optional{std::move(names)};
}

bool is_mask(const std::string& path)
{
    std::array<char, 16> target{};
    const ssize_t length = ::readlink(path.c_str(), target.data(), target.size());
    return length > 0 &&
           std::string_view{target.data(), static_cast<std::size_t>(length)} == "/dev/null";
}

bool is_folder(const std::string& path)
{
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

/// The program must be there, trusted and executable; a hook whose condition isn't met may lack it.
Result<void> check_program(const std::string& program)
{
    const Result<TrustedFile> file = open_trusted(program);
    if (!file) {
        return fail(file.error());
    }
    if (!file->executable) {
        return fail(ErrorKind::permission,
                    program + ": not executable (chmod +x it, or remove it)");
    }
    return {};
}

bool condition_met(const Hook& hook)
{
    return hook.condition_path.empty() || ::access(hook.condition_path.c_str(), F_OK) == 0;
}

/// Reads what `path` says into `entry.hook`.
Result<void> load(const std::string& path, const HookName& name, Hook& hook)
{
    if (!name.key_file) {
        hook.program = path;
        return {};
    }
    const Result<TrustedFile> file = open_trusted(path);
    if (!file) {
        return fail(file.error());
    }
    const Result<std::string> text = read_all(file->fd, path);
    if (!text) {
        return fail(text.error());
    }
    Result<Hook> parsed = parse_hook_file(*text, path, name);
    if (!parsed) {
        return fail(parsed.error());
    }
    hook = std::move(*parsed);
    return {};
}

CatalogEntry make_entry(const std::string& path, const HookName& name)
{
    CatalogEntry entry;
    entry.hook.name = name.name;
    entry.hook.stage = name.stage;
    entry.hook.path = path;
    if (is_mask(path)) {
        entry.state = State::masked;
        entry.reason = path + " is a link to /dev/null";
        return entry;
    }
    Result<void> usable = load(path, name, entry.hook);
    if (usable && !condition_met(entry.hook)) {
        entry.state = State::condition_unmet;
        entry.reason = entry.hook.condition_path + " does not exist";
        return entry;
    }
    if (usable) {
        usable = check_program(entry.hook.program);
        if (!usable && name.key_file) {
            usable = fail(usable.error().with_context(path));
        }
    }
    if (!usable) {
        entry.state = State::refused;
        entry.reason = usable.error().message();
    }
    return entry;
}

} // namespace

Result<Catalog> read_hook_directories(const std::vector<std::string>& directories)
{
    Catalog catalog;
    std::map<std::string, CatalogEntry> winners; // by file name; later directories replace
    for (const std::string& directory : directories) {
        const Result<std::optional<std::vector<std::string>>> names = list_folder(directory);
        if (!names) {
            return fail(names.error());
        }
        for (const std::string& file : names->value_or(std::vector<std::string>{})) {
            const std::string path = directory + "/" + file;
            const Result<HookName> name = parse_hook_name(file);
            if (!name) {
                catalog.ignored.push_back(path + ": ignored: " + name.error().message());
            } else if (is_folder(path)) {
                catalog.ignored.push_back(path + ": ignored: a folder, not a hook");
            } else {
                winners.insert_or_assign(file, make_entry(path, *name));
            }
        }
    }
    for (auto& [file, entry] : winners) { // sorted: NN-name is the order of stages, too
        catalog.entries.push_back(std::move(entry));
    }
    return catalog;
}

CatalogEntry compatible_script_entry(const std::string& path)
{
    CatalogEntry entry;
    entry.hook.name = "fsfreeze-hook";
    entry.hook.stage = compatible_stage;
    entry.hook.path = path;
    entry.hook.program = path;
    entry.hook.description = "the script of -F/--fsfreeze-hook";
    if (const Result<void> usable = check_program(path); !usable) {
        entry.state = State::refused;
        entry.reason = usable.error().message();
    }
    return entry;
}

} // namespace frostline::hooks
