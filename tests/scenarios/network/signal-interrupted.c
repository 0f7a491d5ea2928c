// SPDX-License-Identifier: Apache-2.0
/* Calls that a handler without SA_RESTART interrupts: reading, sleeping, waiting, connecting ends of a socket. */

#include <sys/socket.h>
#include <time.h>

#include "network/signals.h"

static int fds[2], pair[2];

static void note(int signo, siginfo_t *info)
{
    (void)signo;
    (void)info;
}

static void reading(void *data)
{
    static char buffer[4];

    (void)data;
    FAILS(EINTR, read, fds[0], buffer, sizeof(buffer));
}

static void receiving(void *data)
{
    static char buffer[4];

    (void)data;
    FAILS(EINTR, recvfrom, pair[0], buffer, sizeof(buffer), 0, NULL, NULL);
}

static void sleeping(void *data)
{
    static const struct timespec duration = {.tv_sec = 20};
    static struct timespec left;

    (void)data;
    FAILS(EINTR, nanosleep, &duration, &left);
    if (left.tv_sec < 1)
        kit_fail("nothing is left of the sleep");
}

static void clock_sleeping(void *data)
{
    static const struct timespec duration = {.tv_sec = 20};
    static struct timespec left;

    (void)data;
    FAILS(EINTR, clock_nanosleep, CLOCK_MONOTONIC, 0, &duration, &left);
}

static void stopping(void *data)
{
    (void)data;
    FAILS(EINTR, pause);
}

static void waiting(void *data)
{
    long child = kit_fork(stopping, NULL);

    (void)data;
    FAILS(EINTR, wait4, child, NULL, 0, NULL);
    kit_wait_asleep(child, SYS_pause);
    OK(kill, child, SIGUSR1);
    kit_reap(child);
}

static void interrupt(kit_function *run, long nr)
{
    long child = kit_fork(run, NULL);

    kit_wait_asleep(child, nr);
    OK(kill, child, SIGUSR1);
    if (kit_reap(child) != 0)
        kit_fail("the child did not end as it should");
}

SCENARIO
{
    kit_handle(SIGUSR1, 0, note);
    OK(pipe, fds);
    OK(socketpair, AF_UNIX, SOCK_STREAM, 0, pair);
    interrupt(reading, SYS_read);
    interrupt(receiving, SYS_recvfrom);
    interrupt(sleeping, SYS_nanosleep);
    interrupt(clock_sleeping, SYS_clock_nanosleep);
    interrupt(waiting, SYS_wait4);
}
