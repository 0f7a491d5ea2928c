// SPDX-License-Identifier: Apache-2.0
/* epoll_pwait and its mask: good ones, bad ones, and one that lets a signal in. */

#include <sys/epoll.h>

#include "kit/kit.h"

#define ONLY(signo) (UINT64_C(1) << ((signo)-1))

static int signals;

static void count(int signo, siginfo_t *info)
{
    (void)signo;
    (void)info;
    signals++;
}

static void wait_badly(int epoll)
{
    struct epoll_event event;
    uint64_t mask = 0;

    FAILS(EINVAL, epoll_pwait, epoll, &event, 1, 0, &mask, 7);
    FAILS(EINVAL, epoll_pwait, epoll, &event, 1, 0, &mask, 0);
    FAILS(EFAULT, epoll_pwait, epoll, &event, 1, 0, BAD, 8);
    FAILS(EFAULT, epoll_pwait, epoll, &event, 1, 0, kit_at_edge(4), 8);
    FAILS(EBADF, epoll_pwait, -1, &event, 1, 0, &mask, 8);
    FAILS(EINVAL, epoll_pwait, epoll, &event, 0, 0, &mask, 8);
    OK(epoll_pwait, epoll, &event, 1, 0, NULL, 99); /* without a mask, its size is nothing */
}

SCENARIO
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLPRI, .data.u64 = 5};
    uint64_t all_but_one = ~ONLY(SIGUSR1), *mask = kit_at_edge(8), usual = ONLY(SIGUSR1);
    uint64_t one = 1;
    int epoll = (int)OK(epoll_create1, 0);
    int ready = (int)OK(eventfd2, 0, 0);

    *mask = ONLY(SIGUSR2) | ONLY(SIGHUP) | ONLY(64);
    OK(epoll_ctl, epoll, EPOLL_CTL_ADD, ready, &event);
    wait_badly(epoll);
    OK(epoll_pwait, epoll, &event, 1, 1, mask, 8);
    OK(write, ready, &one, sizeof(one));
    OK(epoll_pwait, epoll, &event, 1, -1, mask, 8);
    FAILS(EFAULT, epoll_pwait, epoll, BAD, 1, -1, mask, 8);
    OK(read, ready, &one, sizeof(one));
    kit_handle(SIGUSR1, SA_RESTART, count);
    OK(rt_sigprocmask, SIG_BLOCK, &usual, NULL, 8);
    OK(kill, kit_tid(), SIGUSR1);
    OK(epoll_pwait, epoll, &event, 1, 0, NULL, 8);
    FAILS(EINTR, epoll_pwait, epoll, &event, 1, -1, &all_but_one, 8); /* whatever SA_RESTART says */
    OK(epoll_pwait, epoll, &event, 1, 0, &all_but_one, 8);
    if (signals != 1)
        kit_fail("the signal did not come once");
}
