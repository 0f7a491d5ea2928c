// SPDX-License-Identifier: Apache-2.0
/* One table of descriptors for two processes, until one of them leaves it. */

#include <sched.h>
#include <sys/eventfd.h>

#include "kit/kit.h"

static int made, event;

static void child(void *data)
{
    uint64_t one = 1;

    made = (int)OK(memfd_create, "child's", 0);
    OK(write, event, &one, sizeof(one));
    if (!data)
        return;
    OK(unshare, CLONE_FILES);
    OK(close, event);
    OK(memfd_create, "child's alone", 0);
    kit_descriptors();
}

SCENARIO
{
    uint64_t number;
    long pid;

    event = (int)OK(eventfd2, 0, EFD_SEMAPHORE);
    pid = kit_clone(CLONE_VM | CLONE_FILES | SIGCHLD, child, NULL);
    OK(read, event, &number, sizeof(number));
    kit_reap(pid);
    OK(fcntl, made, F_GETFD);
    kit_descriptors();
    pid = kit_clone(CLONE_FILES | SIGCHLD, child, &made);
    OK(read, event, &number, sizeof(number));
    kit_reap(pid);
    OK(fcntl, event, F_GETFD);
    kit_descriptors();
    pid = kit_clone(CLONE_VM | SIGCHLD, child, &made);
    kit_reap(pid);
    FAILS(EBADF, fcntl, made, F_GETFD); /* that one it made in a table of its own */
}
