// SPDX-License-Identifier: Apache-2.0
/* The ways to end: by oneself, with numbers that fit and that do not; by somebody else, in a call or in none. */

#include <sched.h>

#include "powerless.h"

static void leave(void *data)
{
    EXIT_GROUP(*(int *)data);
}

static void leave_alone(void *data)
{
    EXIT(*(int *)data);
}

static void sleep_for_ever(void *data)
{
    NEVER_RETURNS(read, *(int *)data, data, 1);
}

static void sleep_until_killed(void *data)
{
    DIES_INTERRUPTED(read, *(int *)data, data, 1);
}

static void compute(void *data)
{
    OK(getpid);
    __atomic_store_n((int *)data, 1, __ATOMIC_RELEASE);
    for (;;)
        ;
}

static void threads_asleep(void *data)
{
    kit_wait_asleep(kit_clone(KIT_THREAD, sleep_for_ever, data), SYS_read);
    DIES_INTERRUPTED(pause); /* the signal is the first thread's */
}

static void numbers(void)
{
    static const int statuses[] = {0, 1, 127, 128, 255, 256, 257, -1, INT_MIN, INT_MAX};

    for (size_t i = 0; i < sizeof(statuses) / sizeof(*statuses); i++) {
        if (kit_reap(kit_fork(leave, (void *)&statuses[i])) != (statuses[i] & 0xff) << 8)
            kit_fail("a process ended otherwise");
        if (kit_reap(kit_fork(leave_alone, (void *)&statuses[i])) != (statuses[i] & 0xff) << 8)
            kit_fail("a process ended otherwise");
    }
}

static void kill_asleep(int fd, int signo)
{
    long child = kit_fork(signo == SIGKILL ? sleep_for_ever : sleep_until_killed, &fd);

    kit_wait_asleep(child, SYS_read);
    OK(kill, child, signo);
    if (kit_reap(child) != signo)
        kit_fail("a process ended otherwise");
}

static void kill_in_no_call(void)
{
    int computes = 0;
    long child = kit_clone(CLONE_VM | SIGCHLD, compute, &computes);

    while (!__atomic_load_n(&computes, __ATOMIC_ACQUIRE))
        ;
    OK(kill, child, SIGKILL);
    if (kit_reap(child) != SIGKILL)
        kit_fail("a process ended otherwise");
}

static void kill_threads(int fd)
{
    long child = kit_fork(threads_asleep, &fd);

    kit_wait_asleep(child, SYS_pause);
    OK(kill, child, SIGTERM);
    if (kit_reap(child) != SIGTERM)
        kit_fail("a process ended otherwise");
}

SCENARIO
{
    int pair[2];

    numbers();
    OK(pipe, pair);
    kill_asleep(pair[0], SIGKILL);
    kill_asleep(pair[0], SIGTERM);
    kill_asleep(pair[0], SIGHUP);
    kill_asleep(pair[0], SIGUSR2);
    kill_asleep(pair[0], SIGRTMAX);
    kill_in_no_call();
    kill_threads(pair[0]);
    FAILS(ESRCH, kill, NO_SUCH_PID, SIGTERM);
}
