// SPDX-License-Identifier: Apache-2.0
/* Priorities and policies. */

#include <sched.h>
#include <sys/resource.h>
#include <time.h>

#include "powerless.h"

static const struct sched_param none;
static const struct sched_param some = {.sched_priority = 5};

static void grow_nice(void *data)
{
    (void)data;
    OK(setpriority, PRIO_PROCESS, 0, 19);
    OK(getpriority, PRIO_PROCESS, 0);
    OK(setpriority, PRIO_PROCESS, kit_tid(), 100);
    EXIT_GROUP(0);
}

static void policies(void)
{
    struct sched_param param;

    OK(sched_getscheduler, 0);
    OK(sched_setscheduler, 0, SCHED_OTHER, &none);
    OK(sched_getparam, 0, &param);
    OK(sched_setparam, 0, &none);
    OK(sched_setparam, kit_tid(), &none);
    OK(sched_get_priority_max, SCHED_FIFO);
    OK(sched_get_priority_min, SCHED_FIFO);
    OK(sched_get_priority_max, SCHED_OTHER);
    OK(sched_get_priority_min, SCHED_OTHER);
}

static void failures(void)
{
    struct sched_param param;
    struct timespec interval;

    FAILS(EINVAL, getpriority, 99, 0);
    FAILS(ESRCH, getpriority, PRIO_PROCESS, NO_SUCH_PID);
    FAILS(EINVAL, setpriority, 99, 0, 0);
    FAILS(ESRCH, setpriority, PRIO_PROCESS, NO_SUCH_PID, 0);
    FAILS(ESRCH, sched_getscheduler, NO_SUCH_PID);
    FAILS(EINVAL, sched_getscheduler, -1);
    FAILS(EINVAL, sched_setscheduler, 0, 99, &none);
    FAILS(EINVAL, sched_setscheduler, 0, SCHED_OTHER, &some);
    FAILS(EINVAL, sched_setscheduler, 0, SCHED_OTHER, NULL);
    FAILS(EFAULT, sched_setscheduler, 0, SCHED_OTHER, BAD);
    FAILS(EINVAL, sched_getparam, 0, NULL);
    FAILS(ESRCH, sched_getparam, NO_SUCH_PID, &param);
    FAILS(EFAULT, sched_getparam, 0, BAD);
    FAILS(EINVAL, sched_setparam, 0, NULL);
    FAILS(EINVAL, sched_setparam, 0, &some);
    FAILS(EFAULT, sched_setparam, 0, BAD);
    FAILS(EINVAL, sched_get_priority_max, 99);
    FAILS(EINVAL, sched_get_priority_min, 99);
    FAILS(ESRCH, sched_rr_get_interval, NO_SUCH_PID, &interval);
    FAILS(EINVAL, sched_rr_get_interval, -1, &interval);
    FAILS(EFAULT, sched_rr_get_interval, 0, BAD);
}

SCENARIO
{
    struct timespec interval;

    OK(getpriority, PRIO_PROCESS, 0);
    OK(getpriority, PRIO_USER, 0);
    in_a_child(grow_nice);
    policies();
    OK(sched_rr_get_interval, 0, &interval);
    failures();
}
