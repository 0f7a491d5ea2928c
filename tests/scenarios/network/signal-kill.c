// SPDX-License-Identifier: Apache-2.0
/* Every call that sends a signal, to oneself and to a child, and to those who are not there. */

#include "network/signals.h"

static volatile int count;

static void note(int signo, siginfo_t *info)
{
    (void)signo;
    if (info->si_pid == kit_tid())
        count++;
}

static void to_oneself(long self)
{
    OK(kill, self, 0);
    OK(kill, self, SIGUSR1);
    OK(tkill, self, SIGUSR1);
    OK(tgkill, self, self, SIGUSR1);
    OK(tgkill, self, self, 0);
    if (count != 3)
        kit_fail("not every signal came");
}

static void waiting(void *data)
{
    uint64_t none = 0;

    (void)data;
    FAILS(EINTR, rt_sigsuspend, &none, 8);
    EXIT_GROUP(count == 0 ? 5 : 6); /* its sender was somebody else */
}

static void to_a_child(void)
{
    long child;

    block(BIT(SIGUSR1));
    child = kit_fork(waiting, NULL);
    OK(kill, child, SIGUSR1);
    unblock(BIT(SIGUSR1));
    OK(kill, child, 0);
    kit_reap(child);
    FAILS(ESRCH, kill, child, 0);
}

static void to_nobody(long self)
{
    FAILS(ESRCH, kill, NOBODY, SIGUSR1);
    FAILS(ESRCH, kill, -NOBODY, 0);
    FAILS(EINVAL, kill, self, 65);
    FAILS(EINVAL, kill, self, -1);
    FAILS(ESRCH, tkill, NOBODY, 0);
    FAILS(EINVAL, tkill, 0, SIGUSR1);
    FAILS(EINVAL, tkill, self, 65);
    FAILS(ESRCH, tgkill, self, NOBODY, SIGUSR1);
    FAILS(ESRCH, tgkill, NOBODY, self, SIGUSR1);
    FAILS(EINVAL, tgkill, -1, self, SIGUSR1);
    FAILS(EINVAL, tgkill, self, self, 65);
}

SCENARIO
{
    long self = kit_tid();

    kit_handle(SIGUSR1, 0, note);
    to_oneself(self);
    count = 0;
    to_a_child();
    to_nobody(self);
}
