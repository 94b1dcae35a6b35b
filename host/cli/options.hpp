// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"
#include "host/snapshot/level.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace frostline::host {

enum class Verb {
    help,
    version,
    ping,
    info,
    status,
    hooks,
    freeze,
    thaw,
    snapshot,
    exec,
    recover,
    verify
};

/// The command line, checked: options that make no sense together or for the verb are refused.
struct Options {
    Verb verb = Verb::help;
    Level require = Level::app;
    bool json = false;
    bool check = false;       ///< hooks --check
    bool overlay = false;     ///< a snapshot's method
    bool incremental = false; ///< goes with a backup
    bool commit = false;      ///< folds the overlays of snapshot `name` back
    bool skip_failed = false; ///< --on-error=skip

    std::optional<std::string> connect; ///< libvirt URI
    std::optional<std::string> socket;  ///< the guest agent's Unix socket
    std::optional<std::string> qmp;     ///< QEMU's monitor
    std::string guest;                  ///< libvirt domain; with a socket a label, made if absent
    std::vector<std::string> guests;    ///< of snapshot: one or more, the first is `guest`
    std::optional<std::chrono::milliseconds> timeout;
    std::optional<std::chrono::milliseconds> deadline;
    std::string name;                 ///< of the snapshot; empty: one is made
    std::vector<std::string> command; ///< after "--": takes the snapshot, or is run in the guest

    // All absolute.
    std::string backup_directory;  ///< not empty: --backup
    std::string copy_directory;    ///< not empty: --copy
    std::string metrics_file;      ///< empty: none
    std::string timeline_file;     ///< empty: none
    std::string report_directory;  ///< empty: where the method has a place
    std::string overlay_directory; ///< empty: beside each image
    std::string lease_directory = "/run/lock/frostline";
};

/// `arguments` without the program's name. Errors are invalid_argument with a hint.
[[nodiscard]] Result<Options> parse_options(const std::vector<std::string>& arguments);

/// The --help text: fits a screen of 24 lines by 80 columns.
[[nodiscard]] std::string_view help_text();

[[nodiscard]] std::string_view verb_name(Verb verb);

} // namespace frostline::host
