// SPDX-License-Identifier: Apache-2.0
/* close and close_range: one, many, none; in a table that is shared, and in one that no longer is. */

#include "kit/kit.h"

#define UNSHARE 2
#define CLOEXEC 4

/* In a process that shares its parent's descriptors. */
static void close_shared(void *data)
{
    OK(close, *(long *)data);
    OK(close_range, 20, 25, UNSHARE); /* from here on its own */
    kit_descriptors();
    EXIT_GROUP(0);
}

SCENARIO
{
    long fd = OK(open, "here", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    long child;

    OK(close, fd);
    FAILS(EBADF, close, fd);
    FAILS(EBADF, close, -1);
    FAILS(EBADF, close, INT_MAX);
    FAILS(EBADF, close, 63);
    kit_descriptors();
    fd = OK(open, "here", O_RDWR, 0);
    for (int to = 20; to < 30; to++)
        OK(dup2, fd, to);
    OK(close, 22);
    OK(close_range, 28, 28, 0);
    kit_descriptors();
    child = kit_clone(0x400 | SIGCHLD, close_shared, &fd); /* CLONE_FILES */
    kit_reap(child);
    kit_descriptors();
    OK(close_range, 21, 24, 0);
    OK(close_range, 60, UINT_MAX, 0);  /* nothing is there */
    TRY(close_range, 25, 25, CLOEXEC); /* Linux 5.11 */
    kit_descriptors();
    FAILS(EINVAL, close_range, 9, 8, 0);
    FAILS(EINVAL, close_range, 60, 61, 0x100);
    OK(close_range, 20, UINT_MAX, 0);
    kit_descriptors();
}
