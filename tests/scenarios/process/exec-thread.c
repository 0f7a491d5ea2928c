// SPDX-License-Identifier: Apache-2.0
/* A thread executes: the others end, and it goes on under the first one's name. */

#include "powerless.h"

static int gate[2];
static int ready; /* threads that have nothing more to say */

static void await_ready(int count)
{
    while (__atomic_load_n(&ready, __ATOMIC_ACQUIRE) != count)
        ;
}

static void compute(void *data)
{
    (void)data;
    __atomic_fetch_add(&ready, 1, __ATOMIC_RELEASE);
    for (;;)
        ;
}

static void sleep_in_a_call(void *data)
{
    NEVER_RETURNS(read, gate[0], data, 1);
}

/* When as many others as `data` says have nothing more to say. */
static void execute(void *data)
{
    await_ready((int)(intptr_t)data);
    EXECVE(kit_self(), ((const char *[]){"x", "executed", NULL}), kit_environment());
}

static void execute_among_others(void *data)
{
    kit_wait_asleep(*(long *)data, SYS_read);
    execute((void *)1);
}

/* The first thread has gone before. */
static void execute_alone(void *data)
{
    kit_wait_ended(*(long *)data);
    execute(NULL);
}

static void while_all_compute(void *data)
{
    kit_clone(KIT_THREAD, compute, NULL);
    kit_clone(KIT_THREAD, execute, (void *)2);
    compute(data);
}

static void while_others_sleep(void *data)
{
    static long sleeper;

    sleeper = kit_clone(KIT_THREAD, sleep_in_a_call, &sleeper);
    kit_clone(KIT_THREAD, execute_among_others, &sleeper);
    compute(data);
}

static void when_the_first_has_gone(void *data)
{
    static long first;

    (void)data;
    first = kit_tid();
    kit_clone(KIT_THREAD, execute_alone, &first);
    EXIT(1);
}

static void by_the_first(void *data)
{
    (void)data;
    kit_clone(KIT_THREAD, compute, NULL);
    kit_clone(KIT_THREAD, compute, NULL);
    execute((void *)2);
}

static void failing(void *data)
{
    (void)data;
    FAILS(ENOENT, execve, "none", NULL, NULL);
}

static void check(kit_function *run)
{
    if (kit_reap(kit_fork(run, NULL)) != 7 << 8)
        kit_fail("a program ended otherwise");
}

SCENARIO
{
    if (!strcmp(argument, "executed")) {
        OK(gettid);
        OK(getpid);
        kit_descriptors();
        EXIT_GROUP(7);
    }
    OK(pipe2, gate, O_CLOEXEC);
    OK(dup, gate[0]);
    check(while_all_compute);
    check(while_others_sleep);
    check(when_the_first_has_gone);
    check(by_the_first);
    kit_join(kit_clone(KIT_THREAD, failing, NULL));
}
