// SPDX-License-Identifier: Apache-2.0
#include "commands/commands.hpp"

#include "rpc/bind.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <utility>
#include <variant>

namespace frostline::commands {

namespace {

constexpr std::int64_t default_count = 4096;
constexpr std::int64_t most_count = 48 << 20;

using system::GuestFiles;

/// What the caller has asked for as `count`, when it is among 0 to `most`.
Result<std::size_t> checked_count(std::int64_t count, std::int64_t most)
{
    if (count < 0 || count > most) {
        return fail(ErrorKind::invalid_argument,
                    "value '" + std::to_string(count) + "' is invalid for argument count");
    }
    return static_cast<std::size_t>(count);
}

Result<system::Whence> whence_of(const qapi::GuestFileWhence& whence)
{
    using system::Whence;
    constexpr std::array<Whence, 3> places{Whence::start, Whence::current, Whence::end};
    if (const auto* word = std::get_if<qapi::GuestSeek>(&whence.value)) {
        return places.at(static_cast<std::size_t>(*word));
    }
    const std::int64_t code = std::get<std::int64_t>(whence.value);
    if (code < 0 || code > 2) {
        return fail(ErrorKind::invalid_argument, "invalid whence code " + std::to_string(code));
    }
    return places.at(static_cast<std::size_t>(code));
}

template <typename C>
auto answer_empty(const rpc::Responder<C>& responder)
{
    return [responder](const Result<void>& done) {
        responder(done ? Result<qapi::Empty>{qapi::Empty{}} : fail(done.error()));
    };
}

void open(GuestFiles& files, qapi::GuestFileOpen::Arguments arguments,
          const rpc::Responder<qapi::GuestFileOpen>& responder)
{
    const std::string mode = arguments.mode.value_or("r");
    const std::optional<system::FileMode> known = system::parse_file_mode(mode);
    if (!known) {
        responder(fail(ErrorKind::invalid_argument, "invalid file open mode '" + mode + "'"));
        return;
    }
    // A host that has given up will never learn the handle, so it could never close it.
    const auto given_up = std::make_shared<bool>(false);
    responder.on_cancel([given_up](const std::string&) { *given_up = true; });
    files.open(std::move(arguments.path), *known,
               [&files, given_up, responder](Result<std::int64_t> handle) {
                   if (handle && *given_up) {
                       files.close(*handle, [](const Result<void>&) {});
                   }
                   responder(std::move(handle));
               });
}

void read(GuestFiles& files, const qapi::GuestFileRead::Arguments& arguments, std::size_t most_read,
          const rpc::Responder<qapi::GuestFileRead>& responder)
{
    if (!files.known(arguments.handle)) { // the first complaint, as in qemu-ga
        responder(system::unknown_handle(arguments.handle));
        return;
    }
    const auto count = checked_count(arguments.count.value_or(default_count), most_count);
    if (!count) {
        responder(fail(count.error()));
        return;
    }
    files.read(arguments.handle, std::min(*count, most_read),
               [responder](Result<system::FileBytes> read) {
                   if (!read) {
                       responder(fail(std::move(read).error()));
                       return;
                   }
                   qapi::GuestFileReadResult result;
                   result.count = static_cast<std::int64_t>(read->bytes.size());
                   result.buf_b64.data = std::move(read->bytes);
                   result.eof = read->end;
                   responder(std::move(result));
               });
}

void write(GuestFiles& files, qapi::GuestFileWrite::Arguments arguments,
           const rpc::Responder<qapi::GuestFileWrite>& responder)
{
    if (!files.known(arguments.handle)) {
        responder(system::unknown_handle(arguments.handle));
        return;
    }
    std::string bytes = std::move(arguments.buf_b64.data);
    const auto size = static_cast<std::int64_t>(bytes.size());
    const auto count = checked_count(arguments.count.value_or(size), size);
    if (!count) {
        responder(fail(count.error()));
        return;
    }
    files.write(arguments.handle, std::move(bytes), *count,
                [responder](const Result<std::size_t>& written) {
                    if (!written) {
                        responder(fail(written.error()));
                        return;
                    }
                    qapi::GuestFileWriteResult result;
                    result.count = static_cast<std::int64_t>(*written);
                    responder(result);
                });
}

void seek(GuestFiles& files, const qapi::GuestFileSeek::Arguments& arguments,
          const rpc::Responder<qapi::GuestFileSeek>& responder)
{
    if (!files.known(arguments.handle)) {
        responder(system::unknown_handle(arguments.handle));
        return;
    }
    const Result<system::Whence> whence = whence_of(arguments.whence);
    if (!whence) {
        responder(fail(whence.error()));
        return;
    }
    files.seek(arguments.handle, arguments.offset, *whence,
               [responder](const Result<std::int64_t>& position) {
                   if (!position) {
                       responder(fail(position.error()));
                       return;
                   }
                   qapi::GuestFileSeekResult result;
                   result.position = *position;
                   responder(result);
               });
}

} // namespace

void add_file(rpc::Registry& registry, GuestFiles& files, std::size_t most_read)
{
    rpc::bind_async<qapi::GuestFileOpen>(
        registry, [&files](qapi::GuestFileOpen::Arguments arguments,
                           const rpc::Responder<qapi::GuestFileOpen>& responder) {
            open(files, std::move(arguments), responder);
        });
    rpc::bind_async<qapi::GuestFileClose>(
        registry, [&files](const qapi::GuestFileClose::Arguments& arguments,
                           const rpc::Responder<qapi::GuestFileClose>& responder) {
            files.close(arguments.handle, answer_empty(responder));
        });
    rpc::bind_async<qapi::GuestFileRead>(
        registry, [&files, most_read](const qapi::GuestFileRead::Arguments& arguments,
                                      const rpc::Responder<qapi::GuestFileRead>& responder) {
            read(files, arguments, most_read, responder);
        });
    rpc::bind_async<qapi::GuestFileWrite>(
        registry, [&files](qapi::GuestFileWrite::Arguments arguments,
                           const rpc::Responder<qapi::GuestFileWrite>& responder) {
            write(files, std::move(arguments), responder);
        });
    rpc::bind_async<qapi::GuestFileSeek>(
        registry, [&files](const qapi::GuestFileSeek::Arguments& arguments,
                           const rpc::Responder<qapi::GuestFileSeek>& responder) {
            seek(files, arguments, responder);
        });
    rpc::bind_async<qapi::GuestFileFlush>(
        registry, [&files](const qapi::GuestFileFlush::Arguments& arguments,
                           const rpc::Responder<qapi::GuestFileFlush>& responder) {
            files.flush(arguments.handle, answer_empty(responder));
        });
}

} // namespace frostline::commands
