// SPDX-License-Identifier: Apache-2.0
/* clone, as nobody calls it but those who make threads of their own kind. */

#include <sched.h>

#include "powerless.h"

static long sibling;
static int gate[2];
static volatile int shared;

static void leave(void *data)
{
    OK(getppid);
    EXIT_GROUP(*(int *)data);
}

static void change_memory(void *data)
{
    shared++;
    OK(getpid);
    EXIT(*(int *)data);
}

static void wait_at_gate(void *data)
{
    char byte;

    OK(read, gate[0], &byte, 1);
    OK(getppid);
    EXIT_GROUP(*(int *)data);
}

/* Its child is its parent's. */
static void have_a_sibling(void *data)
{
    sibling = kit_clone(CLONE_PARENT | SIGCHLD, wait_at_gate, data);
    FAILS(ECHILD, wait4, -1, NULL, 0, NULL);
    EXIT_GROUP(0);
}

static void sibling_of_a_child(int *status)
{
    OK(pipe, gate);
    kit_reap(kit_vfork(have_a_sibling, status));
    OK(write, gate[1], "x", 1);
    kit_reap(sibling);
}

/* Children that say nothing when they end, or something else: only who asks for all of them finds them. */
static void silent_children(int *status)
{
    int found = 0;
    long child = kit_clone(0, leave, status);

    kit_await(child);
    FAILS(ECHILD, wait4, child, &found, 0, NULL);
    OK(wait4, child, &found, __WCLONE, NULL);
    child = kit_clone(SIGWINCH, leave, status);
    kit_await(child);
    FAILS(ECHILD, wait4, -1, &found, WNOHANG, NULL);
    OK(wait4, -1, &found, __WALL, NULL);
    if (found != *status << 8)
        kit_fail("a child ended otherwise");
}

SCENARIO
{
    int seven = 7;

    kit_reap(kit_clone(CLONE_VM | SIGCHLD, change_memory, &seven));
    kit_reap(kit_clone(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | SIGCHLD, change_memory, &seven));
    kit_reap(kit_clone(CLONE_VM | CLONE_VFORK | SIGCHLD, change_memory, &seven));
    if (shared != 3)
        kit_fail("the memory is not shared");
    kit_reap(kit_clone(CLONE_FS | CLONE_FILES | CLONE_IO | CLONE_SYSVSEM | SIGCHLD, leave, &seven));
    sibling_of_a_child(&seven);
    silent_children(&seven);
}
