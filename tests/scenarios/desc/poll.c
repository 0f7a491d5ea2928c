// SPDX-License-Identifier: Apache-2.0
/* poll and ppoll: ready, not ready, closed, very many, and a signal. */

#include <poll.h>

#include "kit/kit.h"

static int pair[2];
static struct pollfd fds[1000];
static struct timespec at_once, a_while = {.tv_sec = 60};
static uint64_t no_signals, usr1 = UINT64_C(1) << (SIGUSR1 - 1);

static void interrupt_poll(void *data)
{
    kit_wait_asleep(*(long *)data, SYS_poll);
    OK(kill, *(long *)data, SIGUSR1);
}

static void interrupt_ppoll(void *data)
{
    kit_wait_asleep(*(long *)data, SYS_ppoll);
    OK(kill, *(long *)data, SIGUSR1);
}

/* A signal that is ignored: where somebody traces, the kernel goes on by restart_syscall. */
static void disturb_poll(void *data)
{
    kit_wait_asleep(*(long *)data, SYS_poll);
    OK(kill, *(long *)data, SIGCONT);
    kit_pause_ms(5);
    OK(write, pair[1], "x", 1);
}

static void wait_for_signals(void)
{
    long self = kit_tid();
    char back;
    long child;

    child = kit_fork(disturb_poll, &self);
    OK(poll, fds, 1, 60000);
    kit_reap(child);
    OK(read, pair[0], &back, 1);
    kit_handle(SIGUSR1, SA_RESTART, NULL); /* which makes no difference here */
    child = kit_fork(interrupt_poll, &self);
    FAILS(EINTR, poll, fds, 1, 60000);
    kit_reap(child);
    OK(rt_sigprocmask, SIG_BLOCK, &usr1, NULL, 8);
    child = kit_fork(interrupt_ppoll, &self);
    FAILS(EINTR, ppoll, fds, 1, &a_while, &no_signals, 8);
    kit_reap(child);
}

SCENARIO
{
    OK(pipe, pair);
    fds[0] = (struct pollfd){.fd = pair[0], .events = POLLIN};
    fds[1] = (struct pollfd){.fd = pair[1], .events = POLLOUT | POLLIN};
    fds[2] = (struct pollfd){.fd = 99, .events = POLLIN};
    for (int i = 3; i < 1000; i++)
        fds[i].fd = -i;
    OK(poll, fds, 1, 0);
    OK(ppoll, fds, 1, &at_once, NULL, 0);
    wait_for_signals();
    OK(write, pair[1], "x", 1);
    OK(poll, fds, 2, -1);
    OK(poll, fds, 3, INT_MIN);
    OK(ppoll, fds, 3, NULL, &no_signals, 8);
    OK(poll, fds, 1000, 0); /* more than a record holds */
    OK(close, pair[1]);
    OK(poll, fds, 3, 0);
    OK(poll, NULL, 0, 0);
    OK(poll, BAD, 0, 1);
    OK(ppoll, NULL, 0, &at_once, NULL, 0);
    memcpy(kit_at_edge(2 * sizeof(*fds)), fds, 2 * sizeof(*fds));
    OK(poll, kit_at_edge(2 * sizeof(*fds)), 2, 0);
    FAILS(EFAULT, poll, kit_at_edge(2 * sizeof(*fds)), 3, 0);
    FAILS(EFAULT, poll, kit_at_edge(5), 1, 0); /* part of one */
    FAILS(EFAULT, poll, BAD, 1, 0);
    FAILS(EINVAL, poll, kit_at_edge(2 * sizeof(*fds)), UINT_MAX, 0); /* more than there can be */
    FAILS(EFAULT, poll, NULL, 1, 0);
    FAILS(EFAULT, ppoll, BAD, 1, &at_once, NULL, 0);
    FAILS(EFAULT, ppoll, fds, 1, BAD, NULL, 0);
    FAILS(EFAULT, ppoll, fds, 1, &at_once, BAD, 8);
    FAILS(EINVAL, ppoll, fds, 1, &at_once, &no_signals, 3);
}
