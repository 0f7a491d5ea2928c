// SPDX-License-Identifier: Apache-2.0
/* flock: shared and exclusive, tried and waited for, until a signal comes. */

#include <sys/file.h>

#include "kit/kit.h"

static void interrupt(void *data)
{
    kit_wait_asleep(*(long *)data, SYS_flock);
    OK(kill, *(long *)data, SIGUSR1);
}

/* The lock belongs to the open file, which parent and child share. */
static void unlock(void *data)
{
    kit_wait_asleep(((long *)data)[0], SYS_flock);
    OK(flock, ((long *)data)[1], LOCK_UN);
}

SCENARIO
{
    long fd = OK(open, "here", O_RDWR | O_CREAT, 0600);
    long again = OK(open, "here", O_RDONLY, 0);
    long same = OK(dup, fd);
    long for_child[2] = {kit_tid(), fd};
    long child;

    OK(flock, fd, LOCK_SH);
    OK(flock, again, LOCK_SH | LOCK_NB);
    FAILS(EAGAIN, flock, fd, LOCK_EX | LOCK_NB);
    OK(flock, again, LOCK_UN);
    OK(flock, same, LOCK_EX);
    FAILS(EAGAIN, flock, again, LOCK_SH | LOCK_NB);
    kit_handle(SIGUSR1, 0, NULL);
    child = kit_fork(interrupt, for_child);
    FAILS(EINTR, flock, again, LOCK_EX);
    kit_reap(child);
    child = kit_fork(unlock, for_child);
    OK(flock, again, LOCK_EX);
    kit_reap(child);
    FAILS(EINVAL, flock, fd, 0);
    FAILS(EINVAL, flock, fd, 0x1000);
    FAILS(EBADF, flock, 99, LOCK_SH);
    FAILS(EBADF, flock, -1, LOCK_EX | LOCK_NB);
}
