// SPDX-License-Identifier: Apache-2.0
#include "commands/commands.hpp"

#include "rpc/bind.hpp"

#include <utility>

namespace frostline::commands {

namespace {

using system::OnlineState;

OnlineState state_of(bool online)
{
    return online ? OnlineState::online : OnlineState::offline;
}

Result<std::vector<qapi::GuestLogicalProcessor>> cpu_list(const system::Cpus& cpus)
{
    Result<std::vector<system::Cpu>> found = cpus.list();
    if (!found) {
        return fail(std::move(found).error());
    }
    std::vector<qapi::GuestLogicalProcessor> out;
    for (const system::Cpu& cpu : *found) {
        out.push_back({cpu.number, cpu.state == OnlineState::online, cpu.can_offline});
    }
    return out;
}

/// How many of the leading entries are as asked. An error when not even the first one is, since a
/// client takes 0 for an answer to an empty list.
Result<std::int64_t> set_cpus(const system::Cpus& cpus,
                              const std::vector<qapi::GuestLogicalProcessor>& wanted)
{
    std::int64_t processed = 0;
    for (const qapi::GuestLogicalProcessor& cpu : wanted) {
        Result<void> done = cpus.set_state(cpu.logical_id, state_of(cpu.online));
        if (!done && processed == 0) {
            return fail(std::move(done).error());
        }
        if (!done) {
            break; // the client asks again for the rest, and that error is then the first
        }
        ++processed;
    }
    return processed;
}

std::optional<std::uint64_t> milliseconds(const std::optional<system::CpuTime>& time)
{
    return time ? std::optional{time->count()} : std::nullopt;
}

Result<std::vector<qapi::GuestCpuStats>> cpu_stats(const system::Cpus& cpus)
{
    Result<std::vector<system::CpuTimes>> found = cpus.times();
    if (!found) {
        return fail(std::move(found).error());
    }
    std::vector<qapi::GuestCpuStats> out;
    for (const system::CpuTimes& times : *found) {
        qapi::GuestCpuStats stats;
        stats.type = qapi::GuestCpuStatsType::linux_;
        stats.cpu = times.number;
        stats.user = times.user.count();
        stats.nice = times.nice.count();
        stats.system = times.system.count();
        stats.idle = times.idle.count();
        stats.iowait = milliseconds(times.iowait);
        stats.irq = milliseconds(times.irq);
        stats.softirq = milliseconds(times.softirq);
        stats.steal = milliseconds(times.steal);
        stats.guest = milliseconds(times.guest);
        stats.guestnice = milliseconds(times.guest_nice);
        out.push_back(stats);
    }
    return out;
}

Result<qapi::GuestLoadAverage> load(const system::Cpus& cpus)
{
    const Result<system::LoadAverage> found = cpus.load();
    if (!found) {
        return fail(found.error());
    }
    return qapi::GuestLoadAverage{found->one_minute, found->five_minutes, found->fifteen_minutes};
}

Result<std::vector<qapi::GuestMemoryBlock>> block_list(const system::MemoryBlocks& blocks)
{
    Result<std::vector<system::MemoryBlock>> found = blocks.list();
    if (!found) {
        return fail(std::move(found).error());
    }
    std::vector<qapi::GuestMemoryBlock> out;
    for (const system::MemoryBlock& block : *found) {
        out.push_back({block.number, block.state == OnlineState::online, block.can_offline});
    }
    return out;
}

qapi::GuestMemoryBlockResponseType to_wire(system::BlockOutcome outcome)
{
    switch (outcome) {
    case system::BlockOutcome::done:
        return qapi::GuestMemoryBlockResponseType::success;
    case system::BlockOutcome::not_found:
        return qapi::GuestMemoryBlockResponseType::not_found;
    case system::BlockOutcome::unsupported:
        return qapi::GuestMemoryBlockResponseType::operation_not_supported;
    case system::BlockOutcome::failed:
        break;
    }
    return qapi::GuestMemoryBlockResponseType::operation_failed;
}

Result<std::vector<qapi::GuestMemoryBlockResponse>>
set_blocks(const system::MemoryBlocks& blocks, const std::vector<qapi::GuestMemoryBlock>& wanted)
{
    std::vector<qapi::GuestMemoryBlockResponse> out;
    for (const qapi::GuestMemoryBlock& block : wanted) {
        const system::BlockChange change =
            blocks.set_state(block.phys_index, state_of(block.online));
        qapi::GuestMemoryBlockResponse response;
        response.phys_index = block.phys_index;
        response.response = to_wire(change.outcome);
        if (change.outcome != system::BlockOutcome::done) {
            response.error_code = change.os_error;
        }
        out.push_back(response);
    }
    return out;
}

void add_cpus(rpc::Registry& registry, const std::shared_ptr<const system::Cpus>& cpus,
              system::Workers& workers)
{
    rpc::bind_async<qapi::GuestGetVcpus>(
        registry, [cpus, &workers](const qapi::GuestGetVcpus::Arguments&,
                                   rpc::Responder<qapi::GuestGetVcpus> responder) {
            system::run_on(
                workers, [cpus] { return cpu_list(*cpus); }, std::move(responder));
        });
    rpc::bind_async<qapi::GuestSetVcpus>(
        registry, [cpus, &workers](qapi::GuestSetVcpus::Arguments arguments,
                                   rpc::Responder<qapi::GuestSetVcpus> responder) {
            system::run_on(
                workers,
                [cpus, wanted = std::move(arguments.vcpus)] { return set_cpus(*cpus, wanted); },
                std::move(responder));
        });
    rpc::bind<qapi::GuestGetCpustats>(
        registry, [cpus](const qapi::GuestGetCpustats::Arguments&) { return cpu_stats(*cpus); });
    rpc::bind<qapi::GuestGetLoad>(
        registry, [cpus](const qapi::GuestGetLoad::Arguments&) { return load(*cpus); });
}

void add_blocks(rpc::Registry& registry, const std::shared_ptr<const system::MemoryBlocks>& blocks,
                system::Workers& workers)
{
    rpc::bind_async<qapi::GuestGetMemoryBlocks>(
        registry, [blocks, &workers](const qapi::GuestGetMemoryBlocks::Arguments&,
                                     rpc::Responder<qapi::GuestGetMemoryBlocks> responder) {
            system::run_on(
                workers, [blocks] { return block_list(*blocks); }, std::move(responder));
        });
    rpc::bind_async<qapi::GuestSetMemoryBlocks>(
        registry, [blocks, &workers](qapi::GuestSetMemoryBlocks::Arguments arguments,
                                     rpc::Responder<qapi::GuestSetMemoryBlocks> responder) {
            system::run_on(
                workers,
                [blocks, wanted = std::move(arguments.mem_blks)] {
                    return set_blocks(*blocks, wanted);
                },
                std::move(responder));
        });
    rpc::bind<qapi::GuestGetMemoryBlockInfo>(
        registry, [blocks](const qapi::GuestGetMemoryBlockInfo::Arguments&) {
            const Result<std::uint64_t> size = blocks->block_size();
            return size ? Result<qapi::GuestMemoryBlockInfo>{qapi::GuestMemoryBlockInfo{*size}}
                        : Result<qapi::GuestMemoryBlockInfo>{fail(size.error())};
        });
}

} // namespace

void add_cpu_memory(rpc::Registry& registry, const std::shared_ptr<const system::Cpus>& cpus,
                    const std::shared_ptr<const system::MemoryBlocks>& blocks,
                    system::Workers& workers)
{
    add_cpus(registry, cpus, workers);
    add_blocks(registry, blocks, workers);
}

} // namespace frostline::commands
