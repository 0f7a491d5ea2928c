// SPDX-License-Identifier: Apache-2.0
/* Waiting for any signal: pause and rt_sigsuspend, whose mask lets one in that is pending. */

#include "network/signals.h"

static volatile int handled;

static void note(int signo, siginfo_t *info)
{
    (void)signo;
    (void)info;
    handled++;
}

static void child(void *data)
{
    (void)data;
    FAILS(EINTR, pause);
    FAILS(EINTR, pause);
    EXIT_GROUP(handled);
}

SCENARIO
{
    static uint64_t set;
    long self = kit_tid();
    long pid;

    kit_handle(SIGUSR1, 0, note);
    kit_handle(SIGUSR2, SA_RESTART, note); /* pause is interrupted all the same */
    pid = kit_fork(child, NULL);
    kit_wait_asleep(pid, SYS_pause);
    OK(kill, pid, SIGUSR2);
    kit_wait_asleep(pid, SYS_pause);
    OK(tkill, pid, SIGUSR1);
    if (kit_reap(pid) != 2 << 8)
        kit_fail("the child was to handle two signals");
    block(BIT(SIGUSR1) | BIT(SIGUSR2));
    OK(kill, self, SIGUSR1);
    OK(kill, self, SIGUSR2);
    set = BIT(SIGUSR2);
    FAILS(EINTR, rt_sigsuspend, &set, 8);
    set = BIT(SIGUSR1);
    FAILS(EINTR, rt_sigsuspend, &set, 8);
    if (handled != 2)
        kit_fail("each was to let one signal in");
    set = 0; /* another call than the one that was interrupted */
    FAILS(EINVAL, rt_sigsuspend, &set, 4);
    FAILS(EFAULT, rt_sigsuspend, BAD, 8);
}
