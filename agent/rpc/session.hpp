// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "rpc/dispatcher.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace frostline::rpc {

/// Where a session's replies go. What channel::Connection offers, without knowing channels.
class Output {
public:
    virtual ~Output() = default;

    virtual void send(std::string bytes) = 0;
    /// Whether so much is unsent that nothing new should be started until on_drained(). Whoever
    /// feeds the session feeds no more meanwhile.
    [[nodiscard]] virtual bool congested() const = 0;
    virtual void close_when_sent() = 0;
};

/// A request as it came off the wire.
struct Request {
    std::string command;
    json::Value arguments; ///< an object
    std::optional<json::Value> id;
    std::size_t bytes = 0; ///< about what it holds in memory, for the queue's bound
};

/// One conversation: requests are run and answered in order. While something long runs, immediate
/// commands are answered at once and the rest waits in a bounded queue; what finds it full is
/// answered at once, too, with an error. So the input is always read, and a sync, a thaw or a
/// status is always seen, whatever was sent before it. A successful sync voids all that is older:
/// what runs is told so and its reply is dropped, what waits is forgotten. Destroying the session
/// gives up what still runs. Loop thread only.
class Session {
public:
    /// Of what waits for something long; the last one may go beyond the bytes.
    struct Limits {
        std::size_t queued_requests = 256;
        std::size_t queued_bytes = std::size_t{1} << 20U;
    };

    Session(const Dispatcher& dispatcher, Output& output, Limits limits);
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
    ~Session();

    /// A request, or bytes that were none: `error` is answered in the request's place.
    void on_request(Request request);
    void on_error(Error error, std::optional<json::Value> id);
    /// The peer sends no more: answer what there is, then close.
    void on_end_of_input();
    /// The output can take more again.
    void on_drained();

private:
    struct Queued {
        Request request;
        std::optional<Error> error; ///< set: nothing to run, this is the reply
    };
    struct Running {
        std::uint64_t number = 0;
        std::string command;
        std::chrono::nanoseconds started{0};
        Call call;
    };

    void take(Queued item);
    void run_next();
    void run_immediate_ones();
    void start(Queued item, std::size_t older_queued);
    void run_resync(const Command& command, const Request& request, std::size_t older_queued);
    void run_command(const Command& command, const Request& request);
    void answer(const Command& command, const std::optional<json::Value>& id,
                Result<json::Value> result);
    void drop_older(std::size_t older_queued);
    void audit(std::string_view command, std::string_view outcome,
               std::chrono::nanoseconds started) const;
    [[nodiscard]] bool is_immediate(const Queued& item) const;
    [[nodiscard]] Queued pop(std::size_t index);
    [[nodiscard]] bool refuses_more() const;
    void refuse(const Queued& item);
    void settle();

    const Dispatcher& dispatcher_;
    Output& output_;
    Limits limits_;
    std::deque<Queued> queue_;
    std::size_t queued_bytes_ = 0;
    std::vector<Running> running_;
    std::uint64_t next_number_ = 0;
    bool busy_ = false; ///< in run_next(): what completes inside must not start another round
    bool input_ended_ = false;
};

} // namespace frostline::rpc
