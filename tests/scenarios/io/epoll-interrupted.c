// SPDX-License-Identifier: Apache-2.0
/* Waits that a signal ends: epoll is never restarted, SA_RESTART or not. */

#include <sys/epoll.h>
#include <time.h>

#include "poke.h"

static volatile int caught;

static void note(int signo, siginfo_t *info)
{
    (void)info;
    caught = signo;
}

static void expect(int signo)
{
    if (caught != signo)
        kit_fail("the signal did not come");
    caught = 0;
}

SCENARIO
{
    struct epoll_event event;
    uint64_t nothing = 0;
    int epoll = (int)OK(epoll_create1, 0);
    long child;

    kit_handle(SIGUSR1, 0, note);
    kit_handle(SIGUSR2, SA_RESTART, note);
    child = POKE(epoll_wait, SIGUSR1);
    FAILS(EINTR, epoll_wait, epoll, &event, 1, -1);
    expect(SIGUSR1);
    kit_reap(child);
    child = POKE(epoll_wait, SIGUSR2);
    FAILS(EINTR, epoll_wait, epoll, &event, 1, 20000);
    expect(SIGUSR2);
    kit_reap(child);
    child = POKE(epoll_pwait, SIGUSR2);
    FAILS(EINTR, epoll_pwait, epoll, &event, 1, -1, &nothing, 8);
    expect(SIGUSR2);
    kit_reap(child);
}
