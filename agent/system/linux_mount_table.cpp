// SPDX-License-Identifier: Apache-2.0
#include "system/linux_mount_table.hpp"

#include <cerrno>
#include <memory>

#include <libmount/libmount.h>
#include <sys/stat.h>

namespace frostline::system {

namespace {

struct FreeTable {
    void operator()(libmnt_table* table) const noexcept { mnt_unref_table(table); }
};
struct FreeIterator {
    void operator()(libmnt_iter* iterator) const noexcept { mnt_free_iter(iterator); }
};

std::string text_or_empty(const char* text)
{
    return text != nullptr ? text : "";
}

Mount to_mount(libmnt_fs* fs)
{
    Mount mount;
    mount.id = mnt_fs_get_id(fs);
    mount.parent_id = mnt_fs_get_parent_id(fs);
    mount.mount_point = text_or_empty(mnt_fs_get_target(fs));
    mount.root = text_or_empty(mnt_fs_get_root(fs));
    mount.type = text_or_empty(mnt_fs_get_fstype(fs));
    mount.source = text_or_empty(mnt_fs_get_source(fs));
    mount.device = mnt_fs_get_devno(fs);
    // The superblock's options only: a read-only bind mount of a writable file system can be
    // written through its other mounts.
    const char* options = mnt_fs_get_fs_options(fs);
    mount.read_only =
        options != nullptr && mnt_optstr_get_option(options, "ro", nullptr, nullptr) == 0;
    return mount;
}

int refuse_line(libmnt_table*, const char*, int)
{
    return -EINVAL;
}

} // namespace

Result<std::vector<Mount>> LinuxMountTable::read()
{
    const std::unique_ptr<libmnt_table, FreeTable> table{mnt_new_table()};
    const std::unique_ptr<libmnt_iter, FreeIterator> iterator{mnt_new_iter(MNT_ITER_FORWARD)};
    if (!table || !iterator) {
        return fail_errno("reading the mount table", ENOMEM);
    }
    mnt_table_set_parser_errcb(table.get(), refuse_line);
    if (const int error = mnt_table_parse_file(table.get(), file_.c_str()); error != 0) {
        return fail_errno("reading the mount table " + file_, error < 0 ? -error : EINVAL);
    }
    std::vector<Mount> mounts;
    libmnt_fs* fs = nullptr;
    while (mnt_table_next_fs(table.get(), iterator.get(), &fs) == 0) {
        mounts.push_back(to_mount(fs));
    }
    return mounts;
}

} // namespace frostline::system
