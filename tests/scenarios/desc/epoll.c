// SPDX-License-Identifier: Apache-2.0
/* epoll: made, changed and waited for; what cannot be watched; and a signal. */

#include <sys/epoll.h>

#include "kit/kit.h"

#define MANY 400

static struct epoll_event event, events[MANY];
static uint64_t no_signals;

static void interrupt(void *data)
{
    kit_wait_asleep(*(long *)data, SYS_epoll_wait);
    OK(kill, *(long *)data, SIGUSR1);
}

static void control(long epoll, const int pair[2], long file)
{
    event = (struct epoll_event){.events = EPOLLIN | EPOLLET, .data.u64 = UINT64_C(0x8877665544332211)};
    OK(epoll_ctl, epoll, EPOLL_CTL_ADD, pair[0], &event);
    FAILS(EEXIST, epoll_ctl, epoll, EPOLL_CTL_ADD, pair[0], &event);
    FAILS(ENOENT, epoll_ctl, epoll, EPOLL_CTL_MOD, pair[1], &event);
    FAILS(ENOENT, epoll_ctl, epoll, EPOLL_CTL_DEL, pair[1], NULL);
    event = (struct epoll_event){.events = EPOLLIN | EPOLLONESHOT, .data.u64 = 7};
    memcpy(kit_at_edge(sizeof(event)), &event, sizeof(event));
    OK(epoll_ctl, epoll, EPOLL_CTL_MOD, pair[0], kit_at_edge(sizeof(event)));
    FAILS(EPERM, epoll_ctl, epoll, EPOLL_CTL_ADD, file, &event);
    FAILS(EINVAL, epoll_ctl, epoll, EPOLL_CTL_ADD, epoll, &event);
    FAILS(EINVAL, epoll_ctl, pair[0], EPOLL_CTL_ADD, pair[1], &event);
    FAILS(EINVAL, epoll_ctl, epoll, 99, pair[1], &event);
    FAILS(EFAULT, epoll_ctl, epoll, EPOLL_CTL_ADD, pair[1], BAD);
    FAILS(EFAULT, epoll_ctl, epoll, EPOLL_CTL_ADD, pair[1], NULL);
    FAILS(EFAULT, epoll_ctl, epoll, EPOLL_CTL_ADD, pair[1], kit_at_edge(11));
    FAILS(EBADF, epoll_ctl, 99, EPOLL_CTL_ADD, pair[1], &event);
    FAILS(EBADF, epoll_ctl, epoll, EPOLL_CTL_ADD, -1, &event);
}

static void wait_for_some(long epoll, const int pair[2])
{
    OK(epoll_wait, epoll, events, 10, 0);
    OK(epoll_wait, epoll, BAD, 10, 0); /* nothing is written there */
    OK(write, pair[1], "x", 1);
    OK(epoll_wait, epoll, events, 10, -1);
    OK(epoll_wait, epoll, events, 10, 0); /* once is enough */
    for (int fd = 100; fd < 100 + MANY; fd++) {
        OK(dup2, pair[1], fd);
        event = (struct epoll_event){.events = EPOLLOUT, .data.u64 = (uint64_t)fd << 32};
        OK(epoll_ctl, epoll, EPOLL_CTL_ADD, fd, &event);
    }
    OK(epoll_wait, epoll, events, MANY, 0); /* more than a record holds */
    OK(epoll_wait, epoll, events, 1, 0);
    OK(epoll_wait, epoll, kit_at_edge(24), 2, 0);
    FAILS(EFAULT, epoll_wait, epoll, BAD, 10, 0);
    for (int fd = 100; fd < 100 + MANY; fd++)
        OK(epoll_ctl, epoll, EPOLL_CTL_DEL, fd, BAD);
    for (int fd = 100; fd < 100 + MANY; fd++)
        OK(close, fd);
}

SCENARIO
{
    long epoll = OK(epoll_create1, EPOLL_CLOEXEC);
    long other = OK(epoll_create, 1);
    long file = OK(open, "here", O_RDWR | O_CREAT, 0600);
    long self = kit_tid();
    int pair[2];
    long child;

    OK(pipe, pair);
    OK(epoll_create, INT_MAX);
    OK(epoll_create1, 0);
    kit_descriptors();
    FAILS(EINVAL, epoll_create, 0);
    FAILS(EINVAL, epoll_create, -1);
    FAILS(EINVAL, epoll_create1, 1);
    control(epoll, pair, file);
    wait_for_some(epoll, pair);
    kit_handle(SIGUSR1, SA_RESTART, NULL); /* which makes no difference here */
    child = kit_fork(interrupt, &self);
    FAILS(EINTR, epoll_wait, other, events, 10, 60000);
    kit_reap(child);
    OK(epoll_pwait, other, events, 10, 0, &no_signals, 8);
    OK(epoll_pwait, epoll, events, 10, 0, NULL, 0);
    FAILS(EINVAL, epoll_wait, epoll, events, 0, 0);
    FAILS(EINVAL, epoll_wait, epoll, events, -1, 0);
    FAILS(EINVAL, epoll_wait, file, events, 10, 0);
    FAILS(EBADF, epoll_wait, 99, events, 10, 0);
    FAILS(EINVAL, epoll_pwait, epoll, events, 10, 0, &no_signals, 3);
    FAILS(EFAULT, epoll_pwait, epoll, events, 10, 0, BAD, 8);
    FAILS(EBADF, epoll_pwait, -1, events, 10, 0, NULL, 0);
}
