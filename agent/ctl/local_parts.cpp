// SPDX-License-Identifier: Apache-2.0
#include "ctl/local_parts.hpp"

#include "config/config_files.hpp"

#include <csignal>

namespace frostline::ctl {

Result<config::Config> load_config(const Options& options)
{
    config::Places places;
    places.only = options.config_file;
    Result<config::Config> config = config::load_files(places);
    if (!config) {
        return config;
    }
    if (options.run_directory) {
        config::set_state_directory(config->agent, *options.run_directory);
    }
    if (!options.hook_directories.empty()) {
        config->hooks.directories = options.hook_directories;
    }
    config::resolve_paths(*config);
    return config;
}

Result<std::unique_ptr<LocalParts>> LocalParts::create()
{
    // A hook under way is let go of before this ends.
    system::GlibLoop::block_signals({SIGINT, SIGTERM, SIGHUP});
    Result<std::unique_ptr<system::GlibLoop>> loop = system::GlibLoop::create();
    if (!loop) {
        return fail(std::move(loop).error());
    }
    return std::make_unique<LocalParts>(std::move(loop).value());
}

} // namespace frostline::ctl
