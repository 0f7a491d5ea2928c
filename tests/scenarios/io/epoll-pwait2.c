// SPDX-License-Identifier: Apache-2.0
/* epoll_pwait2: a timeout in nanoseconds. */

#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "kit/kit.h"

#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441
#endif
#define ONLY(signo) (UINT64_C(1) << ((signo)-1))

static void find_out(void)
{
    if (syscall(SYS_epoll_pwait2, -1, NULL, 0, NULL, NULL, 0) < 0 && errno == ENOSYS)
        kit_skip("the kernel has no epoll_pwait2 (it came with 5.11)");
}
BEFORE(find_out)

static void wait_badly(int epoll)
{
    struct epoll_event event;
    struct timespec none = {0};

    FAILS(EBADF, epoll_pwait2, -1, &event, 1, &none, NULL, 0);
    FAILS(EINVAL, epoll_pwait2, epoll, &event, 0, &none, NULL, 0);
    FAILS(EINVAL, epoll_pwait2, epoll, &event, 1, (&(struct timespec){0, 1000000000}), NULL, 0);
    FAILS(EINVAL, epoll_pwait2, epoll, &event, 1, (&(struct timespec){-1, 0}), NULL, 0);
    FAILS(EFAULT, epoll_pwait2, epoll, &event, 1, BAD, NULL, 0);
    FAILS(EFAULT, epoll_pwait2, epoll, &event, 1, kit_at_edge(15), NULL, 0);
    FAILS(EINVAL, epoll_pwait2, epoll, &event, 1, &none, &none, 16);
    FAILS(EFAULT, epoll_pwait2, epoll, &event, 1, &none, BAD, 8);
}

SCENARIO
{
    struct epoll_event event = {.events = EPOLLOUT, .data.u64 = 6};
    struct timespec *timeout = kit_at_edge(sizeof(*timeout));
    uint64_t mask = ONLY(SIGTERM);
    int epoll = (int)OK(epoll_create1, 0);
    int ready = (int)OK(eventfd2, 0, 0);

    *timeout = (struct timespec){0, 0};
    wait_badly(epoll);
    OK(epoll_pwait2, epoll, &event, 1, timeout, NULL, 0);
    timeout->tv_nsec = 1;
    OK(epoll_pwait2, epoll, NULL, 1, timeout, &mask, 8);
    OK(epoll_ctl, epoll, EPOLL_CTL_ADD, ready, &event);
    OK(epoll_pwait2, epoll, &event, 1, timeout, &mask, 8);
    OK(epoll_pwait2, epoll, &event, 1, NULL, NULL, 8);
    FAILS(EFAULT, epoll_pwait2, epoll, BAD, 1, NULL, NULL, 0);
}
