// SPDX-License-Identifier: Apache-2.0
/* A counter of nothing. */

#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kit/kit.h"

static struct perf_event_attr counter = {
    .type = PERF_TYPE_SOFTWARE,
    .size = PERF_ATTR_SIZE_VER0,
    .config = PERF_COUNT_SW_DUMMY,
    .disabled = 1,
    .exclude_kernel = 1,
    .exclude_hv = 1,
};

static void find_out(void)
{
    long fd = syscall(SYS_perf_event_open, &counter, 0, -1, -1, 0);

    if (fd < 0)
        kit_skip("there is no perf_event_open, or not for everyone (kernel.perf_event_paranoid)");
    close((int)fd);
}
BEFORE(find_out)

SCENARIO
{
    struct perf_event_attr *attr = kit_at_edge(PERF_ATTR_SIZE_VER0), wrong = counter;
    void *attr_cut = kit_at_edge(PERF_ATTR_SIZE_VER0 - 1);
    uint64_t value;
    long fd;

    memcpy(attr, &counter, PERF_ATTR_SIZE_VER0);
    fd = OK(perf_event_open, attr, 0, -1, -1, 0);
    OK(perf_event_open, &counter, kit_tid(), -1, fd, PERF_FLAG_FD_CLOEXEC);
    kit_descriptors();
    OK(ioctl, fd, PERF_EVENT_IOC_ENABLE, 0);
    OK(read, fd, &value, sizeof(value));
    FAILS(ENOSPC, read, fd, &value, sizeof(value) - 1);
    FAILS(EINVAL, perf_event_open, &counter, 0, -1, -1, 1UL << 40);
    FAILS(EINVAL, perf_event_open, &counter, -1, -1, -1, 0);
    FAILS(ESRCH, perf_event_open, &counter, INT_MAX, -1, -1, 0);
    FAILS(EBADF, perf_event_open, &counter, 0, -1, 99, 0);
    FAILS(EFAULT, perf_event_open, BAD, 0, -1, -1, 0);
    FAILS(EFAULT, perf_event_open, NULL, 0, -1, -1, 0);
    memcpy(attr_cut, &counter, PERF_ATTR_SIZE_VER0 - 1);
    FAILS(EFAULT, perf_event_open, attr_cut, 0, -1, -1, 0);
    wrong.size = 8;
    FAILS(E2BIG, perf_event_open, &wrong, 0, -1, -1, 0);
    if (wrong.size < PERF_ATTR_SIZE_VER0)
        kit_fail("the kernel has not said how large it is to be");
}
