// SPDX-License-Identifier: Apache-2.0
/* Whose children one waits for: a thread's, a group's, one behind a descriptor. */

#include "powerless.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

static int pidfd_refusal;
static int gate[2];
static long child_of_a_thread;

static void find_out(void)
{
    siginfo_t info;

    if (waitid(P_PIDFD, 1 << 20, &info, WEXITED) < 0)
        pidfd_refusal = errno; /* EBADF, but in kernels before 5.4, and elsewhere */
}
BEFORE(find_out)

static void leave(void *data)
{
    EXIT_GROUP((int)(intptr_t)data);
}

static void sleep_until_told(void *data)
{
    char byte;

    OK(read, gate[0], &byte, 1);
    EXIT_GROUP((int)(intptr_t)data);
}

static void have_a_child(void *data)
{
    int status;

    (void)data;
    child_of_a_thread = kit_fork(leave, (void *)3);
    kit_await(child_of_a_thread);
    OK(wait4, child_of_a_thread, &status, __WNOTHREAD, NULL);
    child_of_a_thread = kit_fork(leave, (void *)4);
    kit_await(child_of_a_thread);
    FAILS(ECHILD, wait4, child_of_a_thread, &status, __WCLONE, NULL);
}

/* The second child of a thread that has ended is waited for by another. */
static void of_a_thread(void)
{
    int status;
    long thread = kit_clone(KIT_THREAD, have_a_child, NULL);

    kit_join(thread);
    FAILS(ECHILD, wait4, -1, &status, __WCLONE, NULL);
    OK(wait4, -1, &status, 0, NULL);
    if (status != 4 << 8)
        kit_fail("the child of a thread ended otherwise");
}

static void of_a_group(void)
{
    siginfo_t info;
    int status;
    long first = kit_fork(sleep_until_told, (void *)5), second = kit_fork(sleep_until_told, (void *)6);

    OK(setpgid, first, first);
    OK(setpgid, second, first);
    OK(wait4, -first, &status, WNOHANG, NULL);
    OK(write, gate[1], "xx", 2);
    kit_await(first);
    kit_await(second);
    FAILS(ECHILD, waitid, P_PGID, NO_SUCH_PID, &info, WEXITED, NULL);
    FAILS(ECHILD, wait4, 0, &status, 0, NULL); /* ours is another group */
    OK(waitid, P_PID, second, &info, WEXITED, NULL);
    OK(wait4, -first, &status, 0, NULL);
    if (status != 5 << 8)
        kit_fail("a child in a group ended otherwise");
}

static void behind_a_descriptor(void)
{
    siginfo_t info;
    long child = kit_fork(leave, (void *)7), fd;

    kit_await(child);
    if (pidfd_refusal == EBADF) {
        fd = OK(pidfd_open, child, 0);
        OK(waitid, P_PIDFD, fd, &info, WEXITED | WNOWAIT, NULL);
        OK(close, fd);
        FAILS(EBADF, waitid, P_PIDFD, 99, &info, WEXITED, NULL);
        FAILS(EINVAL, waitid, P_PIDFD, -1, &info, WEXITED, NULL);
    }
    OK(wait4, child, NULL, 0, NULL);
}

SCENARIO
{
    OK(pipe, gate);
    of_a_thread();
    of_a_group();
    behind_a_descriptor();
}
