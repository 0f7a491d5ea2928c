// SPDX-License-Identifier: Apache-2.0
/* What is to be done about a signal: set, asked for, reset, ignored, and refused. */

#include "network/signals.h"

static volatile int handled;

static void note(int signo, siginfo_t *info)
{
    (void)info;
    handled += signo;
}

SCENARIO
{
    static struct action set, old;
    long self = kit_tid();

    OK(rt_sigaction, SIGUSR1, NULL, &old, 8);
    set = (struct action){.handler = (uintptr_t)SIG_IGN, .flags = SA_RESTART | SA_NOCLDSTOP, .mask = BIT(SIGUSR2)};
    OK(rt_sigaction, SIGUSR1, &set, &old, 8);
    OK(kill, self, SIGUSR1); /* nothing happens */
    OK(rt_sigaction, SIGUSR1, NULL, &old, 8);
    if (old.handler != (uintptr_t)SIG_IGN || old.mask != BIT(SIGUSR2))
        kit_fail("the action is not what was set");
    kit_handle(SIGUSR1, SA_RESETHAND, note);
    OK(kill, self, SIGUSR1);
    OK(rt_sigaction, SIGUSR1, NULL, &old, 8);
    if (handled != SIGUSR1 || old.handler)
        kit_fail("the handler was to run once");
    kit_handle(SIGUSR1, SA_NODEFER | SA_ONSTACK | SA_NOCLDWAIT, note);
    OK(rt_sigaction, SIGUSR1, NULL, &old, 8);
    OK(kill, self, SIGCHLD); /* ignored without anybody's saying */
    OK(kill, self, SIGWINCH);
    set = (struct action){.handler = (uintptr_t)SIG_DFL};
    OK(rt_sigaction, 64, &set, &old, 8);
    FAILS(EINVAL, rt_sigaction, SIGKILL, &set, NULL, 8);
    OK(rt_sigaction, SIGKILL, NULL, &old, 8);
    FAILS(EINVAL, rt_sigaction, SIGSTOP, &set, NULL, 8);
    FAILS(EINVAL, rt_sigaction, 0, &set, NULL, 8);
    FAILS(EINVAL, rt_sigaction, 65, &set, NULL, 8);
    FAILS(EINVAL, rt_sigaction, SIGUSR1, &set, NULL, 16);
    FAILS(EFAULT, rt_sigaction, SIGUSR1, BAD, NULL, 8);
    FAILS(EFAULT, rt_sigaction, SIGUSR1, kit_at_edge(24), NULL, 8);
    FAILS(EFAULT, rt_sigaction, SIGUSR1, NULL, BAD, 8);
    *(struct action *)kit_at_edge(sizeof(set)) = set;
    OK(rt_sigaction, SIGUSR1, kit_at_edge(sizeof(set)), NULL, 8);
}
