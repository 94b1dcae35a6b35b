// SPDX-License-Identifier: Apache-2.0
#include "ctl/image.hpp"

#include "common/text.hpp"
#include "ctl/local_parts.hpp"
#include "hooks/hook_directory.hpp"

#include <array>
#include <cerrno>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

namespace frostline::ctl {

namespace {

namespace fs = std::filesystem;

/// Something that must be there: in one of these places, as distributions have it.
struct Part {
    const char* what;
    std::vector<const char*> places;
};

const std::vector<Part>& parts()
{
    static const std::vector<Part> all{
        {"the agent", {"/usr/sbin/frostline-agent", "/usr/bin/frostline-agent"}},
        {"the guard",
         {"/usr/lib/frostline/frostline-guard", "/usr/libexec/frostline/frostline-guard"}},
        {"the service",
         {"/usr/lib/systemd/system/frostline-agent.service",
          "/lib/systemd/system/frostline-agent.service",
          "/etc/systemd/system/frostline-agent.service", "/etc/init.d/frostline-agent"}},
        {"the rule that starts it when the port is there",
         {"/usr/lib/udev/rules.d/60-frostline-agent.rules",
          "/lib/udev/rules.d/60-frostline-agent.rules",
          "/etc/udev/rules.d/60-frostline-agent.rules", "/etc/runlevels/default/frostline-agent"}},
    };
    return all;
}

/// With the kernel's own /proc in it, for this process only: what a hook's file really is can be
/// found out only there.
Result<void> enter(const std::string& root)
{
    const std::string proc = root + "/proc";
    if (::access(root.c_str(), F_OK) < 0) {
        return fail_errno("cannot look into " + root, errno);
    }
    if (::access(proc.c_str(), F_OK) < 0) {
        return fail_errno("cannot look into " + root + ": it is no root file system, " + proc,
                          errno);
    }
    if (::unshare(CLONE_NEWNS) < 0 || ::mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0 ||
        ::mount("/proc", proc.c_str(), nullptr, MS_BIND | MS_REC, nullptr) < 0 ||
        ::chroot(root.c_str()) < 0 || ::chdir("/") < 0) {
        return fail_errno("cannot look into " + root, errno);
    }
    return {};
}

class Image {
public:
    void look_for_parts()
    {
        for (const Part& part : parts()) {
            std::error_code error;
            bool there = false;
            for (const char* const place : part.places) {
                there = there || fs::exists(place, error);
            }
            if (there) {
                good(std::string{part.what} + " is installed");
            } else {
                bad(std::string{part.what} + " is not there: no " + part.places.front() +
                    "; install the package frostline-agent");
            }
        }
        for (const char* const name : {"frostline-agent", "qemu-guest-agent"}) {
            const std::string unit = std::string{"/etc/systemd/system/"} + name + ".service";
            std::error_code error;
            if (fs::read_symlink(unit, error) == "/dev/null") {
                bad(unit + " is masked: the agent will not start");
            }
        }
    }

    void look_at_configuration(const Options& options)
    {
        Result<config::Config> config = load_config(options);
        if (!config) {
            return bad(config.error().message());
        }
        for (const std::string& source : config->sources) {
            good(source + " is right");
        }
        Result<hooks::Catalog> catalog = hooks::read_hook_directories(config->hooks.directories);
        if (!catalog) {
            return bad(catalog.error().message());
        }
        for (const hooks::CatalogEntry& entry : catalog->entries) {
            if (entry.state == hooks::HookListing::State::refused) {
                bad("the hook " + entry.hook.name + " is refused: " + entry.reason);
            } else {
                good("the hook " + entry.hook.name + " is right");
            }
        }
    }

    [[nodiscard]] Outcome outcome() const
    {
        Outcome outcome;
        json::Array found;
        json::Array problems;
        for (const std::string& line : good_) {
            outcome.text += line + "\n";
            found.emplace_back(line);
        }
        for (const std::string& line : bad_) {
            outcome.text += "PROBLEM: " + line + "\n";
            problems.emplace_back(line);
        }
        outcome.text += bad_.empty() ? "the image is ready\n" : "the image is NOT ready\n";
        outcome.details.set("found", std::move(found));
        outcome.details.set("problems", std::move(problems));
        outcome.status = bad_.empty() ? ExitStatus::good : ExitStatus::freeze_fails;
        return outcome;
    }

private:
    void good(const std::string& text) { good_.push_back(text::printable(text)); }
    void bad(const std::string& text) { bad_.push_back(text::printable(text)); }

    std::vector<std::string> good_;
    std::vector<std::string> bad_;
};

} // namespace

Outcome check_image(const Options& options)
{
    if (const Result<void> entered = enter(*options.image); !entered) {
        const bool not_root = entered.error().os_error() == EPERM;
        return failed(ExitStatus::error,
                      entered.error().message() + (not_root ? "; it takes root" : ""));
    }
    Image image;
    image.look_for_parts();
    image.look_at_configuration(options);
    return image.outcome();
}

} // namespace frostline::ctl
