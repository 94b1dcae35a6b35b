// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/json/value.hpp"
#include "host/io/answer.hpp"
#include "host/io/waiter.hpp"
#include "host/progress.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace frostline::host {

/// One way to take a snapshot, of one guest or of several. Everything that takes time happens in
/// prepare(), before anything is frozen; take() is all that happens while it is.
class SnapshotMethod {
public:
    /// What became of what take() asked for.
    enum class Switch { done, not_done, unknown };

    virtual ~SnapshotMethod() = default;

    /// As the description has it: "overlay", "command".
    [[nodiscard]] virtual std::string_view name() const = 0;
    /// What take() does, for people: "switching the disks".
    [[nodiscard]] virtual std::string_view doing() const = 0;

    /// How long take() may last; the guests' deadlines may end it sooner. nullopt: as long as one
    /// answer.
    [[nodiscard]] virtual std::optional<Millis> longest() const { return std::nullopt; }

    /// After an error, discard() has to be called as well.
    [[nodiscard]] virtual Result<void> prepare(TimePoint until) = 0;
    /// A failure of the outer Result: nobody knows yet, see find_out(). The error of the answer is
    /// a whole sentence.
    [[nodiscard]] virtual Result<Answer<bool>> take(TimePoint until) = 0;
    /// Asks again, when there is time. A mixture is unknown.
    [[nodiscard]] virtual Result<Switch> find_out(TimePoint until) = 0;
    /// What goes on after the thaw, until the snapshot is whole. Returns what people should know
    /// besides, mostly nothing. An error: there is no snapshot; discard() is called then.
    [[nodiscard]] virtual Result<std::string> finish(Waiter& /*waiter*/, Progress& /*progress*/)
    {
        return std::string{};
    }
    /// Takes back what prepare() did. Never call it when take() is done or unknown. Goes on after
    /// failures; the error lists what is left.
    [[nodiscard]] virtual Result<void> discard(TimePoint until) = 0;

    /// What was taken, for the description and for people. Only after take().
    virtual void describe(json::Object& whole) const = 0;
    [[nodiscard]] virtual std::string table() const = 0;
    /// The folder that the description belongs in; empty where the method has no place for it.
    [[nodiscard]] virtual std::string description_folder() const = 0;
    /// What tells this guest's description from another's; nullopt: it needs that in a group only.
    [[nodiscard]] virtual std::optional<std::string> description_label() const
    {
        return std::nullopt;
    }
};

/// NAME.frostline.json, in a group NAME.LABEL.frostline.json.
[[nodiscard]] inline std::string description_file(const std::string& name, const std::string& label)
{
    return name + (label.empty() ? "" : "." + label) + ".frostline.json";
}

/// A guest's name as a part of file names.
[[nodiscard]] inline std::string file_label(std::string name)
{
    for (char& letter : name) {
        const bool good = (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
                          (letter >= '0' && letter <= '9') || letter == '-' || letter == '_';
        letter = good ? letter : '_';
    }
    return name;
}

} // namespace frostline::host
