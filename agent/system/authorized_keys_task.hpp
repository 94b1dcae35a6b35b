// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Work on a user's authorized_keys file, as it is handed to a process that is that user: the agent
/// runs itself with authorized_keys_option, and by a pipe tells that process what to do.
namespace frostline::system {

/// The agent's hidden option. Whoever uses it by hand gets what he could do anyway.
constexpr const char* authorized_keys_option = "--authorized-keys-task";

struct KeyTask {
    enum class What { show, add, replace, remove };
    What what = What::show;
    std::string home;
    std::vector<std::string> keys; ///< checked by check_keys()
};

/// No NUL may be in its strings.
[[nodiscard]] std::string encode(const KeyTask& task);
[[nodiscard]] Result<KeyTask> decode_key_task(std::string_view text);

/// Does it, with the rights of the calling process. The keys, for `show`; else nothing.
[[nodiscard]] Result<std::vector<std::string>> carry_out(const KeyTask& task);

/// The process' whole life: reads a task from standard input, does it, writes keys, a line each, to
/// standard output or the error to standard error. Returns the exit status.
[[nodiscard]] int run_authorized_keys_task();

} // namespace frostline::system
