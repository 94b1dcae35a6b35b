// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

using GKeyFile = struct _GKeyFile; // NOLINT(bugprone-reserved-identifier): GLib's own name

namespace frostline {

/// A GLib key file (ini) that remembers where it came from, so that every complaint names file,
/// line, group and key: "/etc/x.conf:12: [freeze] deadline: 'soon' is no duration: ...".
class KeyFile {
public:
    /// Reads a file of at most 1 MiB.
    [[nodiscard]] static Result<KeyFile> load(const std::string& path);
    /// Takes text that is already in memory; `name` stands in for the path in messages.
    [[nodiscard]] static Result<KeyFile> parse(std::string_view text, std::string name);

    KeyFile(KeyFile&&) noexcept;
    KeyFile& operator=(KeyFile&&) noexcept;
    ~KeyFile();

    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    [[nodiscard]] std::vector<std::string> groups() const;
    [[nodiscard]] std::vector<std::string> keys(const std::string& group) const;
    [[nodiscard]] bool has(const std::string& group, const std::string& key) const;

    /// Values. Absent: nullopt. Present but of the wrong type: an error as described above.
    [[nodiscard]] Result<std::optional<std::string>> string(const std::string& group,
                                                            const std::string& key) const;
    /// true, false, 1, 0, yes, no, on, off.
    [[nodiscard]] Result<std::optional<bool>> boolean(const std::string& group,
                                                      const std::string& key) const;
    [[nodiscard]] Result<std::optional<std::int64_t>> integer(const std::string& group,
                                                              const std::string& key,
                                                              std::int64_t least,
                                                              std::int64_t most) const;
    [[nodiscard]] Result<std::optional<std::chrono::milliseconds>>
    duration(const std::string& group, const std::string& key) const;
    /// Parts between ';' or ',', trimmed, empty ones left out.
    [[nodiscard]] Result<std::optional<std::vector<std::string>>>
    list(const std::string& group, const std::string& key) const;

    /// Line (from 1) of a group header (key empty) or of the last occurrence of a key; 0: unknown.
    [[nodiscard]] int line(const std::string& group, const std::string& key) const;
    /// An invalid_argument error at that place. `key` may be empty: the group itself is wrong.
    [[nodiscard]] Failure fail_at(const std::string& group, const std::string& key,
                                  std::string_view what) const;

    /// An error for the first group or key that isn't among `known` (entries "group/key").
    [[nodiscard]] Result<void> refuse_unknown(const std::vector<std::string>& known) const;

private:
    struct Place {
        std::string group;
        std::string key;
        int line = 0;
    };

    KeyFile(GKeyFile* file, std::string name, std::vector<Place> places);
    [[nodiscard]] static std::vector<Place> find_places(std::string_view text);

    struct Free {
        void operator()(GKeyFile* file) const noexcept;
    };
    std::unique_ptr<GKeyFile, Free> file_;
    std::string name_;
    std::vector<Place> places_;
};

} // namespace frostline
