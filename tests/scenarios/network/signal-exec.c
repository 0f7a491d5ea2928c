// SPDX-License-Identifier: Apache-2.0
/* What an exec leaves of signals: what is ignored, blocked and pending; handlers it takes away. */

#include "network/signals.h"

static volatile int handled;

static void note(int signo, siginfo_t *info)
{
    (void)info;
    handled = signo;
}

static void executed(void)
{
    static struct action old;
    static uint64_t set, pending;

    OK(rt_sigaction, SIGUSR1, NULL, &old, 8);
    if (old.handler != (uintptr_t)SIG_IGN)
        kit_fail("what was ignored is no longer");
    OK(rt_sigaction, SIGUSR2, NULL, &old, 8);
    if (old.handler)
        kit_fail("a handler has outlived its program");
    OK(rt_sigprocmask, SIG_BLOCK, NULL, &set, 8);
    OK(rt_sigpending, &pending, 8);
    if (set != (BIT(SIGUSR2) | BIT(REALTIME)) || pending != set)
        kit_fail("signals were to be blocked and pending");
    OK(kill, kit_tid(), SIGUSR1);
    kit_handle(SIGUSR2, 0, note);
    unblock(BIT(SIGUSR2));
    if (handled != SIGUSR2)
        kit_fail("the signal did not come");
    kit_handle(REALTIME, SA_RESETHAND, note);
    unblock(BIT(REALTIME));
    if (handled != REALTIME)
        kit_fail("the other signal did not come");
}

static void child(void *data)
{
    static const struct action ignore = {.handler = (uintptr_t)SIG_IGN};
    char *const argv[] = {(char *)kit_self(), (char *)"executed", NULL};

    (void)data;
    OK(rt_sigaction, SIGUSR1, &ignore, NULL, 8);
    kit_handle(SIGUSR2, 0, note);
    block(BIT(SIGUSR2) | BIT(REALTIME));
    OK(kill, kit_tid(), SIGUSR2);
    OK(kill, kit_tid(), REALTIME);
    EXECVE(kit_self(), argv, kit_environment());
}

SCENARIO
{
    if (*argument) {
        executed();
        return;
    }
    if (kit_reap(kit_fork(child, NULL)) != 0)
        kit_fail("the child did not end as it should");
}
