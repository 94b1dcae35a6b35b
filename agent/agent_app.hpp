// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "channel/channel.hpp"
#include "common/result.hpp"
#include "config/config.hpp"
#include "freeze/freeze_session.hpp"
#include "freeze/process_guard.hpp"
#include "freeze/run_state.hpp"
#include "hooks/engine.hpp"
#include "main_channel.hpp"
#include "memory.hpp"
#include "rpc/dispatcher.hpp"
#include "rpc/policy.hpp"
#include "rpc/registry.hpp"
#include "system/glib_loop.hpp"
#include "system/helper_programs.hpp"
#include "system/launched_programs.hpp"
#include "system/linux_accounts.hpp"
#include "system/linux_clock_setter.hpp"
#include "system/linux_clocks.hpp"
#include "system/linux_fs_control.hpp"
#include "system/linux_guest_files.hpp"
#include "system/linux_mount_table.hpp"
#include "system/linux_power.hpp"
#include "system/linux_storage.hpp"
#include "system/process_launcher.hpp"
#include "system/sysfs_block_layers.hpp"
#include "system/thread_workers.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>

namespace frostline {

/// All parts of the running agent, wired together. Members are in the order of their dependence.
class AgentApp {
public:
    /// `config` with resolved paths. The run directory exists. Main thread; signals are blocked.
    /// `passed`: the listening socket that the service manager has opened for us.
    AgentApp(const config::Config& config, std::unique_ptr<system::GlibLoop> loop,
             std::optional<UniqueFd> passed);
    AgentApp(const AgentApp&) = delete;
    AgentApp& operator=(const AgentApp&) = delete;
    ~AgentApp();

    /// Finishes what an earlier agent left frozen, opens the channels, calls `ready`, and serves
    /// until SIGTERM or SIGINT; then thaws what is held. An error: it could not start, or its
    /// channel broke for good.
    [[nodiscard]] Result<void> serve(const std::function<Result<void>()>& ready);
    /// Finishes what an earlier agent left frozen, hooks included, and no more.
    void recover();

private:
    [[nodiscard]] Result<void> open_channels();
    void open_control_socket();
    [[nodiscard]] MainChannel::Events channel_events();
    void add_guest_information();
    [[nodiscard]] channel::ConversationFactory conversations();
    [[nodiscard]] rpc::Dispatcher::Settings dispatcher_settings();
    [[nodiscard]] bool frozen() const;
    void on_signal(int signal);
    void stop();

    config::Config config_;
    std::unique_ptr<system::GlibLoop> loop_;
    std::size_t descriptors_; ///< that this process may have open
    system::ProcessLauncher launcher_;
    system::ThreadWorkers workers_;
    system::LinuxMountTable mounts_;
    system::SysfsBlockLayers layers_;
    system::LinuxFsControl control_;
    system::LinuxStorage storage_{mounts_};
    system::LinuxGuestFiles files_;
    system::LaunchedPrograms programs_;
    hooks::Engine hooks_;
    freeze::ProcessGuardStarter guards_;
    freeze::FileRunState store_;
    freeze::FreezeSession session_;
    system::HelperPrograms helpers_;
    system::LinuxPower power_;
    system::LinuxClocks clocks_;
    system::LinuxClockSetter clock_setter_;
    system::LinuxAccounts accounts_;
    rpc::Registry registry_;
    rpc::Policy policy_;
    rpc::Dispatcher dispatcher_;
    memory::GiveBackLater give_back_;
    std::unique_ptr<channel::Channel> control_socket_;
    MainChannel channel_;
    Result<void> outcome_;
    system::Subscription signals_;
    bool stopping_ = false;
};

} // namespace frostline
