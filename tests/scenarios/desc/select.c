// SPDX-License-Identifier: Apache-2.0
/* select and pselect6: sets of all sizes, ready and not, descriptors that are closed, and a signal. */

#include <sys/time.h>

#include "kit/kit.h"

static uint64_t reading[16], writing[16], failing[16];
static struct timeval none, negative = {.tv_sec = -1};
static struct timespec at_once, a_while = {.tv_sec = 60}, wrong = {.tv_nsec = 1000000000};
static uint64_t no_signals;
static struct {
    const uint64_t *set;
    size_t size;
} mask = {&no_signals, 8}, wrong_mask = {&no_signals, 3};

static void interrupt_select(void *data)
{
    kit_wait_asleep(*(long *)data, SYS_select);
    OK(kill, *(long *)data, SIGUSR1);
}

static void interrupt_pselect(void *data)
{
    kit_wait_asleep(*(long *)data, SYS_pselect6);
    OK(kill, *(long *)data, SIGUSR1);
}

static void wait_for_signals(int fd)
{
    long self = kit_tid();
    long child;

    kit_handle(SIGUSR1, 0, NULL);
    reading[0] = UINT64_C(1) << fd;
    child = kit_fork(interrupt_select, &self);
    FAILS(EINTR, select, fd + 1, reading, NULL, NULL, NULL);
    kit_reap(child);
    child = kit_fork(interrupt_pselect, &self);
    FAILS(EINTR, pselect6, fd + 1, reading, NULL, NULL, &a_while, &mask);
    kit_reap(child);
}

static void refuse(void)
{
    FAILS(EFAULT, select, 10, BAD, NULL, NULL, &none);
    FAILS(EFAULT, select, 10, kit_at_edge(4), NULL, NULL, &none); /* half of a word */
    FAILS(EFAULT, select, 65, NULL, kit_at_edge(8), NULL, &none);
    FAILS(EFAULT, select, 10, NULL, NULL, NULL, BAD);
    FAILS(EINVAL, select, -1, reading, NULL, NULL, &none);
    FAILS(EINVAL, select, INT_MIN, kit_at_edge(8), NULL, NULL, &none);
    FAILS(EINVAL, select, 0, NULL, NULL, NULL, &negative);
    FAILS(EFAULT, pselect6, 10, NULL, NULL, BAD, &at_once, NULL);
    FAILS(EFAULT, pselect6, 0, NULL, NULL, NULL, &at_once, BAD);
    FAILS(EFAULT, pselect6, 0, NULL, NULL, NULL, BAD, NULL);
    FAILS(EINVAL, pselect6, 0, NULL, NULL, NULL, &wrong, NULL);
    FAILS(EINVAL, pselect6, 0, NULL, NULL, NULL, &at_once, &wrong_mask);
    reading[0] = UINT64_C(1) << 50;
    FAILS(EBADF, select, 64, reading, NULL, NULL, &none);
    FAILS(EBADF, pselect6, 51, reading, NULL, NULL, &at_once, NULL);
}

SCENARIO
{
    int pair[2];

    OK(pipe, pair);
    OK(dup2, pair[1], 200); /* Linux looks no further than its table of descriptors goes: let that be large */
    OK(close, 200);
    OK(select, 0, NULL, NULL, NULL, &none);
    OK(pselect6, 0, NULL, NULL, NULL, &at_once, NULL);
    OK(select, 0, BAD, BAD, BAD, &none);
    wait_for_signals(pair[0]);
    OK(dup2, pair[1], 63);
    reading[0] = UINT64_C(1) << pair[0];
    writing[0] = UINT64_C(1) << pair[1] | UINT64_C(1) << 63;
    failing[0] = reading[0];
    OK(select, 64, reading, writing, failing, &none);
    OK(write, 63, "x", 1);
    reading[0] = UINT64_C(1) << pair[0];
    OK(select, 63, reading, writing, NULL, NULL);
    OK(pselect6, 64, reading, writing, failing, &at_once, &mask);
    OK(pselect6, 64, reading, writing, failing, NULL, NULL);
    OK(select, 1, reading, NULL, NULL, &none); /* the bits above are not looked at */
    writing[0] = UINT64_C(1) << 63;
    memcpy(kit_at_edge(8), writing, 8);
    OK(select, 64, NULL, kit_at_edge(8), NULL, &none);
    refuse();
}
