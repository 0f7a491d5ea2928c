// SPDX-License-Identifier: Apache-2.0
/* Children by fork, vfork and clone; grandchildren; an orphan. */

#include <sched.h>

#include "powerless.h"

static void leave(void *data)
{
    EXIT_GROUP(*(int *)data);
}

static void have_children(void *data)
{
    int three = 3, four = 4;

    if (kit_reap(kit_fork(leave, &three)) != 3 << 8 || kit_reap(kit_vfork(leave, &four)) != 4 << 8)
        kit_fail("grandchildren ended otherwise");
    EXIT_GROUP(*(int *)data);
}

static int orders[2], answers[2];
static long orphan;

static void obey(void *data)
{
    char byte;

    OK(close, orders[1]);
    OK(read, orders[0], &byte, 1);
    OK(getpid);
    OK(write, answers[1], &byte, 1);
    EXIT_GROUP(*(int *)data);
}

/* Ends before its child, which goes on as somebody else's. */
static void abandon(void *data)
{
    orphan = kit_fork(obey, data);
    EXIT_GROUP(1);
}

static void have_an_orphan(int *status)
{
    char byte;

    OK(pipe, orders);
    OK(pipe, answers);
    kit_reap(kit_vfork(abandon, status)); /* its memory is ours: we know the orphan */
    OK(write, orders[1], "x", 1);
    OK(close, answers[1]);
    OK(read, answers[0], &byte, 1);
    OK(read, answers[0], &byte, 1); /* nobody has the other end: it is over */
    kit_ended(orphan, *status << 8);
}

SCENARIO
{
    int five = 5;

    if (kit_reap(kit_fork(leave, &five)) != 5 << 8)
        kit_fail("a child ended otherwise");
    kit_reap(kit_fork(have_children, &five));
    kit_reap(kit_vfork(have_children, &five));
    kit_reap(kit_clone(SIGCHLD, have_children, &five));
    have_an_orphan(&five);
    FAILS(EINVAL, clone, CLONE_THREAD | SIGCHLD, 0, 0, 0, 0);
    FAILS(EINVAL, clone, CLONE_SIGHAND | SIGCHLD, 0, 0, 0, 0);
    FAILS(EINVAL, clone, CLONE_FS | CLONE_NEWNS | SIGCHLD, 0, 0, 0, 0);
    FAILS(ECHILD, wait4, NO_SUCH_PID, NULL, 0, NULL);
}
