// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"
#include "config/config.hpp"
#include "ctl/options.hpp"
#include "system/glib_loop.hpp"
#include "system/process_launcher.hpp"
#include "system/thread_workers.hpp"

#include <memory>
#include <utility>

namespace frostline::ctl {

/// The agent's configuration as its files, and the options it was started with, have it.
[[nodiscard]] Result<config::Config> load_config(const Options& options);

/// What the hook engine and the plan need to work in this process, without an agent.
struct LocalParts {
    /// Before any thread exists.
    [[nodiscard]] static Result<std::unique_ptr<LocalParts>> create();

    explicit LocalParts(std::unique_ptr<system::GlibLoop> made)
        : loop(std::move(made)), launcher(*loop), workers(*loop)
    {}

    std::unique_ptr<system::GlibLoop> loop;
    system::ProcessLauncher launcher;
    system::ThreadWorkers workers;
};

} // namespace frostline::ctl
