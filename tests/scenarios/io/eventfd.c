// SPDX-License-Identifier: Apache-2.0
/* Eventfds: their flags, their numbers, and both ways to be interrupted. */

#include <sys/eventfd.h>
#include <sys/resource.h>

#include "poke.h"

#define SIZE 8 /* of what is read and written */

static int event;

static void add_one(int signo, siginfo_t *info)
{
    static const uint64_t one = 1;

    (void)signo;
    (void)info;
    OK(write, event, &one, SIZE);
}

static void create(void)
{
    struct rlimit limit, none;
    long first = OK(eventfd, UINT_MAX);

    OK(eventfd2, 0, 0);
    OK(eventfd2, 1, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
    FAILS(EINVAL, eventfd2, 0, 2);
    kit_descriptors();
    OK(getrlimit, RLIMIT_NOFILE, &limit);
    none = (struct rlimit){.rlim_max = limit.rlim_max};
    OK(setrlimit, RLIMIT_NOFILE, &none);
    FAILS(EMFILE, eventfd, 0);
    FAILS(EMFILE, eventfd2, 0, EFD_CLOEXEC);
    OK(setrlimit, RLIMIT_NOFILE, &limit);
    OK(close_range, first, ~0U, 0);
}

static void count(void)
{
    uint64_t *value = kit_at_edge(SIZE), most = UINT64_MAX - 1, beyond = UINT64_MAX;
    long counter = OK(eventfd2, 3, EFD_NONBLOCK);
    long semaphore = OK(eventfd2, 2, EFD_NONBLOCK | EFD_SEMAPHORE);

    OK(read, counter, value, SIZE);
    FAILS(EAGAIN, read, counter, value, SIZE);
    FAILS(EINVAL, read, counter, value, SIZE - 1);
    FAILS(EINVAL, write, counter, value, 0);
    OK(write, counter, &most, SIZE);
    FAILS(EAGAIN, write, counter, value, SIZE);
    FAILS(EINVAL, write, counter, &beyond, SIZE);
    FAILS(EFAULT, write, counter, BAD, SIZE);
    FAILS(EFAULT, write, counter, kit_at_edge(SIZE - 1), SIZE);
    OK(read, semaphore, value, SIZE);
    OK(read, semaphore, value, SIZE);
    FAILS(EAGAIN, read, semaphore, value, SIZE);
}

/* The handler writes what the restarted call then reads. */
static void be_interrupted(void)
{
    uint64_t value;
    long child;

    event = (int)OK(eventfd, 0);
    kit_handle(SIGUSR1, 0, add_one);
    kit_handle(SIGUSR2, SA_RESTART, add_one);
    child = POKE(read, SIGUSR1);
    FAILS(EINTR, read, event, &value, SIZE);
    kit_reap(child);
    OK(read, event, &value, SIZE);
    child = POKE(read, SIGUSR2);
    OK(read, event, &value, SIZE);
    kit_reap(child);
    if (value != 1)
        kit_fail("the restarted read has not read what the handler wrote");
}

SCENARIO
{
    create();
    count();
    be_interrupted();
}
