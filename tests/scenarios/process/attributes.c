// SPDX-License-Identifier: Apache-2.0
/* Scheduling attributes and I/O priorities, where there are any. */

#include <sched.h>

#include "powerless.h"

#define WHO_PROCESS 1
#define BEST_EFFORT(level) ((2 << 13) | (level))

struct attributes {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
};

static void find_out(void)
{
    if (syscall(SYS_sched_setattr, 0, NULL, 1) < 0 && errno == ENOSYS)
        kit_skip("there is no sched_setattr");
    if (syscall(SYS_ioprio_get, WHO_PROCESS, 0) < 0)
        kit_skip("there is no ioprio_get");
}
BEFORE(find_out)

static void change(void *data)
{
    struct attributes attributes = {.size = sizeof(attributes), .policy = SCHED_BATCH, .nice = 19};

    (void)data;
    OK(sched_setattr, 0, &attributes, 0);
    OK(sched_getattr, 0, &attributes, sizeof(attributes), 0);
    if (attributes.policy != SCHED_BATCH || attributes.nice != 19)
        kit_fail("the kernel has other attributes");
    OK(sched_getscheduler, 0);
    OK(ioprio_set, WHO_PROCESS, 0, BEST_EFFORT(7));
    if (OK(ioprio_get, WHO_PROCESS, 0) != BEST_EFFORT(7))
        kit_fail("the kernel has another priority");
    EXIT_GROUP(0);
}

SCENARIO
{
    struct attributes attributes = {0};

    OK(sched_getattr, 0, &attributes, sizeof(attributes), 0);
    in_a_child(change);
    FAILS(EINVAL, sched_setattr, 0, &attributes, 1);
    FAILS(EINVAL, sched_setattr, 0, NULL, 0);
    FAILS(EFAULT, sched_setattr, 0, BAD, 0);
    FAILS(ESRCH, sched_setattr, NO_SUCH_PID, &attributes, 0);
    FAILS(EINVAL, sched_getattr, 0, &attributes, 8, 0);
    FAILS(EFAULT, sched_getattr, 0, BAD, sizeof(attributes), 0);
    FAILS(ESRCH, sched_getattr, NO_SUCH_PID, &attributes, sizeof(attributes), 0);
    OK(ioprio_get, WHO_PROCESS, 0);
    FAILS(EINVAL, ioprio_get, 99, 0);
    FAILS(ESRCH, ioprio_get, WHO_PROCESS, NO_SUCH_PID);
    FAILS(EINVAL, ioprio_set, 99, 0, BEST_EFFORT(4));
    FAILS(EINVAL, ioprio_set, WHO_PROCESS, 0, 0xffff);
    FAILS(ESRCH, ioprio_set, WHO_PROCESS, NO_SUCH_PID, BEST_EFFORT(4));
}
