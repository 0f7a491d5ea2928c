// SPDX-License-Identifier: Apache-2.0
/* A sleep that is interrupted by a stop goes on where it was: the kernel makes restart_syscall of it, and whoever
 * makes that call once more is told how it went. */

#include <time.h>

#include "powerless.h"

static void sleeper(void *data)
{
    const struct timespec duration = {.tv_nsec = 600000000};
    struct timespec left;

    (void)data;
    FAILS(EINTR, restart_syscall); /* there is nothing to restart */
    OK(nanosleep, &duration, &left);
    OK(restart_syscall);
    EXIT_GROUP(9);
}

SCENARIO
{
    int status = 0;
    long child = kit_fork(sleeper, NULL);

    kit_wait_asleep(child, SYS_nanosleep);
    OK(kill, child, SIGSTOP);
    OK(wait4, child, &status, WUNTRACED, NULL);
    kit_stopped(child, SIGSTOP);
    if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGSTOP)
        kit_fail("the child did not stop");
    OK(kill, child, SIGCONT);
    OK(wait4, child, &status, WCONTINUED, NULL);
    if (!WIFCONTINUED(status))
        kit_fail("the child did not go on");
    if (kit_reap(child) != 9 << 8)
        kit_fail("the child ended otherwise");
}
