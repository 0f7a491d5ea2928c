/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_NOTIFY_MOUNTS_H
#define SYSFOLD_NOTIFY_MOUNTS_H

/*
 * Which mounts are of plain local file systems: there nobody but the disk can
 * keep us waiting, and a file is the same whoever opens it. From the mount
 * table, since asking the file system itself (statfs) may already hang: FUSE.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct mounts {
    FILE *file;    /* mountinfo, of the mount namespace that it was opened in */
    uint64_t *ids; /* of the plain ones */
    size_t count, room;
    bool read;
    uint64_t root; /* another plain one: mounts_know_root()'s; 0: none */
};

/* `task`: the directory below /proc of a process. */
int mounts_init(struct mounts *mounts, int task);
/* A mount table begins at the root: the mount that this is in is not in it, below a chroot into the middle of one. It
 * is asked itself (statfs): of ourselves, who live there, and nobody else. */
void mounts_know_root(struct mounts *mounts, int task);
/* The id must be of a mount that is held (by a descriptor): else it may be another's by now. */
bool mounts_is_plain(struct mounts *mounts, uint64_t id);
void mounts_finish(struct mounts *mounts);

#endif
