// SPDX-License-Identifier: Apache-2.0
#include "mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/types.h>

#include "common/cleanup.h"

/* What we know the code of. A stacked one (overlay) stands for what it is made of: its maker had the right to. */
static const struct plain_type {
    const char *name;
    unsigned long magic;
} plain_types[] = {
    {"ext4", EXT4_SUPER_MAGIC},
    {"xfs", XFS_SUPER_MAGIC},
    {"btrfs", BTRFS_SUPER_MAGIC},
    {"tmpfs", TMPFS_MAGIC},
    {"overlay", OVERLAYFS_SUPER_MAGIC},
    {"ext3", EXT3_SUPER_MAGIC},
    {"ext2", EXT2_SUPER_MAGIC},
    {"devtmpfs", TMPFS_MAGIC},
    {"ramfs", RAMFS_MAGIC},
    {"f2fs", F2FS_SUPER_MAGIC},
    {"rootfs", RAMFS_MAGIC},
    {"squashfs", SQUASHFS_MAGIC},
    {"erofs", EROFS_SUPER_MAGIC_V1},
    {"iso9660", ISOFS_SUPER_MAGIC},
};

int mounts_init(struct mounts *mounts, int task)
{
    cleanup_close int fd = openat(task, "mountinfo", O_RDONLY | O_CLOEXEC);

    *mounts = (struct mounts){0};
    if (fd < 0)
        return -errno;
    mounts->file = fdopen(fd, "r");
    if (!mounts->file)
        return -errno;
    (void)steal_fd(&fd);
    return 0;
}

static bool is_plain_type(const char *type, size_t size)
{
    for (size_t i = 0; i < sizeof(plain_types) / sizeof(*plain_types); i++) {
        if (strlen(plain_types[i].name) == size && !memcmp(plain_types[i].name, type, size))
            return true;
    }
    return false;
}

static bool is_plain_magic(unsigned long magic)
{
    for (size_t i = 0; i < sizeof(plain_types) / sizeof(*plain_types); i++) {
        if (plain_types[i].magic == magic)
            return true;
    }
    return false;
}

void mounts_know_root(struct mounts *mounts, int task)
{
    cleanup_close int root = openat(task, "root", O_PATH | O_CLOEXEC);
    struct statfs system;
    struct statx status;

    if (root < 0 || statx(root, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_MNT_ID, &status) < 0)
        return;
    if (status.stx_mask & STATX_MNT_ID && fstatfs(root, &system) == 0 && is_plain_magic((unsigned long)system.f_type))
        mounts->root = status.stx_mnt_id;
}

static bool add(struct mounts *mounts, uint64_t id)
{
    if (mounts->count == mounts->room) {
        size_t larger = mounts->room ? 2 * mounts->room : 32;
        uint64_t *grown = realloc(mounts->ids, larger * sizeof(*grown));

        if (!grown)
            return false;
        mounts->ids = grown;
        mounts->room = larger;
    }
    mounts->ids[mounts->count++] = id;
    return true;
}

/* "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw": blanks in names are written as \040. */
static void add_line(struct mounts *mounts, const char *line)
{
    const char *separator = strstr(line, " - ");
    uint64_t id = strtoull(line, NULL, 10);

    if (separator && is_plain_type(separator + 3, strcspn(separator + 3, " ")))
        (void)add(mounts, id); /* one that is missing is not plain */
}

static void read_table(struct mounts *mounts)
{
    cleanup_free char *line = NULL;
    size_t room = 0;

    mounts->count = 0;
    rewind(mounts->file);
    while (getline(&line, &room, mounts->file) > 0)
        add_line(mounts, line);
    mounts->read = true;
}

/* Has a mount come or gone since this was asked? */
static bool have_changed(const struct mounts *mounts)
{
    struct pollfd pollfd = {.fd = fileno(mounts->file), .events = POLLPRI};

    return poll(&pollfd, 1, 0) != 0;
}

bool mounts_is_plain(struct mounts *mounts, uint64_t id)
{
    bool changed = have_changed(mounts); /* asked before reading: what changes meanwhile shows the next time */

    if (id == mounts->root && mounts->root)
        return true;
    if (changed || !mounts->read)
        read_table(mounts);
    for (size_t i = 0; i < mounts->count; i++) {
        if (mounts->ids[i] == id)
            return true;
    }
    return false;
}

void mounts_finish(struct mounts *mounts)
{
    cleanup_fclose_file(&mounts->file);
    free(mounts->ids);
    *mounts = (struct mounts){0};
}
