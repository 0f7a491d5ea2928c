// SPDX-License-Identifier: Apache-2.0
/* Futexes: nobody to wake, another value, time limits, two who wait, and the queue they are moved to. */

#include <linux/futex.h>
#include <sched.h>
#include <time.h>

#include "kit/kit.h"

static uint32_t first, second;
static const struct timespec none = {0}, moment = {.tv_nsec = 1000000}, wrong = {.tv_nsec = 1000000000},
                             far = {.tv_sec = 1L << 40};

static void alone(void)
{
    OK(futex, &first, FUTEX_WAKE, 1, NULL, NULL, 0);
    OK(futex, &first, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, INT_MAX, NULL, NULL, 0);
    OK(futex, &first, FUTEX_CMP_REQUEUE_PRIVATE, 1, 1, &second, 0);
    OK(futex, &first, FUTEX_WAKE_OP_PRIVATE, 1, 1, &second, FUTEX_OP(FUTEX_OP_ADD, 3, FUTEX_OP_CMP_EQ, 0));
    if (second != 3)
        kit_fail("FUTEX_WAKE_OP did not add");
    FAILS(EAGAIN, futex, &first, FUTEX_WAIT, 1, NULL, NULL, 0);
    FAILS(EAGAIN, futex, &first, FUTEX_CMP_REQUEUE, 1, 1, &second, 7);
    FAILS(ETIMEDOUT, futex, &first, FUTEX_WAIT_PRIVATE, 0, &moment, NULL, 0);
    FAILS(ETIMEDOUT, futex, &first, FUTEX_WAIT_PRIVATE, 0, &none, NULL, 0);
    FAILS(ETIMEDOUT, futex, &first, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &none, NULL, FUTEX_BITSET_MATCH_ANY);
    FAILS(EINVAL, futex, &first, FUTEX_WAIT, 0, &wrong, NULL, 0);
    FAILS(EINVAL, futex, &first, FUTEX_WAIT_BITSET, 0, NULL, NULL, 0);
    FAILS(EINVAL, futex, (uintptr_t)&first + 1, FUTEX_WAKE, 1, NULL, NULL, 0);
    FAILS(EFAULT, futex, BAD, FUTEX_WAIT, 0, NULL, NULL, 0);
    FAILS(EFAULT, futex, &first, FUTEX_WAIT, 0, BAD, NULL, 0);
    FAILS(ENOSYS, futex, &first, 99, 0, NULL, NULL, 0);
}

static void with_owners(void)
{
    static uint32_t lock;

    OK(futex, &lock, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0);
    if (lock != kit_tid())
        kit_fail("the lock is another's");
    FAILS(EDEADLK, futex, &lock, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0);
    OK(futex, &lock, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0);
    FAILS(EPERM, futex, &lock, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0);
}

static void waiting(void *data)
{
    (void)data;
    OK(futex, &first, FUTEX_WAIT, 0, NULL, NULL, 0);
}

static void waiting_for_two(void *data)
{
    (void)data;
    OK(futex, &first, FUTEX_WAIT_BITSET, 0, &far, NULL, 2);
}

static long waiter(kit_function *run)
{
    long child = kit_clone(CLONE_VM | SIGCHLD, run, NULL); /* ends as a thread cannot: with a wait for it */

    kit_wait_asleep(child, SYS_futex);
    return child;
}

SCENARIO
{
    long children[2];

    alone();
    with_owners();
    children[0] = waiter(waiting);
    if (OK(futex, &first, FUTEX_WAKE, 10, NULL, NULL, 0) != 1)
        kit_fail("one was to wake");
    kit_reap(children[0]);
    children[0] = waiter(waiting);
    children[1] = waiter(waiting);
    if (OK(futex, &first, FUTEX_CMP_REQUEUE, 1, 1, &second, 0) != 2)
        kit_fail("one was to wake, one to be moved");
    if (OK(futex, &second, FUTEX_WAKE, 1, NULL, NULL, 0) != 1)
        kit_fail("one was to wait there");
    kit_reap(children[0]);
    kit_reap(children[1]);
    children[0] = waiter(waiting_for_two);
    if (OK(futex, &first, FUTEX_WAKE_BITSET, 1, NULL, NULL, 1) != 0)
        kit_fail("nobody waits for the first bit");
    if (OK(futex, &first, FUTEX_WAKE_BITSET, 1, NULL, NULL, 3) != 1)
        kit_fail("one waits for the second bit");
    kit_reap(children[0]);
}
