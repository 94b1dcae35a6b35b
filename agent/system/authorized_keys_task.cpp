// SPDX-License-Identifier: Apache-2.0
#include "system/authorized_keys_task.hpp"

#include "system/authorized_keys.hpp"
#include "system/authorized_keys_file.hpp"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

namespace frostline::system {

namespace {

constexpr std::size_t largest_task = 2 * largest_keys_file;
constexpr std::array<std::pair<KeyTask::What, std::string_view>, 4> words{{
    {KeyTask::What::show, "show"},
    {KeyTask::What::add, "add"},
    {KeyTask::What::replace, "replace"},
    {KeyTask::What::remove, "remove"},
}};

/// What a file holds that may be missing.
Result<std::string> read_or_nothing(const AuthorizedKeysFile& file)
{
    Result<std::string> text = file.read();
    if (!text && text.error().os_error() == ENOENT) {
        return std::string{};
    }
    return text;
}

Result<void> change(const KeyTask& task)
{
    const AuthorizedKeysFile file{task.home};
    if (task.what == KeyTask::What::replace) {
        return file.replace(with_keys({}, task.keys));
    }
    const Result<std::string> text = read_or_nothing(file);
    if (!text) {
        return fail(text.error());
    }
    if (task.what == KeyTask::What::add) {
        return file.replace(with_keys(*text, task.keys));
    }
    const std::string left = without_keys(*text, task.keys);
    return left == *text ? Result<void>{} : file.replace(left);
}

Result<std::string> read_standard_input()
{
    std::string text;
    std::array<char, 8192> buffer{};
    for (;;) {
        const ssize_t got = ::read(STDIN_FILENO, buffer.data(), buffer.size());
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return fail_errno("cannot read the task", errno);
        }
        if (got == 0) {
            return text;
        }
        text.append(buffer.data(), static_cast<std::size_t>(got));
        if (text.size() > largest_task) {
            return fail(ErrorKind::invalid_argument, "the task is too large");
        }
    }
}

void put(int fd, std::string_view text)
{
    while (!text.empty()) {
        const ssize_t put = ::write(fd, text.data(), text.size());
        if (put < 0 && errno != EINTR) {
            return; // the agent has gone; nobody is left to be told
        }
        text.remove_prefix(put > 0 ? static_cast<std::size_t>(put) : 0);
    }
}

} // namespace

std::string encode(const KeyTask& task)
{
    std::string text;
    for (const auto& [what, word] : words) {
        if (what == task.what) {
            text.append(word).append(1, '\0');
        }
    }
    text.append(task.home).append(1, '\0');
    text.append(std::to_string(task.keys.size())).append(1, '\0');
    for (const std::string& key : task.keys) {
        text.append(key).append(1, '\0');
    }
    return text;
}

Result<KeyTask> decode_key_task(std::string_view text)
{
    std::vector<std::string> fields;
    for (;;) {
        const std::size_t end = text.find('\0');
        if (end == std::string_view::npos) {
            break;
        }
        fields.emplace_back(text.substr(0, end));
        text.remove_prefix(end + 1);
    }
    KeyTask task;
    bool known = false;
    for (const auto& [what, word] : words) {
        if (!fields.empty() && fields.front() == word) {
            task.what = what;
            known = true;
        }
    }
    // The number tells a task that was cut off, since its writer died, from a whole one.
    constexpr std::size_t before_keys = 3;
    if (!known || fields.size() < before_keys || !text.empty() ||
        fields[2] != std::to_string(fields.size() - before_keys)) {
        return fail(ErrorKind::protocol, "the task is not whole");
    }
    task.home = fields[1];
    task.keys.assign(fields.begin() + before_keys, fields.end());
    return task;
}

Result<std::vector<std::string>> carry_out(const KeyTask& task)
{
    if (task.what == KeyTask::What::show) {
        const Result<std::string> text = AuthorizedKeysFile{task.home}.read();
        if (!text) {
            return fail(text.error());
        }
        return keys_in(*text);
    }
    if (Result<void> done = change(task); !done) {
        return fail(std::move(done).error());
    }
    return std::vector<std::string>{};
}

int run_authorized_keys_task()
{
    const Result<std::string> text = read_standard_input();
    const Result<KeyTask> task = text ? decode_key_task(*text) : fail(text.error());
    const Result<std::vector<std::string>> keys = task ? carry_out(*task) : fail(task.error());
    if (!keys) {
        put(STDERR_FILENO, keys.error().message());
        return 1;
    }
    std::string lines;
    for (const std::string& key : *keys) {
        lines.append(key).append("\n");
    }
    put(STDOUT_FILENO, lines);
    return 0;
}

} // namespace frostline::system
