// SPDX-License-Identifier: Apache-2.0
/* A process that is stopped and continued while it sleeps: its sleep goes on, by restart_syscall. */

#include <time.h>

#include "network/signals.h"

static void sleeping(void *data)
{
    static const struct timespec duration = {.tv_nsec = 200000000};
    static struct timespec left = {1, 2};

    (void)data;
    OK(nanosleep, &duration, &left);
}

static void stop(long child, long nr)
{
    static int status;

    kit_wait_asleep(child, nr);
    OK(kill, child, SIGSTOP);
    OK(wait4, child, &status, WUNTRACED, NULL);
    OK(kill, child, SIGCONT);
    OK(wait4, child, &status, WCONTINUED, NULL);
}

SCENARIO
{
    long child = kit_fork(sleeping, NULL);

    stop(child, SYS_nanosleep);
    if (kit_reap(child) != 0)
        kit_fail("the child did not end as it should");
}
