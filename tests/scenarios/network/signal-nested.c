// SPDX-License-Identifier: Apache-2.0
/* Handlers within handlers: by another signal, by the same one, and by none that the mask keeps out. */

#include "network/signals.h"

static volatile int depth, deepest, told;

static void note(int signo, siginfo_t *info)
{
    (void)info;
    depth++;
    if (depth > deepest)
        deepest = depth;
    OK(getpid);
    if (signo == SIGUSR1)
        OK(kill, kit_tid(), SIGUSR2);
    else if (signo == REALTIME && depth < 4)
        OK(tkill, kit_tid(), REALTIME);
    else if (signo == SIGURG && !told++)
        OK(tkill, kit_tid(), SIGURG); /* comes behind this one */
    OK(getppid);
    depth--;
}

static void expect(int expected)
{
    if (deepest != expected || depth)
        kit_fail("the handlers nested otherwise");
    deepest = 0;
}

SCENARIO
{
    static struct action ours;
    long self = kit_tid();

    kit_handle(SIGUSR1, 0, note);
    kit_handle(SIGUSR2, 0, note);
    kit_handle(REALTIME, SA_NODEFER, note);
    kit_handle(SIGURG, 0, note);
    OK(kill, self, SIGUSR1);
    expect(2);
    OK(kill, self, REALTIME);
    expect(4);
    OK(kill, self, SIGURG);
    expect(1);
    OK(rt_sigaction, SIGUSR1, NULL, &ours, 8);
    ours.mask = BIT(SIGUSR2); /* now the second waits until the first is done */
    OK(rt_sigaction, SIGUSR1, &ours, NULL, 8);
    OK(kill, self, SIGUSR1);
    expect(1);
}
