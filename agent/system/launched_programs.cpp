// SPDX-License-Identifier: Apache-2.0
#include "system/launched_programs.hpp"

#include "common/text.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <iterator>
#include <string_view>
#include <utility>

namespace frostline::system {

namespace {

constexpr std::string_view usual_search_path = "/usr/local/bin:/usr/bin:/bin";

// Enough for the end of a pipeline or a `tee` behind a shell that has ended; a daemon that keeps
// the pipe is not waited for any longer.
constexpr std::chrono::milliseconds output_grace{1000};

bool has_nul(const ProgramRequest& request)
{
    const auto in = [](const std::string& text) { return text.find('\0') != std::string::npos; };
    return in(request.path) ||
           std::any_of(request.arguments.begin(), request.arguments.end(), in) ||
           (request.environment &&
            std::any_of(request.environment->begin(), request.environment->end(), in));
}

std::optional<std::string> search_path_in(const std::vector<std::string>& environment)
{
    constexpr std::string_view key = "PATH=";
    for (const std::string& entry : environment) {
        if (entry.compare(0, key.size(), key) == 0) {
            return entry.substr(key.size());
        }
    }
    return std::nullopt;
}

/// As GLib words it, which is what clients of qemu-ga have seen.
Failure cannot_execute(const std::string& path, int code)
{
    const Error told = fail_errno("", code).error;
    return fail(told.kind(),
                "Failed to execute child process \u201C" + path + "\u201D (" + errno_text(code) +
                    ")",
                code);
}

/// Cuts both to `room` bytes together: each may have half, and what the other leaves of its half.
void fit(ProgramState& state, std::size_t room)
{
    const auto beside = [room](const std::string& other) {
        return std::max(room / 2, room - std::min(room, other.size()));
    };
    const std::size_t for_output = beside(state.error);
    const std::size_t for_error = beside(state.output);
    if (state.output.size() > for_output) {
        state.output.resize(for_output);
        state.output_cut = true;
    }
    if (state.error.size() > for_error) {
        state.error.resize(for_error);
        state.error_cut = true;
    }
}

} // namespace

struct LaunchedPrograms::Record {
    std::unique_ptr<Child> child; ///< while it runs
    std::size_t input = 0;        ///< bytes that it was to read
    ChildResult result;           ///< once it has ended
};

struct LaunchedPrograms::Book {
    std::map<std::int64_t, std::shared_ptr<Record>> records; ///< by process id
    std::deque<std::shared_ptr<Record>> ended;               ///< the oldest first
    std::size_t running = 0;                                 ///< or about to be
    std::size_t input = 0;                                   ///< bytes, of those that run
    std::shared_ptr<std::size_t> output_left;

    void forget(const std::shared_ptr<Record>& record)
    {
        *output_left += record->result.out.text.size() + record->result.err.text.size();
        ended.erase(std::find(ended.begin(), ended.end(), record));
        const auto found = std::find_if(records.begin(), records.end(),
                                        [&](const auto& entry) { return entry.second == record; });
        if (found != records.end()) { // else another process has its number now
            records.erase(found);
        }
    }

