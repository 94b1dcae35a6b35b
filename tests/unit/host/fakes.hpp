// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/json/parse.hpp"
#include "common/json/write.hpp"
#include "host/agent/transport.hpp"
#include "host/progress.hpp"
#include "host/qmp/monitor.hpp"
#include "host/snapshot/image_files.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace frostline::host::test {

/// A clock that only moves when somebody waits.
class FakeWaiter final : public Waiter {
public:
    [[nodiscard]] TimePoint now() const override { return now_; }
    [[nodiscard]] Result<void> wait(int, short, TimePoint until) override
    {
        now_ = until;
        return fail(ErrorKind::timeout, "no answer in time");
    }
    [[nodiscard]] Result<void> pause(Millis duration) override
    {
        now_ += duration;
        return {};
    }
    [[nodiscard]] std::optional<int> stopped_by() override { return std::nullopt; }
    void set_shielded(bool shielded) override { shielded_ = shielded; }
    [[nodiscard]] bool shielded() const override { return shielded_; }
    void advance(Millis duration) { now_ += duration; }

private:
    TimePoint now_{std::chrono::hours{1}};
    bool shielded_ = false;
};

class NoProgress final : public Progress {
public:
    void phase(std::string_view) override {}
    void done() override {}
};

inline json::Value parsed(const std::string& text)
{
    return json::parse(text).value();
}

inline std::string report(const std::string& id, const std::string& outcome,
                          const std::string& hook_result = "held")
{
    return R"({"id": ")" + id + R"(", "outcome": ")" + outcome +
           R"(", "started": "2026-01-01T00:00:00.000000Z", "frozen-us": 700, "phases": [],
           "hooks": [{"name": "10-db", "stage": 10, "phase": "hold", "result": ")" +
           hook_result + R"(", "start-us": 1, "duration-us": 2}],
           "filesystems": [{"mountpoint": "/", "type": "ext4", "device": "/dev/vda1",
           "result": "frozen", "start-us": 3, "duration-us": 4}]})";
}

/// A guest agent: what each command answers is a function that a test may replace.
class FakeTransport final : public AgentTransport {
public:
    using Handler = std::function<Result<Reply>(const json::Object&)>;

    [[nodiscard]] Result<Reply> call(std::string_view command, json::Object arguments,
                                     TimePoint) override
    {
        calls.emplace_back(command);
        const auto handler = handlers.find(std::string{command});
        if (handler == handlers.end()) {
            return Reply{PeerError{"CommandNotFound", "The command has not been found"}};
        }
        return handler->second(arguments);
    }
    [[nodiscard]] long count(const std::string& command) const
    {
        return std::count(calls.begin(), calls.end(), command);
    }

    std::map<std::string, Handler> handlers;
    std::vector<std::string> calls;
};

inline FakeTransport::Handler answers(const std::string& text)
{
    return [text](const json::Object&) -> Result<Reply> { return Reply{parsed(text)}; };
}
inline FakeTransport::Handler refuses(const std::string& text)
{
    return [text](const json::Object&) -> Result<Reply> {
        return Reply{PeerError{"GenericError", text}};
    };
}
inline FakeTransport::Handler breaks(ErrorKind kind)
{
    return [kind](const json::Object&) -> Result<Reply> { return fail(kind, "no answer"); };
}

/// QEMU with two disks.
class FakeMonitor final : public Monitor {
public:
    [[nodiscard]] Result<Reply> execute(std::string_view command, json::Object arguments,
                                        TimePoint) override
    {
        const std::string name{command};
        calls.push_back(name);
        if (const auto failure = failures.find(name); failure != failures.end()) {
            return failure->second(arguments);
        }
        if (name == "query-block") {
            return Reply{parsed("[" + device("disk0", 0, "qcow2", "/images/root.qcow2") + ", " +
                                device("disk1", 1, "raw", "/images/data.img") + "]")};
        }
        if (name == "query-named-block-nodes") {
            return Reply{parsed(R"([{"drv": "file", "file": "/images/root.qcow2"},
                                    {"drv": "host_device", "file": "/images/data.img"}])")};
        }
        if (name == "blockdev-add") {
            added.push_back(*arguments.find("node-name")->as_string());
        } else if (name == "blockdev-del") {
            std::erase(added, *arguments.find("node-name")->as_string());
        } else if (name == "transaction") {
            switch_disks(arguments);
        } else if (name == "query-block-jobs" || name == "query-chardev") {
            return Reply{json::Value{json::Array{}}};
        }
        return Reply{json::Value{json::Object{}}};
    }

    void switch_disks(const json::Object& arguments)
    {
        transaction = json::write(json::Value{arguments});
        switched = true;
    }

    std::map<std::string, FakeTransport::Handler> failures;
    std::vector<std::string> calls;
    std::vector<std::string> added;
    std::string transaction;
    bool switched = false;

private:
    [[nodiscard]] std::string device(const std::string& id, std::size_t index,
                                     const std::string& format, const std::string& base) const
    {
        static const std::vector<std::string> overlays{"/images/root.one.qcow2",
                                                       "/images/data.one.qcow2"};
        const std::string node = switched ? "fl-" + std::to_string(index) : "base-" + id;
        return R"({"device": "", "qdev": "/machine/peripheral/)" + id +
               R"(/virtio-backend", "inserted": {"node-name": ")" + node + R"(", "drv": ")" +
               (switched ? "qcow2" : format) + R"(", "ro": false, "file": ")" +
               (switched ? overlays[index] : base) +
               R"(", "encrypted": false, "detect_zeroes": "off",
               "image": {"virtual-size": 1048576}, "cache": {"direct": true, "no-flush": false}}})";
    }
};

class FakeFiles final : public ImageFiles {
public:
    [[nodiscard]] Result<void> create_overlay(const std::string& path, const std::string&,
                                              const std::string&, std::uint64_t, TimePoint) override
    {
        return claim(path);
    }
    [[nodiscard]] Result<void> create_image(const std::string& path, const std::string&,
                                            const std::string&, std::uint64_t, TimePoint) override
    {
        return claim(path);
    }
    [[nodiscard]] Result<std::vector<std::string>> list(const std::string&,
                                                        const std::string&) override
    {
        return std::vector<std::string>{};
    }
    [[nodiscard]] std::uint64_t allocated(const std::string&) override { return 1048576; }
    [[nodiscard]] Result<std::uint64_t> free_space(const std::string&) override { return space; }
    [[nodiscard]] bool exists(const std::string& path) override { return paths.count(path) != 0; }
    [[nodiscard]] Result<void> claim(const std::string& path) override
    {
        if (!paths.insert(path).second) {
            return fail(ErrorKind::busy, path + ": exists");
        }
        return {};
    }
    [[nodiscard]] Result<void> replace(const std::string&, const std::string&) override
    {
        return {};
    }
    [[nodiscard]] Result<std::string> read(const std::string& path) override
    {
        return fail(ErrorKind::not_found, path + ": not there");
    }
    [[nodiscard]] bool trusted(const std::string&) override { return true; }
    [[nodiscard]] Result<void> remove(const std::string& path) override
    {
        paths.erase(path);
        return {};
    }

    std::uint64_t space = std::uint64_t{1} << 40;
    std::set<std::string> paths{"/images/root.qcow2", "/images/data.img"};
};

} // namespace frostline::host::test
