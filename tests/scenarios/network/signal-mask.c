// SPDX-License-Identifier: Apache-2.0
/* Blocked signals: pending ones are seen, come once, and come when they are let. */

#include "network/signals.h"

static volatile int handled;

static void note(int signo, siginfo_t *info)
{
    (void)signo;
    (void)info;
    handled++;
}

static void failures(void)
{
    static uint64_t set = BIT(SIGUSR1);

    FAILS(EINVAL, rt_sigprocmask, 3, &set, NULL, 8);
    FAILS(EINVAL, rt_sigprocmask, SIG_BLOCK, &set, NULL, 4);
    FAILS(EFAULT, rt_sigprocmask, SIG_BLOCK, BAD, NULL, 8);
    FAILS(EFAULT, rt_sigprocmask, SIG_BLOCK, kit_at_edge(4), NULL, 8);
    FAILS(EFAULT, rt_sigprocmask, SIG_BLOCK, NULL, BAD, 8);
    FAILS(EFAULT, rt_sigpending, BAD, 8);
    FAILS(EINVAL, rt_sigpending, &set, 16);
}

SCENARIO
{
    static uint64_t set, old, pending;
    long self = kit_tid();

    kit_handle(SIGUSR1, 0, note);
    kit_handle(SIGUSR2, 0, note);
    OK(rt_sigprocmask, SIG_BLOCK, NULL, &old, 8);
    set = BIT(SIGUSR1) | BIT(SIGUSR2) | BIT(SIGKILL); /* the last of which cannot be */
    OK(rt_sigprocmask, SIG_BLOCK, &set, &old, 8);
    OK(rt_sigprocmask, SIG_SETMASK, NULL, &old, 8);
    OK(rt_sigpending, &pending, 8);
    OK(kill, self, SIGUSR1);
    OK(kill, self, SIGUSR1); /* one is pending, another makes no difference */
    OK(tkill, self, SIGUSR2);
    OK(rt_sigpending, &pending, 8);
    if (pending != (BIT(SIGUSR1) | BIT(SIGUSR2)) || handled)
        kit_fail("the signals were to wait");
    unblock(BIT(SIGUSR1));
    OK(rt_sigpending, &pending, 4); /* half a set is as much as was asked for */
    set = 0;
    OK(rt_sigprocmask, SIG_SETMASK, &set, &old, 8);
    if (handled != 2)
        kit_fail("two signals were to come");
    failures();
}