    void on_end(const std::shared_ptr<Record>& record, ChildResult result, std::size_t most_ended)
    {
        record->result = std::move(result);
        record->result.out.tail.clear();
        record->result.err.tail.clear();
        record->child.reset();
        --running;
        input -= record->input;
        ended.push_back(record);
        if (ended.size() > most_ended) {
            forget(ended.front());
        }
    }
};

LaunchedPrograms::LaunchedPrograms(ChildLauncher& launcher, Workers& workers,
                                   LaunchedProgramsSettings settings)
    : launcher_(&launcher), workers_(&workers), settings_(std::move(settings)),
      book_(std::make_shared<Book>())
{
    book_->output_left = std::make_shared<std::size_t>(settings_.output_budget);
}

LaunchedPrograms::~LaunchedPrograms() = default;

Result<void> LaunchedPrograms::admit(const ProgramRequest& request) const
{
    if (has_nul(request)) {
        return cannot_execute(request.path, EINVAL);
    }
    if (book_->running >= settings_.most_running) {
        return fail(ErrorKind::busy,
                    std::to_string(settings_.most_running) +
                        " programs of guest-exec are running, and that is the limit: wait for "
                        "some to end");
    }
    const std::size_t input = request.input ? request.input->size() : 0;
    if (book_->input > 0 && book_->input + input > settings_.input_budget) {
        return fail(ErrorKind::busy, "programs of guest-exec that run have been given " +
                                         std::to_string(book_->input) +
                                         " bytes of input, and there is no room for more: wait "
                                         "for some to end");
    }
    return {};
}

ChildSpec LaunchedPrograms::spec_of(ProgramRequest& request) const
{
    ChildSpec spec;
    spec.arguments.push_back(std::move(request.path));
    std::move(request.arguments.begin(), request.arguments.end(),
              std::back_inserter(spec.arguments));
    spec.environment = settings_.environment;
    if (request.environment) {
        spec.environment = std::move(*request.environment);
    }
    spec.search_path = search_path_in(spec.environment);
    if (!spec.search_path) {
        spec.search_path =
            search_path_in(settings_.environment).value_or(std::string{usual_search_path});
    }
    spec.directory.clear();
    spec.umask.reset();
    spec.allowed = settings_.allowed;
    spec.stdin_pipe = request.input.has_value();
    const Capture capture = request.capture;
    const bool output =
        capture == Capture::output || capture == Capture::separated || capture == Capture::merged;
    const bool error = capture == Capture::error || capture == Capture::separated;
    spec.standard_output = output ? StreamTo::reader : StreamTo::nobody;
    spec.standard_error = capture == Capture::merged ? StreamTo::output
                          : error                    ? StreamTo::reader
                                                     : StreamTo::nobody;
    spec.output_cap = std::min(most_output, settings_.reply_room);
    spec.output_budget = book_->output_left;
    spec.output_grace = output_grace;
    spec.outlives_us = true;
    return spec;
}

void LaunchedPrograms::start(ProgramRequest request, Started done)
{
    if (Result<void> admitted = admit(request); !admitted) {
        done(fail(std::move(admitted).error()));
        return;
    }
    // Room for what one program may print, at the cost of what nobody has asked for.
    while (*book_->output_left < 2 * settings_.reply_room && !book_->ended.empty()) {
        book_->forget(book_->ended.front());
    }
    const auto record = std::make_shared<Record>();
    std::string input = std::move(request.input).value_or("");
    record->input = input.size();
    ++book_->running;
    book_->input += record->input;

    const std::string path = request.path;
    ChildSpec spec = spec_of(request);
    ChildEvents events;
    events.on_exit = [book = std::weak_ptr<Book>{book_}, weak = std::weak_ptr<Record>{record},
                      most = settings_.most_ended](ChildResult result) {
        const auto alive = book.lock();
        const auto ended = weak.lock();
        if (alive && ended) {
            alive->on_end(ended, std::move(result), most);
        }
    };
    launcher_->launch_on(
        *workers_, std::move(spec), std::move(events),
        [book = std::weak_ptr<Book>{book_}, record, path, input = std::move(input),
         done = std::move(done)](Result<std::unique_ptr<Child>> child) mutable {
            const auto alive = book.lock();
            if (!alive) {
                return;
            }
            if (!child) {
                --alive->running;
                alive->input -= record->input;
                const int code = child.error().os_error();
                done(code != 0 ? cannot_execute(path, code) : fail(std::move(child).error()));
                return;
            }
            record->child = std::move(*child);
            const std::int64_t pid = record->child->pid();
            alive->records[pid] = record; // an older one of that number has ended long ago
            record->child->write(std::move(input));
            record->child->close_stdin();
            done(pid);
        });
}

Result<ProgramState> LaunchedPrograms::state(std::int64_t pid)
{
    const auto found = book_->records.find(pid);
    if (found == book_->records.end()) {
        return fail(ErrorKind::not_found, "PID " + std::to_string(pid) + " does not exist");
    }
    const std::shared_ptr<Record> record = found->second;
    ProgramState state;
    if (record->child) {
        return state;
    }
    state.ended = true;
    state.exit_status = record->result.exit_status;
    state.signal = record->result.signal;
    state.output_cut = record->result.out.dropped > 0;
    state.error_cut = record->result.err.dropped > 0;
    book_->forget(record); // counts the bytes, so before they are moved
    state.output = std::move(record->result.out.text);
    state.error = std::move(record->result.err.text);
    fit(state, settings_.reply_room);
    return state;
}

std::vector<std::string> environment_for_programs()
{
    constexpr std::array<std::string_view, 8> private_ones{
        "NOTIFY_SOCKET=", "WATCHDOG_USEC=",  "WATCHDOG_PID=",   "LISTEN_PID=",
        "LISTEN_FDS=",    "LISTEN_FDNAMES=", "LISTEN_PIDFDID=", "MAINPID="};
    std::vector<std::string> out;
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
        const std::string_view text{*entry};
        if (std::none_of(private_ones.begin(), private_ones.end(), [text](std::string_view name) {
                return text.compare(0, name.size(), name) == 0;
            })) {
            out.emplace_back(text);
        }
    }
    return out;
}

} // namespace frostline::system
