// SPDX-License-Identifier: Apache-2.0
/* A wait for a timer that a signal ends, and one that it does not. */

#include <sys/timerfd.h>
#include <time.h>

#include "poke.h"

static int timer;

static void set_it(int signo, siginfo_t *info)
{
    static const struct itimerspec soon = {.it_value = {0, 1}};

    (void)info;
    if (signo == SIGUSR2)
        OK(timerfd_settime, timer, 0, &soon, NULL);
}

SCENARIO
{
    uint64_t expired = 0;
    long child;

    timer = (int)OK(timerfd_create, CLOCK_MONOTONIC, TFD_CLOEXEC);
    kit_handle(SIGUSR1, 0, set_it);
    kit_handle(SIGUSR2, SA_RESTART, set_it);
    child = POKE(read, SIGUSR1);
    FAILS(EINTR, read, timer, &expired, sizeof(expired));
    kit_reap(child);
    child = POKE(read, SIGUSR2);
    OK(read, timer, &expired, sizeof(expired));
    kit_reap(child);
    if (expired != 1)
        kit_fail("the restarted read has not seen the timer");
}
