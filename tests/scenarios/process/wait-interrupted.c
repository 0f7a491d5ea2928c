// SPDX-License-Identifier: Apache-2.0
/* Waits that a signal interrupts, for good or for a moment. */

#include "powerless.h"

static volatile int handled;
static int pair[2];

static void count(int signo, siginfo_t *info)
{
    (void)signo;
    (void)info;
    handled++;
}

static void count_and_let_end(int signo, siginfo_t *info)
{
    count(signo, info);
    OK(write, pair[1], "x", 1);
}

/* Interrupts the wait for itself. */
static void interrupt_wait4(void *data)
{
    char byte;
    long parent = *(long *)data;

    kit_wait_asleep(parent, SYS_wait4);
    OK(kill, parent, SIGUSR1);
    OK(read, pair[0], &byte, 1);
    EXIT_GROUP(1);
}

static void interrupt_waitid(void *data)
{
    char byte;
    long parent = *(long *)data;

    kit_wait_asleep(parent, SYS_waitid);
    OK(kill, parent, SIGUSR1);
    OK(read, pair[0], &byte, 1);
    EXIT_GROUP(2);
}

static void for_good(void)
{
    int status;
    siginfo_t info;
    long self = kit_tid(), child;

    kit_handle(SIGUSR1, 0, count);
    child = kit_fork(interrupt_wait4, &self);
    FAILS(EINTR, wait4, child, &status, 0, NULL);
    OK(write, pair[1], "x", 1);
    kit_reap(child);
    child = kit_fork(interrupt_waitid, &self);
    FAILS(EINTR, waitid, P_PID, child, &info, WEXITED, NULL);
    OK(write, pair[1], "x", 1);
    kit_reap(child);
}

/* The call goes on behind the handler, which tells the child to end: before, the wait might be over without it. */
static void for_a_moment(void)
{
    long self = kit_tid(), child;

    kit_handle(SIGUSR1, SA_RESTART, count_and_let_end);
    child = kit_fork(interrupt_wait4, &self);
    kit_reap(child);
}

SCENARIO
{
    OK(pipe, pair);
    for_good();
    if (handled != 2)
        kit_fail("a signal did not come");
    for_a_moment();
    if (handled != 3)
        kit_fail("a signal did not come");
}
