// SPDX-License-Identifier: Apache-2.0
/* Signals that are taken instead of handled. */

#include "network/signals.h"

static void note(int signo, siginfo_t *info)
{
    (void)signo;
    (void)info;
}

static void waiting(void *data)
{
    static siginfo_t info;
    static const struct timespec limit = {.tv_sec = 20};
    uint64_t set = BIT(REALTIME) | BIT(SIGUSR1);

    (void)data;
    FAILS(EINTR, rt_sigtimedwait, &set, &info, &limit, 8); /* by a signal that is handled */
    if (OK(rt_sigtimedwait, &set, &info, NULL, 8) != REALTIME)
        kit_fail("another signal came");
    EXIT_GROUP(info.si_signo);
}

SCENARIO
{
    static siginfo_t info;
    static const struct timespec none = {0}, moment = {.tv_nsec = 1000000}, wrong = {.tv_nsec = 1000000000};
    static uint64_t set = BIT(REALTIME) | BIT(SIGUSR1);
    long self = kit_tid();
    long child;

    kit_handle(SIGUSR2, 0, note);
    block(set);
    FAILS(EAGAIN, rt_sigtimedwait, &set, &info, &none, 8);
    FAILS(EAGAIN, rt_sigtimedwait, &set, NULL, &moment, 8);
    OK(kill, self, REALTIME);
    OK(kill, self, SIGUSR1);
    OK(rt_sigtimedwait, &set, &info, &none, 8); /* the lower number */
    OK(rt_sigtimedwait, &set, NULL, NULL, 8);
    FAILS(EINVAL, rt_sigtimedwait, &set, &info, &wrong, 8);
    FAILS(EINVAL, rt_sigtimedwait, &set, &info, &none, 4);
    FAILS(EFAULT, rt_sigtimedwait, BAD, &info, &none, 8);
    FAILS(EFAULT, rt_sigtimedwait, &set, &info, BAD, 8);
    OK(kill, self, SIGUSR1);
    FAILS(EFAULT, rt_sigtimedwait, &set, BAD, &none, 8); /* it is gone nevertheless */
    FAILS(EAGAIN, rt_sigtimedwait, &set, &info, &none, 8);
    child = kit_fork(waiting, NULL);
    kit_wait_asleep(child, SYS_rt_sigtimedwait);
    OK(kill, child, SIGUSR2);
    kit_wait_asleep(child, SYS_rt_sigtimedwait);
    OK(kill, child, REALTIME);
    kit_reap(child);
}
