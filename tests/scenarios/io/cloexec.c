// SPDX-License-Identifier: Apache-2.0
/* Of each kind of descriptor one that lives through exec, and one that does not. */

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>

#include "kit/kit.h"

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

/* Neighbours: the first stays, the second goes. */
static void open_all(void)
{
    uint64_t mask = 0;

    OK(epoll_create1, 0);
    OK(epoll_create1, EPOLL_CLOEXEC);
    OK(eventfd2, 0, 0);
    OK(eventfd2, 0, EFD_CLOEXEC);
    OK(timerfd_create, CLOCK_MONOTONIC, 0);
    OK(timerfd_create, CLOCK_MONOTONIC, TFD_CLOEXEC);
    OK(signalfd4, -1, &mask, 8, 0);
    OK(signalfd4, -1, &mask, 8, SFD_CLOEXEC);
    OK(inotify_init);
    OK(inotify_init1, IN_CLOEXEC);
    OK(memfd_create, "stays", 0);
    OK(memfd_create, "goes", MFD_CLOEXEC);
}

static void look(long first)
{
    kit_descriptors();
    for (long fd = first; fd < first + 12; fd += 2) {
        OK(fcntl, fd, F_GETFD);
        FAILS(EBADF, fcntl, fd + 1, F_GETFD);
    }
}

SCENARIO
{
    char first[2] = "0";
    const char *argv[] = {kit_self(), first, NULL};
    long pidfd;

    if (*argument) {
        look(*argument - '0');
        return;
    }
    OK(close_range, 3, ~0U, 0); /* whatever it was given: the numbers that follow are to be neighbours */
    pidfd = OK(pidfd_open, kit_tid(), 0);
    OK(fcntl, pidfd, F_GETFD); /* it is born with FD_CLOEXEC */
    OK(dup2, pidfd, pidfd + 14);
    first[0] = (char)('1' + pidfd);
    open_all();
    kit_descriptors();
    EXECVE(kit_self(), argv, kit_environment());
}
