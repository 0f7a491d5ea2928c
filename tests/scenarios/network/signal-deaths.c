// SPDX-License-Identifier: Apache-2.0
/* Deaths by signals: faults of one's own, and signals from outside. */

#include <sched.h>
#include <sys/resource.h>
#include <time.h>

#include "network/signals.h"

/* A core of a byte is none at all, wherever cores go. */
static void no_cores(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_max > 0) {
        limit.rlim_cur = 1;
        (void)setrlimit(RLIMIT_CORE, &limit);
    }
}

BEFORE(no_cores)

static volatile int spinning;

static void faulting(void *data)
{
    OK(getpid);
    switch (*(int *)data) {
    case SIGSEGV:
        *(volatile uint8_t *)BAD = 1;
        break;
    case SIGILL:
        __asm__ volatile("ud2");
        break;
    default:
        __asm__ volatile("xor %%edx, %%edx\n\txor %%ecx, %%ecx\n\tmov $1, %%eax\n\tdiv %%ecx" ::: "rax", "rcx", "rdx");
    }
}

/* Not in a call when it ends. */
static void spin(void *data)
{
    (void)data;
    OK(getpid);
    spinning = 1;
    for (;;)
        __asm__ volatile("pause");
}

static void die_asleep(void *data)
{
    static const struct timespec long_time = {.tv_sec = 20};

    if (*(int *)data == SIGKILL)
        NEVER_RETURNS(nanosleep, &long_time, NULL);
    DIES_INTERRUPTED(nanosleep, &long_time, NULL);
}

static void killed_asleep_by(int signo)
{
    long child = kit_fork(die_asleep, &signo);

    kit_wait_asleep(child, SYS_nanosleep);
    OK(kill, child, signo);
    if (WTERMSIG(kit_reap(child)) != signo)
        kit_fail("the child did not die in its sleep");
}

static void killed_by(int signo)
{
    long child;

    spinning = 0;
    child = kit_clone(CLONE_VM | SIGCHLD, spin, NULL);
    while (!spinning)
        __asm__ volatile("pause");
    OK(kill, child, signo);
    if (WTERMSIG(kit_reap(child)) != signo)
        kit_fail("the child did not die as it should");
}

SCENARIO
{
    static const int faults[] = {SIGSEGV, SIGILL, SIGFPE};

    for (int i = 0; i < 3; i++) {
        int signo = faults[i];

        if (WTERMSIG(kit_reap(kit_fork(faulting, &signo))) != signo)
            kit_fail("the child did not die of its fault");
    }
    killed_by(SIGTERM);
    killed_by(SIGKILL);
    killed_by(SIGUSR1);
    killed_by(REALTIME);
    killed_asleep_by(SIGKILL);
    killed_asleep_by(SIGHUP);
    killed_asleep_by(REALTIME);
}
