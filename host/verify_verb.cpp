// SPDX-License-Identifier: Apache-2.0
#include "common/json/lookup.hpp"
#include "common/json/parse.hpp"
#include "common/table.hpp"
#include "common/text.hpp"
#include "host/io/child.hpp"
#include "host/snapshot/image_files.hpp"
#include "host/target.hpp"
#include "host/verbs.hpp"
#include "host/verify/file_systems.hpp"
#include "host/verify/image_reader.hpp"

namespace frostline::host {

namespace {

/// What was found of one image.
struct ImageFinding {
    std::string disk;
    std::string path;
    std::string format;
    std::string check; ///< in words
    std::vector<FoundFilesystem> filesystems;
    bool good = true;
};

class Verification {
public:
    Verification(Waiter& waiter, Progress& progress, Millis limit)
        : waiter_(waiter), progress_(progress), limit_(limit)
    {}

    [[nodiscard]] ImageFinding look(std::string disk, std::string path);

private:
    [[nodiscard]] Result<std::string> format_of(const std::string& path);
    [[nodiscard]] std::string check(const ImageFinding& image, bool& good);
    [[nodiscard]] Result<ProgramEnd> run(const std::vector<std::string>& command, Millis limit)
    {
        return run_for_user(command, {"LC_ALL=C"}, waiter_, waiter_.now() + limit);
    }

    Waiter& waiter_;
    Progress& progress_;
    Millis limit_;
};

/// Opens the whole chain: an image whose backing file is gone is none.
Result<std::string> Verification::format_of(const std::string& path)
{
    const Result<ProgramEnd> end =
        run({"qemu-img", "info", "-U", "--backing-chain", "--output=json", path}, limit_);
    if (!end) {
        return fail(end.error());
    }
    if (!end->problem.empty()) {
        return fail(ErrorKind::io, end->problem);
    }
    const Result<json::Value> chain = json::parse(end->output);
    if (!chain || chain->as_array() == nullptr || chain->as_array()->empty()) {
        return fail(ErrorKind::protocol, "qemu-img info is not understood");
    }
    return json::string_at(chain->as_array()->front(), "format");
}

std::string Verification::check(const ImageFinding& image, bool& good)
{
    if (image.format == "raw") {
        return "nothing to check in a raw image";
    }
    // As long as it takes: it reads all of the image's own tables.
    const Result<ProgramEnd> end =
        run({"qemu-img", "check", "-U", "-f", image.format, image.path}, std::chrono::hours{1});
    good = end && end->exit_status == 0;
    if (!end) {
        return end.error().message();
    }
    if (end->exit_status == 3) {
        good = true;
        return "clusters are leaked; harmless";
    }
    return good ? "no errors" : end->problem;
}

ImageFinding Verification::look(std::string disk, std::string path)
{
    progress_.phase("looking at " + path);
    ImageFinding found{std::move(disk), std::move(path), {}, {}, {}, true};
    const Result<std::string> format = format_of(found.path);
    if (!format) {
        found.check = format.error().message();
        found.good = false;
        return found;
    }
    found.format = *format;
    found.check = check(found, found.good);
    ImageReader reader{found.path, found.format, waiter_, limit_};
    const Result<std::vector<FoundFilesystem>> filesystems = find_filesystems(reader);
    if (!filesystems) {
        found.check += "; " + filesystems.error().message();
        found.good = false;
        return found;
    }
    found.filesystems = *filesystems;
    for (const FoundFilesystem& one : found.filesystems) {
        found.good = found.good && one.at_rest;
    }
    return found;
}

std::string in_words(const std::vector<FoundFilesystem>& filesystems)
{
    std::vector<std::string> words;
    words.reserve(filesystems.size());
    for (const FoundFilesystem& one : filesystems) {
        words.push_back(one.type + ": " + one.state);
    }
    return words.empty() ? "none found" : text::join(words, ", ");
}

json::Object describe(const ImageFinding& image)
{
    json::Object out;
    out.set("disk", image.disk);
    out.set("image", image.path);
    out.set("format", image.format);
    out.set("check", text::printable(image.check));
    out.set("good", image.good);
    json::Array list;
    for (const FoundFilesystem& one : image.filesystems) {
        json::Object filesystem;
        filesystem.set("type", one.type);
        filesystem.set("offset", one.offset);
        filesystem.set("state", one.state);
        filesystem.set("at-rest", one.at_rest);
        list.emplace_back(std::move(filesystem));
    }
    out.set("filesystems", std::move(list));
    return out;
}

} // namespace

Outcome run_verify(const Options& options, Waiter& waiter, Progress& progress)
{
    LocalImageFiles files{waiter};
    const Result<std::string> text = files.read(options.guest);
    if (!text) {
        return failed(ExitStatus::unreachable, text.error().message());
    }
    const Result<json::Value> description = json::parse(*text);
    const json::Value* disks = description ? description->find("disks") : nullptr;
    if (disks == nullptr || disks->as_array() == nullptr || disks->as_array()->empty()) {
        return failed(ExitStatus::usage, options.guest +
                                             ": is not the description of a snapshot by "
                                             "overlays or of a backup "
                                             "(NAME.frostline.json)");
    }
    Verification verification{waiter, progress, limits_of(options).answer};
    Outcome outcome;
    std::vector<std::vector<std::string>> rows{{"DISK", "FORMAT", "IMAGE", "FILE SYSTEMS"}};
    json::Array images;
    std::vector<std::string> bad;
    for (const json::Value& disk : *disks->as_array()) {
        const std::string backup = json::string_at(disk, "backup");
        const ImageFinding found =
            verification.look(text::printable(json::string_at(disk, "disk"), 64),
                              backup.empty() ? json::string_at(disk, "snapshot") : backup);
        rows.push_back(
            {found.disk, found.format, text::printable(found.check), in_words(found.filesystems)});
        images.emplace_back(describe(found));
        if (!found.good) {
            bad.push_back(found.disk);
        }
    }
    const std::string level = json::string_at(*description, "level");
    outcome.text = "taken at level " + text::printable(level, 16) + "\n\n" + format_table(rows);
    outcome.details.set("level", level);
    outcome.details.set("images", std::move(images));
    if (!bad.empty()) {
        outcome.status = ExitStatus::not_consistent;
        outcome.problem = "not at rest, or damaged: " + text::join(bad, ", ");
    }
    return outcome;
}

} // namespace frostline::host
