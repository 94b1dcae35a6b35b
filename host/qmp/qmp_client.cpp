// SPDX-License-Identifier: Apache-2.0
#include "host/qmp/qmp_client.hpp"

#include "common/json/parse.hpp"
#include "common/json/write.hpp"

namespace frostline::host {

Result<std::unique_ptr<QmpClient>> QmpClient::connect(const std::string& path, Waiter& waiter,
                                                      TimePoint until)
{
    Result<LineStream> stream = LineStream::connect(path, waiter, until);
    if (!stream) {
        return fail(std::move(stream).error());
    }
    std::unique_ptr<QmpClient> client{new QmpClient{std::move(*stream), path}};
    if (Result<void> greeted = client->greet(until); !greeted) {
        return fail(std::move(greeted).error().with_context("QEMU monitor " + path));
    }
    return client;
}

Result<void> QmpClient::greet(TimePoint until)
{
    Result<std::string> line = stream_.read_line(until);
    if (!line) {
        if (line.error().kind() == ErrorKind::timeout) {
            return fail(ErrorKind::timeout,
                        "no greeting; a monitor talks to one client at a time, so another program "
                        "may be connected to it");
        }
        return fail(std::move(line).error());
    }
    const Result<json::Value> greeting = json::parse(*line);
    if (!greeting || greeting->find("QMP") == nullptr) {
        return fail(ErrorKind::protocol,
                    "this is no QMP monitor (its greeting is missing); give the socket of "
                    "-qmp unix:PATH,server=on,wait=off");
    }
    Result<json::Value> done = flatten(execute("qmp_capabilities", {}, until));
    if (!done) {
        return fail(std::move(done).error());
    }
    return {};
}

Result<Reply> QmpClient::execute(std::string_view command, json::Object arguments, TimePoint until)
{
    const std::string id = "frostline-" + std::to_string(++last_id_);
    json::Object request;
    request.set("execute", json::Value{command});
    if (!arguments.empty()) {
        request.set("arguments", json::Value{std::move(arguments)});
    }
    request.set("id", json::Value{id});
    const std::string what = "QEMU monitor: " + std::string{command};
    if (Result<void> sent =
            stream_.send(json::write(json::Value{std::move(request)}) + "\n", until);
        !sent) {
        return fail(std::move(sent).error().with_context(what));
    }
    for (;;) {
        Result<std::string> line = stream_.read_line(until);
        if (!line) {
            return fail(std::move(line).error().with_context(what));
        }
        Result<json::Value> message = json::parse(*line);
        if (!message) {
            return fail(std::move(message).error().with_context(what));
        }
        const json::Value* answered = message->find("id");
        if (answered == nullptr || answered->as_string() == nullptr ||
            *answered->as_string() != id) {
            continue; // an event, or the answer to a command that was given up
        }
        Result<Reply> reply = read_reply(*message);
        if (!reply) {
            return fail(std::move(reply).error().with_context(what));
        }
        return reply;
    }
}

} // namespace frostline::host
