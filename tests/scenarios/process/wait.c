// SPDX-License-Identifier: Apache-2.0
/* Waiting for children, by wait4 and waitid, with all that they tell. */

#include <sys/resource.h>

#include "powerless.h"

static void leave(void *data)
{
    EXIT_GROUP(*(int *)data);
}

static void by_waitid(void)
{
    int status = 7;
    siginfo_t info;
    long child = kit_fork(leave, &status);

    kit_await(child);
    OK(waitid, P_PID, child, &info, WEXITED | WNOWAIT, NULL);
    OK(waitid, P_ALL, 0, NULL, WEXITED | WNOWAIT, NULL);
    OK(waitid, P_PID, child, &info, WEXITED, NULL);
    if (info.si_code != CLD_EXITED || info.si_status != 7)
        kit_fail("a child ended otherwise");
}

static void by_wait4(void)
{
    int status = 8;
    struct rusage usage;
    long child = kit_fork(leave, &status);

    kit_await(child);
    OK(wait4, -1, &status, WNOHANG, &usage);
    if (status != 8 << 8)
        kit_fail("a child ended otherwise");
    child = kit_fork(leave, &status); /* 2048: no bit of it is left */
    kit_await(child);
    OK(wait4, 0, NULL, 0, NULL);
}

static void sleeper(void *data)
{
    char byte;

    OK(read, *(int *)data, &byte, 1);
    EXIT_GROUP(0);
}

static void nothing_yet(void)
{
    int pair[2], status = 0;
    siginfo_t info;
    long child;

    OK(pipe, pair);
    child = kit_fork(sleeper, &pair[0]);
    OK(wait4, child, &status, WNOHANG, NULL);
    memset(&info, 0xff, sizeof(info));
    OK(waitid, P_PID, child, &info, WEXITED | WNOHANG, NULL);
    OK(write, pair[1], "x", 1);
    kit_reap(child);
}

SCENARIO
{
    int status;
    siginfo_t info;

    FAILS(ECHILD, wait4, -1, &status, 0, NULL);
    FAILS(ECHILD, wait4, NO_SUCH_PID, &status, WNOHANG, NULL);
    FAILS(EINVAL, wait4, -1, &status, 0x100, NULL);
    FAILS(ECHILD, waitid, P_ALL, 0, &info, WEXITED, NULL);
    FAILS(EINVAL, waitid, P_ALL, 0, &info, 0, NULL);
    FAILS(EINVAL, waitid, 99, 0, &info, WEXITED, NULL);
    FAILS(EINVAL, waitid, P_PID, 0, &info, WEXITED, NULL);
    by_waitid();
    by_wait4();
    nothing_yet();
}
