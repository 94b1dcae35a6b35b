// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/json/value.hpp"
#include "common/result.hpp"

#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace frostline::rpc {

/// A request under way, as its handler sees it: where the result goes, and how the handler learns
/// that nobody waits for it any more. Copies are the same call. Loop thread only.
class Call {
public:
    using Done = std::function<void(Result<json::Value>)>;
    using Cancel = std::function<void(const std::string& reason)>;

    explicit Call(Done done) : state_(std::make_shared<State>(State{std::move(done), nullptr})) {}

    /// The first call counts. May come from inside the handler or at any time later, also when the
    /// asker is gone.
    void complete(Result<json::Value> result) const
    {
        state_->cancel = nullptr;
        if (const Done done = std::exchange(state_->done, nullptr)) {
            done(std::move(result));
        }
    }

    /// `action` is called at most once, when the asker has given up before complete(): it has sent
    /// a sync, or its connection is gone.
    void on_cancel(Cancel action) const
    {
        if (state_->done) {
            state_->cancel = std::move(action);
        }
    }

    /// The asker gives up: the result will be dropped.
    void cancel(const std::string& reason) const
    {
        state_->done = nullptr;
        if (const Cancel action = std::exchange(state_->cancel, nullptr)) {
            action(reason);
        }
    }

private:
    struct State {
        Done done;
        Cancel cancel;
    };
    std::shared_ptr<State> state_;
};

} // namespace frostline::rpc
