// SPDX-License-Identifier: Apache-2.0
/* epoll: sets made, changed and waited for: empty ones, full ones, bad ones. */

#include <sys/epoll.h>

#include "kit/kit.h"

#define EVENTS_MAX ((int)(INT_MAX / sizeof(struct epoll_event)))

static void create(void)
{
    long fd;

    FAILS(EINVAL, epoll_create, 0);
    FAILS(EINVAL, epoll_create, -1);
    FAILS(EINVAL, epoll_create1, 1);
    fd = OK(epoll_create, INT_MAX);
    OK(epoll_create1, 0);
    OK(epoll_create1, EPOLL_CLOEXEC);
    kit_descriptors();
    OK(close_range, fd, ~0U, 0);
}

static void control(int epoll, const int pipe[2])
{
    struct epoll_event *event = kit_at_edge(sizeof(*event));

    *event = (struct epoll_event){.events = EPOLLIN | EPOLLET, .data.u64 = 0x1122334455667788};
    OK(epoll_ctl, epoll, EPOLL_CTL_ADD, pipe[0], event);
    FAILS(EEXIST, epoll_ctl, epoll, EPOLL_CTL_ADD, pipe[0], event);
    FAILS(ENOENT, epoll_ctl, epoll, EPOLL_CTL_MOD, pipe[1], event);
    FAILS(ENOENT, epoll_ctl, epoll, EPOLL_CTL_DEL, pipe[1], NULL);
    event->events = EPOLLOUT | EPOLLONESHOT | EPOLLRDHUP;
    OK(epoll_ctl, epoll, EPOLL_CTL_MOD, pipe[0], event);
    FAILS(EINVAL, epoll_ctl, epoll, 0, pipe[0], event);
    FAILS(EINVAL, epoll_ctl, epoll, EPOLL_CTL_ADD, epoll, event);
    FAILS(EINVAL, epoll_ctl, pipe[0], EPOLL_CTL_ADD, pipe[1], event);
    FAILS(EBADF, epoll_ctl, 99, EPOLL_CTL_ADD, pipe[0], event);
    FAILS(EBADF, epoll_ctl, epoll, EPOLL_CTL_ADD, -1, event);
    FAILS(EFAULT, epoll_ctl, epoll, EPOLL_CTL_ADD, pipe[1], NULL);
    FAILS(EFAULT, epoll_ctl, epoll, EPOLL_CTL_ADD, pipe[1], BAD);
    FAILS(EFAULT, epoll_ctl, epoll, EPOLL_CTL_ADD, pipe[1], kit_at_edge(sizeof(*event) - 1));
    OK(epoll_ctl, epoll, EPOLL_CTL_DEL, pipe[0], BAD);
}

/* A regular file is always ready: epoll wants none. */
static void refuse_file(int epoll)
{
    struct epoll_event event = {.events = EPOLLIN};
    long file = OK(open, "file", O_RDWR | O_CREAT, 0600);

    FAILS(EPERM, epoll_ctl, epoll, EPOLL_CTL_ADD, file, &event);
    OK(close, file);
}

static void wait_badly(int epoll)
{
    struct epoll_event event;

    FAILS(EINVAL, epoll_wait, epoll, &event, 0, 0);
    FAILS(EINVAL, epoll_wait, epoll, &event, -1, 0);
    FAILS(EINVAL, epoll_wait, epoll, &event, EVENTS_MAX + 1, 0);
    FAILS(EBADF, epoll_wait, 99, &event, 1, 0);
    FAILS(EINVAL, epoll_wait, 0, &event, 1, 0);
}

SCENARIO
{
    struct epoll_event *events = kit_at_edge(3 * sizeof(*events)), event = {.events = EPOLLIN, .data.u64 = 1};
    int pipe[2], epoll;

    create();
    epoll = (int)OK(epoll_create1, EPOLL_CLOEXEC);
    OK(pipe2, pipe, O_NONBLOCK);
    OK(dup2, pipe[0], 0);
    control(epoll, pipe);
    refuse_file(epoll);
    wait_badly(epoll);
    memset(events, 0xff, 3 * sizeof(*events));
    OK(epoll_wait, epoll, events, 3, 0); /* nothing is in it */
    OK(epoll_wait, epoll, NULL, 1, 1);
    OK(epoll_ctl, epoll, EPOLL_CTL_ADD, pipe[0], &event);
    OK(epoll_wait, epoll, events, EVENTS_MAX, 0);
    event = (struct epoll_event){.events = EPOLLOUT, .data.u64 = UINT64_MAX};
    OK(epoll_ctl, epoll, EPOLL_CTL_ADD, pipe[1], &event);
    OK(epoll_wait, epoll, events, 3, -1);
    OK(write, pipe[1], "x", 1);
    OK(epoll_wait, epoll, events, 3, -1);
    OK(epoll_wait, epoll, events, 1, -1);
    FAILS(EFAULT, epoll_wait, epoll, BAD, 1, -1);
    FAILS(EFAULT, epoll_wait, epoll, kit_at_edge(11), 1, -1);
    OK(epoll_wait, epoll, kit_at_edge(sizeof(event)), 2, -1); /* there is room for one only */
    OK(close, pipe[1]);                                       /* and with it goes what the set had of it */
    OK(epoll_wait, epoll, events, 3, 0);
    kit_descriptors();
}
