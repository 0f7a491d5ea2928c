// SPDX-License-Identifier: Apache-2.0
/* Threads share their descriptors, until one unshares them: what one closes is closed for the other, in the midst of a
 * call as well. */

#include "kit/kit.h"

#define FILES 0x400 /* CLONE_FILES */

static int pair[2];
static char back[100];
static long leader;

static void change(void *data)
{
    OK(close, *(long *)data);
    OK(dup2, pair[0], 40);
    OK(fcntl, pair[1], F_DUPFD_CLOEXEC, 41);
}

static void interrupt(void *data)
{
    (void)data;
    kit_wait_asleep(leader, SYS_read);
    OK(tgkill, leader, leader, SIGUSR1);
}

/* Of the descriptor that the leader reads from. */
static void close_and_feed(void *data)
{
    (void)data;
    kit_wait_asleep(leader, SYS_read);
    OK(close, 40);
    OK(write, pair[1], "go on", 5);
}

static void change_own(void *data)
{
    FAILS(EBADF, close, *(long *)data);
    OK(unshare, FILES);
    OK(close, 41);
    OK(dup2, pair[0], 45);
    FAILS(EBADF, fcntl, 41, F_GETFD);
}

SCENARIO
{
    long fd = OK(open, "here", O_RDWR | O_CREAT, 0600);

    leader = kit_tid();
    OK(pipe, pair);
    kit_join(kit_clone(KIT_THREAD, change, &fd));
    kit_descriptors();
    FAILS(EBADF, write, fd, "closed", 6);
    kit_handle(SIGUSR1, 0, NULL);
    fd = kit_clone(KIT_THREAD, interrupt, NULL);
    FAILS(EINTR, read, 40, back, sizeof(back));
    kit_join(fd);
    fd = kit_clone(KIT_THREAD, close_and_feed, NULL);
    OK(read, 40, back, sizeof(back));
    kit_join(fd);
    FAILS(EBADF, read, 40, back, sizeof(back));
    kit_descriptors();
    fd = 40;
    kit_join(kit_clone(KIT_THREAD, change_own, &fd));
    OK(fcntl, 41, F_GETFD);
    kit_descriptors();
}
