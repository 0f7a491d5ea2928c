// SPDX-License-Identifier: Apache-2.0
/* Timers that are descriptors: set, asked, read, and wrongly used. */

#include <sys/timerfd.h>
#include <time.h>

#include "kit/kit.h"

static const struct itimerspec hour = {.it_value = {3600, 0}}, soon = {.it_value = {0, 1}}, never = {0};

static void create(void)
{
    long fd = OK(timerfd_create, CLOCK_REALTIME, 0);

    OK(timerfd_create, CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    FAILS(EINVAL, timerfd_create, CLOCK_PROCESS_CPUTIME_ID, 0);
    FAILS(EINVAL, timerfd_create, -1, 0);
    FAILS(EINVAL, timerfd_create, CLOCK_MONOTONIC, 1);
    kit_descriptors();
    OK(close_range, fd, ~0U, 0);
}

static void set(int fd)
{
    struct itimerspec *new = kit_at_edge(sizeof(*new)), old;

    *new = hour;
    OK(timerfd_settime, fd, 0, new, NULL);
    OK(timerfd_settime, fd, 0, &never, &old);
    OK(timerfd_settime, fd, 0, &never, kit_at_edge(sizeof(old)));
    OK(timerfd_settime, fd, TFD_TIMER_ABSTIME, &never, NULL);
    FAILS(EINVAL, timerfd_settime, fd, 1 << 5, &hour, NULL);
    FAILS(EINVAL, timerfd_settime, fd, 0, (&(struct itimerspec){.it_value = {0, -1}}), &old);
    FAILS(EINVAL, timerfd_settime, fd, 0, (&(struct itimerspec){.it_interval = {0, 1000000000}}), &old);
    FAILS(EFAULT, timerfd_settime, fd, 0, NULL, NULL);
    FAILS(EFAULT, timerfd_settime, fd, 0, BAD, &old);
    FAILS(EFAULT, timerfd_settime, fd, 0, kit_at_edge(sizeof(old) - 1), &old);
    FAILS(EFAULT, timerfd_settime, fd, 0, &hour, BAD); /* it is set all the same */
    FAILS(EFAULT, timerfd_settime, fd, 0, &never, kit_at_edge(16));
    FAILS(EBADF, timerfd_settime, 99, 0, &hour, &old);
    FAILS(EINVAL, timerfd_settime, 0, 0, &hour, &old);
}

static void ask(int fd)
{
    struct itimerspec *value = kit_at_edge(sizeof(*value));

    OK(timerfd_gettime, fd, value);
    FAILS(EFAULT, timerfd_gettime, fd, NULL);
    FAILS(EFAULT, timerfd_gettime, fd, BAD);
    FAILS(EFAULT, timerfd_gettime, fd, kit_at_edge(sizeof(*value) - 8));
    FAILS(EBADF, timerfd_gettime, -1, value);
    FAILS(EINVAL, timerfd_gettime, 0, value);
}

SCENARIO
{
    uint64_t expired;
    int pipe[2], fd;

    create();
    OK(pipe2, pipe, 0);
    OK(dup2, pipe[0], 0);
    fd = (int)OK(timerfd_create, CLOCK_MONOTONIC, TFD_NONBLOCK);
    set(fd);
    ask(fd);
    FAILS(EAGAIN, read, fd, &expired, sizeof(expired));
    OK(fcntl, fd, F_SETFL, 0);
    OK(timerfd_settime, fd, 0, &soon, NULL);
    OK(read, fd, &expired, sizeof(expired));
    OK(timerfd_settime, fd, TFD_TIMER_ABSTIME, &soon, NULL); /* long ago */
    FAILS(EINVAL, read, fd, &expired, sizeof(expired) - 1);
    FAILS(EINVAL, write, fd, &expired, sizeof(expired));
    OK(read, fd, &expired, sizeof(expired));
    OK(timerfd_gettime, fd, kit_at_edge(32));
}
