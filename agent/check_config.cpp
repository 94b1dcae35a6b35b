// SPDX-License-Identifier: Apache-2.0
#include "check_config.hpp"

#include "hooks/hook_directory.hpp"

#include <cstdio>
#include <string>
#include <vector>

namespace frostline {

namespace {

using State = hooks::HookListing::State;

/// Prints what is to be said of one hook; false when it is refused.
bool judge(const hooks::CatalogEntry& entry)
{
    const std::string& path = entry.hook.path;
    switch (entry.state) {
    case State::active:
        std::printf("%s: right\n", path.c_str());
        return true;
    case State::masked:
        std::printf("%s: masked\n", path.c_str());
        return true;
    case State::condition_unmet:
        std::printf("%s: right, but not in use: %s\n", path.c_str(), entry.reason.c_str());
        return true;
    case State::refused:
        break;
    }
    std::fprintf(stderr, "frostline-agent: %s\n", entry.reason.c_str());
    return false;
}

} // namespace

int check_config(const config::Config& config)
{
    for (const std::string& source : config.sources) {
        std::printf("%s: right\n", source.c_str());
    }
    Result<hooks::Catalog> catalog = hooks::read_hook_directories(config.hooks.directories);
    if (!catalog) {
        std::fprintf(stderr, "frostline-agent: %s\n", catalog.error().message().c_str());
        return 1;
    }
    if (config.hooks.compatible_script) {
        catalog->entries.push_back(hooks::compatible_script_entry(*config.hooks.compatible_script));
    }
    for (const std::string& ignored : catalog->ignored) {
        std::printf("%s\n", ignored.c_str());
    }
    bool right = true;
    for (const hooks::CatalogEntry& entry : catalog->entries) {
        right = judge(entry) && right;
    }
    if (!right) {
        std::fputs("frostline-agent: a hook that is refused keeps every freeze from starting: mend "
                   "it, remove it, or mask it by a link to /dev/null\n",
                   stderr);
        return 1;
    }
    std::puts("The configuration is right.");
    return std::fflush(stdout) == 0 ? 0 : 1;
}

} // namespace frostline
