// SPDX-License-Identifier: Apache-2.0
/* Alarms and interval timers. */

#include <sys/time.h>

#include "network/signals.h"

static volatile int count;

static void note(int signo, siginfo_t *info)
{
    (void)signo;
    (void)info;
    count++;
}

static void expire(void)
{
    static const struct itimerval soon = {.it_value.tv_usec = 1000};
    static uint64_t none;

    kit_handle(SIGALRM, 0, note);
    block(BIT(SIGALRM));
    OK(setitimer, ITIMER_REAL, &soon, NULL);
    FAILS(EINTR, rt_sigsuspend, &none, 8);
    unblock(BIT(SIGALRM));
    if (count != 1)
        kit_fail("there was to be one alarm");
}

SCENARIO
{
    static const struct itimerval late = {{.tv_sec = 500}, {.tv_sec = 1000}}, off,
                                  wrong = {.it_value.tv_usec = 1000000};
    static struct itimerval now;

    OK(alarm, 0);
    OK(alarm, 1000);
    if (OK(alarm, 0) != 1000)
        kit_fail("another alarm was set");
    OK(getitimer, ITIMER_REAL, &now);
    OK(setitimer, ITIMER_REAL, &late, &now);
    OK(getitimer, ITIMER_REAL, &now);
    OK(setitimer, ITIMER_REAL, &off, &now);
    OK(setitimer, ITIMER_VIRTUAL, &late, NULL);
    OK(setitimer, ITIMER_PROF, &late, &now);
    OK(getitimer, ITIMER_VIRTUAL, &now);
    OK(getitimer, ITIMER_PROF, &now);
    OK(setitimer, ITIMER_VIRTUAL, &off, NULL);
    OK(setitimer, ITIMER_PROF, &off, &now);
    expire();
    OK(getitimer, ITIMER_REAL, &now);
    FAILS(EINVAL, getitimer, 3, &now);
    FAILS(EFAULT, getitimer, ITIMER_REAL, BAD);
    FAILS(EINVAL, setitimer, 3, &late, NULL);
    FAILS(EINVAL, setitimer, ITIMER_REAL, &wrong, NULL);
    FAILS(EFAULT, setitimer, ITIMER_REAL, BAD, NULL);
    FAILS(EFAULT, setitimer, ITIMER_REAL, kit_at_edge(16), NULL);
}
