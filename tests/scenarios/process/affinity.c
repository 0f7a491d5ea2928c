// SPDX-License-Identifier: Apache-2.0
/* On which cpus one runs. */

#include "powerless.h"

static uint64_t cpus[128];

static void narrow(void *data)
{
    long size = *(long *)data;

    for (long i = 0; i < size / 8; i++) {
        if (cpus[i]) { /* the lowest only */
            cpus[i] &= -cpus[i];
            memset(&cpus[i + 1], 0, (size_t)(size - 8 * (i + 1)));
            break;
        }
    }
    OK(sched_setaffinity, 0, size, cpus);
    OK(sched_getaffinity, 0, sizeof(cpus), cpus);
    OK(getpid);
    OK(sched_getaffinity, kit_tid(), sizeof(cpus), cpus);
    EXIT_GROUP(0);
}

SCENARIO
{
    static const uint64_t none[16];
    long size = OK(sched_getaffinity, 0, sizeof(cpus), cpus);

    OK(sched_setaffinity, 0, size, cpus);
    OK(sched_getaffinity, 0, sizeof(cpus), cpus);
    kit_reap(kit_fork(narrow, &size));
    OK(sched_getaffinity, 0, sizeof(cpus), cpus);
    FAILS(EINVAL, sched_getaffinity, 0, 7, cpus);
    FAILS(EINVAL, sched_getaffinity, 0, 0, cpus);
    FAILS(ESRCH, sched_getaffinity, NO_SUCH_PID, sizeof(cpus), cpus);
    FAILS(EFAULT, sched_getaffinity, 0, sizeof(cpus), BAD);
    FAILS(EINVAL, sched_setaffinity, 0, sizeof(none), none);
    FAILS(EINVAL, sched_setaffinity, 0, 0, NULL);
    FAILS(ESRCH, sched_setaffinity, NO_SUCH_PID, size, cpus);
    FAILS(EFAULT, sched_setaffinity, 0, 8, BAD);
    FAILS(EFAULT, sched_setaffinity, 0, 8, kit_at_edge(4));
}
