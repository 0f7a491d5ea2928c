// SPDX-License-Identifier: Apache-2.0
/* Whoever is a reaper by choice becomes the parent of its descendants' orphans. */

#include <sys/prctl.h>

#include "powerless.h"

static int gate[2];
static long grandchild;

static void wait_for_another_parent(void *data)
{
    char byte;

    (void)data;
    OK(getppid);
    OK(read, gate[0], &byte, 1);
    OK(getppid);
    EXIT_GROUP(2);
}

static void abandon(void *data)
{
    (void)data;
    grandchild = kit_fork(wait_for_another_parent, NULL);
    kit_wait_asleep(grandchild, SYS_read);
    EXIT_GROUP(1);
}

SCENARIO
{
    int status;

    OK(pipe, gate);
    OK(prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    OK(prctl, PR_GET_CHILD_SUBREAPER, &status, 0, 0, 0);
    kit_reap(kit_vfork(abandon, NULL)); /* its memory is ours: the grandchild is known */
    OK(wait4, -1, &status, WNOHANG, NULL);
    OK(write, gate[1], "x", 1);
    kit_await(grandchild);
    OK(wait4, -1, &status, 0, NULL);
    if (status != 2 << 8)
        kit_fail("the orphan ended otherwise");
    FAILS(ECHILD, wait4, -1, &status, 0, NULL);
}
