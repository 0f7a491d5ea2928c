/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_NOTIFY_OPENING_H
#define SYSFOLD_NOTIFY_OPENING_H

/*
 * A call of the open family, made in this process on somebody's behalf who is
 * like this process. The file is looked at before it is opened: anything but
 * a regular file, a directory or /dev/null and the like, on a plain file
 * system, is left to the caller; and so is what the kernel would have to wait
 * for while it follows the path, which is anything that it has not cached.
 */

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "backends/notify/mounts.h"

struct opener {
    int task; /* our own directory below /proc */
    struct mounts mounts;
    bool devices; /* /dev/null and the like as well: callers have our cgroup */
};

struct opening {
    uint64_t flags;
    uint64_t mode;
    uint64_t resolve; /* openat2's */
    mode_t umask;     /* the caller's, where a file may be created */
    int dirfd;        /* where a relative path begins, perhaps with O_PATH; -1: it is absolute */
    const char *path;
};

struct opened {
    uint64_t ino;
    uint32_t dev; /* as proc_encode_dev() has it */
    uint16_t path_size;
    bool created;    /* to do it again would not do the same */
    char path[4096]; /* not terminated; none where the kernel cannot tell it */
};

#define OPENING_LARGEFILE 0100000 /* the kernel's O_LARGEFILE: glibc's is 0 on x86-64 */
#define OPENING_TMPFILE (O_TMPFILE & ~O_DIRECTORY)
/* All flags that open() knows. Others it ignores, and openat2() refuses. */
#define OPENING_FLAGS                                                                                                  \
    ((uint64_t)(O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK | O_SYNC | O_ASYNC |         \
                O_DIRECT | OPENING_LARGEFILE | O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC | O_PATH |             \
                OPENING_TMPFILE))

/* Not a result: the caller is to make the call. */
#define OPENING_LEFT (-4096)

int opener_init(struct opener *opener, bool devices);
/* Could such a call be made here, whatever its path? */
bool opening_is_possible(uint64_t flags, uint64_t mode, uint64_t resolve);
/* A descriptor; a negative errno that is the caller's result; or OPENING_LEFT: nothing has happened. */
int opener_open(struct opener *opener, const struct opening *opening, struct opened *ret_opened);
void opener_finish(struct opener *opener);

#endif
