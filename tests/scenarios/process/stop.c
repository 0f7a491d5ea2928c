// SPDX-License-Identifier: Apache-2.0
/* Children that stop and go on, as their parent sees it. */

#include "powerless.h"

static int pair[2];

static void sleep_until_told(void *data)
{
    char byte;

    (void)data;
    OK(read, pair[0], &byte, 1);
    EXIT_GROUP(1);
}

static void by_waitid(void)
{
    siginfo_t info;
    long child = kit_fork(sleep_until_told, NULL);

    OK(setpgid, child, child); /* a group that nobody looks after does not stop by SIGTSTP: it gets one that we do */
    kit_wait_asleep(child, SYS_read);
    OK(waitid, P_PID, child, &info, WSTOPPED | WNOHANG, NULL);
    OK(kill, child, SIGTSTP);
    OK(waitid, P_PID, child, &info, WSTOPPED | WNOWAIT, NULL);
    OK(waitid, P_PID, child, &info, WSTOPPED, NULL);
    kit_stopped(child, SIGTSTP);
    if (info.si_code != CLD_STOPPED || info.si_status != SIGTSTP)
        kit_fail("the child did not stop");
    OK(kill, child, SIGCONT);
    OK(waitid, P_ALL, 0, &info, WCONTINUED, NULL);
    if (info.si_code != CLD_CONTINUED || info.si_status != SIGCONT)
        kit_fail("the child did not go on");
    OK(write, pair[1], "x", 1);
    kit_reap(child);
}

static void by_wait4(void)
{
    int status;
    long child = kit_fork(sleep_until_told, NULL);

    kit_wait_asleep(child, SYS_read);
    OK(kill, child, SIGSTOP);
    OK(wait4, child, &status, WUNTRACED, NULL);
    kit_stopped(child, SIGSTOP);
    if (status != (SIGSTOP << 8 | 0x7f))
        kit_fail("the child did not stop");
    OK(wait4, child, &status, WUNTRACED | WNOHANG, NULL);
    OK(kill, child, SIGCONT);
    OK(wait4, child, &status, WCONTINUED, NULL);
    if (status != 0xffff)
        kit_fail("the child did not go on");
    OK(write, pair[1], "x", 1);
    kit_reap(child);
}

SCENARIO
{
    OK(pipe, pair);
    by_waitid();
    by_wait4();
}
