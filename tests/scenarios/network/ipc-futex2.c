// SPDX-License-Identifier: Apache-2.0
/* The newer futex calls: a call each for waiting, waking and moving. */

#include <sched.h>
#include <time.h>
#include <unistd.h>

#include "kit/kit.h"

#ifndef SYS_futex_wake
#define SYS_futex_wake 454
#define SYS_futex_wait 455
#define SYS_futex_requeue 456
#endif

#define SIZE_32 2
#define PRIVATE 128
#define ANY UINT64_C(0xffffffff)

struct waiter {
    uint64_t value, address;
    uint32_t flags, reserved;
};

static uint32_t words[2];

static void need_futex2(void)
{
    if (syscall(SYS_futex_wake, NULL, 0, 0, 0) < 0 && (errno == ENOSYS || errno == EPERM))
        kit_skip("there is no futex_wake");
}

BEFORE(need_futex2)

static void waiting(void *data)
{
    (void)data;
    OK(futex_wait, &words[0], 0, ANY, SIZE_32, NULL, CLOCK_MONOTONIC);
}

static long waiter(void)
{
    long child = kit_clone(CLONE_VM | SIGCHLD, waiting, NULL);

    kit_wait_asleep(child, SYS_futex_wait);
    return child;
}

SCENARIO
{
    static const struct timespec past = {.tv_sec = 1};
    struct waiter from_to[2] = {{0, (uintptr_t)&words[0], SIZE_32, 0}, {0, (uintptr_t)&words[1], SIZE_32, 0}};
    long children[2];

    OK(futex_wake, &words[0], ANY, 1, SIZE_32 | PRIVATE);
    OK(futex_wake, &words[0], ANY, 0, SIZE_32);
    children[0] = waiter();
    OK(futex_wake, &words[0], ANY, 5, SIZE_32);
    kit_reap(children[0]);
    children[0] = waiter();
    children[1] = waiter();
    OK(futex_requeue, from_to, 0, 1, 1);
    OK(futex_wake, &words[1], ANY, 1, SIZE_32);
    kit_reap(children[0]);
    kit_reap(children[1]);
    FAILS(EAGAIN, futex_wait, &words[0], 1, ANY, SIZE_32, NULL, CLOCK_MONOTONIC);
    FAILS(ETIMEDOUT, futex_wait, &words[0], 0, ANY, SIZE_32 | PRIVATE, &past, CLOCK_MONOTONIC);
    FAILS(EINVAL, futex_wait, &words[0], 0, 0, SIZE_32, NULL, CLOCK_MONOTONIC);
    FAILS(EINVAL, futex_wait, &words[0], 0, ANY, SIZE_32, &past, 99);
    FAILS(EFAULT, futex_wait, &words[0], 0, ANY, SIZE_32, BAD, CLOCK_MONOTONIC);
    FAILS(EFAULT, futex_wait, BAD, 0, ANY, SIZE_32, NULL, CLOCK_MONOTONIC);
    FAILS(EINVAL, futex_wake, &words[0], ANY, 1, 0x40);
    FAILS(EINVAL, futex_wake, (uintptr_t)&words[0] + 2, ANY, 1, SIZE_32);
    FAILS(EINVAL, futex_requeue, from_to, 1, 1, 1);
    FAILS(EINVAL, futex_requeue, NULL, 0, 1, 1);
    FAILS(EFAULT, futex_requeue, BAD, 0, 1, 1);
    from_to[0].value = 1;
    FAILS(EAGAIN, futex_requeue, from_to, 0, 1, 1);
}
