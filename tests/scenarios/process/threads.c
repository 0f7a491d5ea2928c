// SPDX-License-Identifier: Apache-2.0
/* Threads: many of them, some that outlive their process's first. */

#include "powerless.h"

#define MANY 12

static int gate[2];

static void call_often(void *data)
{
    (void)data;
    for (int i = 0; i < 20; i++)
        OK(getpid);
    OK(gettid);
    EXIT(5);
}

static void have_a_child(void *data)
{
    int status = kit_reap(kit_fork(call_often, data));

    EXIT(status >> 8);
}

static void many(void *data)
{
    long threads[MANY + 1];

    (void)data;
    for (int i = 0; i < MANY; i++)
        threads[i] = kit_clone(KIT_THREAD, call_often, NULL);
    threads[MANY] = kit_clone(KIT_THREAD, have_a_child, NULL);
    for (int i = 0; i <= MANY; i++)
        kit_join(threads[i]);
    EXIT_GROUP(0);
}

static void outlive(void *data)
{
    char byte;

    (void)data;
    OK(read, gate[0], &byte, 1);
    OK(getpid);
    EXIT(5);
}

static void outlive_and_end_all(void *data)
{
    char byte;

    (void)data;
    OK(read, gate[0], &byte, 1);
    OK(getpid);
    EXIT_GROUP(6);
}

/* The process's status is what the first thread has left (since Linux 5.18: the last), unless all are ended at once. */
static void leave_first(void *data)
{
    kit_clone(KIT_THREAD, data ? outlive : outlive_and_end_all, NULL);
    EXIT(3);
}

static void end_all(void *data)
{
    while (__atomic_load_n((int *)data, __ATOMIC_ACQUIRE) != 2)
        ;
    EXIT_GROUP(9);
}

static void compute(void *data)
{
    __atomic_fetch_add((int *)data, 1, __ATOMIC_RELEASE);
    for (;;)
        ;
}

static void end_of_all(void *data)
{
    kit_clone(KIT_THREAD, compute, data);
    kit_clone(KIT_THREAD, end_all, data);
    compute(data);
}

static void sleep_for_ever(void *data)
{
    NEVER_RETURNS(read, gate[0], data, 1);
}

static void end_of_sleepers(void *data)
{
    char byte;
    long first = kit_clone(KIT_THREAD, sleep_for_ever, &byte), second = kit_clone(KIT_THREAD, sleep_for_ever, &byte);

    (void)data;
    kit_wait_asleep(first, SYS_read);
    kit_wait_asleep(second, SYS_read);
    EXIT_GROUP(10);
}

SCENARIO
{
    int count = 0, status;
    long child;

    in_a_child(many);
    OK(pipe, gate);
    child = kit_fork(leave_first, &count);
    kit_wait_ended(child);
    OK(write, gate[1], "x", 1);
    status = kit_reap(child);
    if (status != 3 << 8 && status != 5 << 8)
        kit_fail("the process's status is no thread's");
    child = kit_fork(leave_first, NULL);
    kit_wait_ended(child);
    OK(write, gate[1], "x", 1);
    if (kit_reap(child) != 6 << 8)
        kit_fail("the process's status is another");
    if (kit_reap(kit_fork(end_of_all, &count)) != 9 << 8)
        kit_fail("the process's status is another");
    if (kit_reap(kit_fork(end_of_sleepers, NULL)) != 10 << 8)
        kit_fail("the process's status is another");
}
