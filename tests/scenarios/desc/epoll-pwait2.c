// SPDX-License-Identifier: Apache-2.0
/* epoll_pwait2: timeouts in nanoseconds. */

#include <sys/epoll.h>
#include <unistd.h>

#include "kit/kit.h"

#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441
#endif

static struct epoll_event event = {.events = EPOLLIN, .data.u64 = 5}, events[3];
static uint64_t no_signals;
static struct timespec at_once, soon = {.tv_nsec = 1000000}, wrong = {.tv_nsec = -1};

static void look(void)
{
    if (syscall(SYS_epoll_pwait2, -1, NULL, 1, NULL, NULL, 0) < 0 && errno == ENOSYS)
        kit_skip("this kernel has no epoll_pwait2");
}

BEFORE(look)

static void interrupt(void *data)
{
    kit_wait_asleep(*(long *)data, SYS_epoll_pwait2);
    OK(kill, *(long *)data, SIGUSR1);
}

SCENARIO
{
    long epoll = OK(epoll_create1, 0);
    long self = kit_tid();
    int pair[2];
    long child;

    OK(pipe, pair);
    OK(epoll_ctl, epoll, EPOLL_CTL_ADD, pair[0], &event);
    OK(epoll_pwait2, epoll, events, 3, &at_once, NULL, 0);
    OK(epoll_pwait2, epoll, events, 3, &soon, &no_signals, 8);
    kit_handle(SIGUSR1, 0, NULL);
    child = kit_fork(interrupt, &self);
    FAILS(EINTR, epoll_pwait2, epoll, events, 3, NULL, &no_signals, 8);
    kit_reap(child);
    OK(write, pair[1], "x", 1);
    OK(epoll_pwait2, epoll, events, 3, NULL, NULL, 0);
    OK(epoll_pwait2, epoll, kit_at_edge(12), 1, &at_once, NULL, 0);
    FAILS(EINVAL, epoll_pwait2, epoll, events, 0, &at_once, NULL, 0);
    FAILS(EINVAL, epoll_pwait2, epoll, events, 3, &wrong, NULL, 0);
    FAILS(EINVAL, epoll_pwait2, epoll, events, 3, &at_once, &no_signals, 3);
    FAILS(EFAULT, epoll_pwait2, epoll, events, 3, BAD, NULL, 0);
    FAILS(EFAULT, epoll_pwait2, epoll, BAD, 3, &at_once, NULL, 0);
    FAILS(EBADF, epoll_pwait2, 99, events, 3, &at_once, NULL, 0);
}
