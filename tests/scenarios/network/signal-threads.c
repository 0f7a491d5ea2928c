// SPDX-License-Identifier: Apache-2.0
/* Signals among threads: to one of them, and to the process, where one alone lets them in. */

#include "network/signals.h"

static volatile long handled_by;
static volatile int count;

static void note(int signo, siginfo_t *info)
{
    (void)signo;
    (void)info;
    handled_by = kit_tid();
    count++;
}

static void waiting(void *data)
{
    static uint64_t none, pending;

    (void)data;
    FAILS(EINTR, rt_sigsuspend, &none, 8);
    FAILS(EINTR, rt_sigsuspend, &none, 8);
    OK(rt_sigpending, &pending, 8);
}

SCENARIO
{
    static uint64_t pending;
    long self = kit_tid();
    long thread;

    kit_handle(SIGUSR1, 0, note);
    kit_handle(REALTIME, 0, note);
    block(BIT(SIGUSR1) | BIT(REALTIME)); /* the thread inherits that */
    thread = kit_clone(KIT_THREAD, waiting, NULL);
    kit_wait_asleep(thread, SYS_rt_sigsuspend);
    OK(tgkill, self, thread, REALTIME);
    kit_wait_asleep(thread, SYS_rt_sigsuspend);
    if (handled_by != thread)
        kit_fail("another thread handled what was the first's");
    handled_by = 0;
    OK(kill, self, SIGUSR1); /* to whoever will have it */
    kit_join(thread);
    OK(rt_sigpending, &pending, 8);
    if (handled_by != thread || count != 2 || pending)
        kit_fail("the thread that waited was to handle both");
    FAILS(ESRCH, tkill, thread, SIGUSR1);
    FAILS(ESRCH, tgkill, self, thread, SIGUSR1);
}
