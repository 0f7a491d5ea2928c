// SPDX-License-Identifier: Apache-2.0
/* More ready descriptors than fit into a page, sets within sets, and less room than there are events. */

#include <sys/epoll.h>

#include "kit/kit.h"

#define MANY 400 /* 4,800 bytes of events */
#define FIT 341  /* as many as a page has room for */

static struct epoll_event events[MANY];

static void fill(int epoll, int ready)
{
    for (int i = 0; i < MANY; i++) {
        struct epoll_event event = {.events = EPOLLOUT, .data.u64 = (uint64_t)i << 32 | (uint64_t)i};
        long copy = OK(dup, ready);

        OK(epoll_ctl, epoll, EPOLL_CTL_ADD, copy, &event);
    }
}

static void nest(int epoll)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLEXCLUSIVE};
    long outer = OK(epoll_create1, 0);

    FAILS(EINVAL, epoll_ctl, outer, EPOLL_CTL_ADD, epoll, &event); /* no set is exclusive */
    event.events = EPOLLIN | EPOLLWAKEUP;
    OK(epoll_ctl, outer, EPOLL_CTL_ADD, epoll, &event);
    FAILS(ELOOP, epoll_ctl, epoll, EPOLL_CTL_ADD, outer, &event);
    OK(epoll_wait, outer, events, MANY, -1);
    OK(close, outer);
}

SCENARIO
{
    int epoll = (int)OK(epoll_create1, EPOLL_CLOEXEC), ready = (int)OK(eventfd2, 0, 0);

    fill(epoll, ready);
    if (OK(epoll_wait, epoll, events, FIT, -1) != FIT)
        kit_fail("a page of events is not ready");
    OK(epoll_wait, epoll, events, FIT + 1, 0);
    if (OK(epoll_pwait, epoll, events, MANY + 1, 0, NULL, 0) != MANY)
        kit_fail("not all are ready");
    OK(epoll_wait, epoll, kit_at_edge(2 * sizeof(events[0])), MANY, 0); /* two it can have */
    OK(epoll_wait, epoll, kit_at_edge(FIT * sizeof(events[0])), MANY, 0);
    nest(epoll);
    OK(close_range, ready, ~0U, 0);
    OK(epoll_wait, epoll, events, MANY, 0);
    kit_descriptors();
}
