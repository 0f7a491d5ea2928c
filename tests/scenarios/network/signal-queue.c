// SPDX-License-Identifier: Apache-2.0
/* Signals with values: real-time ones are queued in order, each of them; lower numbers come first. */

#include "network/signals.h"

static volatile int order[8];
static volatile int count;

static void note(int signo, siginfo_t *info)
{
    if (count < 8)
        order[count] = signo * 100 + info->si_value.sival_int;
    count++;
}

static siginfo_t *with_value(int value)
{
    static siginfo_t info;

    info = (siginfo_t){.si_code = SI_QUEUE};
    info.si_pid = (pid_t)kit_tid();
    info.si_uid = 4711; /* the sender may say what it likes */
    info.si_value.sival_int = value;
    return &info;
}

static void failures(long self)
{
    siginfo_t forged = {.si_code = SI_USER};

    FAILS(EFAULT, rt_sigqueueinfo, self, REALTIME, BAD);
    FAILS(EFAULT, rt_tgsigqueueinfo, self, self, REALTIME, kit_at_edge(20));
    FAILS(ESRCH, rt_sigqueueinfo, NOBODY, REALTIME, with_value(1));
    FAILS(EINVAL, rt_sigqueueinfo, self, 65, with_value(1));
    FAILS(ESRCH, rt_tgsigqueueinfo, self, NOBODY, REALTIME, with_value(1));
    FAILS(EINVAL, rt_tgsigqueueinfo, 0, self, REALTIME, with_value(1));
    FAILS(EPERM, rt_sigqueueinfo, OK(getppid), 0, &forged); /* only the kernel, and kill, may say that to others */
    OK(rt_sigqueueinfo, self, 0, with_value(1));
}

SCENARIO
{
    static const int expected[] = {3401, 3402, 3403, 3507, 3600};
    long self = kit_tid();

    for (int signo = REALTIME; signo < REALTIME + 3; signo++)
        kit_handle(signo, 0, note);
    OK(rt_sigqueueinfo, self, REALTIME, with_value(9));
    OK(rt_tgsigqueueinfo, self, self, REALTIME + 1, with_value(8));
    if (count != 2 || order[0] != 3409 || order[1] != 3508)
        kit_fail("the values are not those that were sent");
    count = 0;
    block(BIT(REALTIME) | BIT(REALTIME + 1) | BIT(REALTIME + 2));
    OK(tkill, self, REALTIME + 2);
    OK(rt_tgsigqueueinfo, self, self, REALTIME + 1, with_value(7));
    for (int i = 1; i < 4; i++)
        OK(rt_tgsigqueueinfo, self, self, REALTIME, with_value(i));
    for (int i = 0; i < 3; i++)
        unblock(BIT(REALTIME + i));
    for (int i = 0; i < 5; i++) {
        if (count != 5 || order[i] != expected[i])
            kit_fail("the signals came in another order");
    }
    failures(self);
}
