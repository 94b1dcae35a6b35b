// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"
#include "config/config.hpp"

#include <optional>
#include <string>

namespace frostline::config {

/// Where configuration is looked for. Tests point it elsewhere.
struct Places {
    std::string vendor = "/usr/lib/frostline/agent.conf";
    std::string local = "/etc/frostline/agent.conf";
    std::string drop_ins = "/etc/frostline/agent.conf.d";
    std::string qemu = "/etc/qemu/qemu-ga.conf";
    std::optional<std::string> only;     ///< -c FILE: this one, and it must exist
    std::optional<std::string> qga_conf; ///< $QGA_CONF: this one, if it exists
    /// Whose defaults hold, and what a named file of neither form is taken for.
    CalledAs called_as = CalledAs::frostline_agent;
};

/// Reads what there is over the defaults; later files win key by key. An error names file, line,
/// group and key.
[[nodiscard]] Result<Config> load_files(const Places& places);

} // namespace frostline::config
