/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_SCENARIO_FILE_INSIDE_H
#define SYSFOLD_SCENARIO_FILE_INSIDE_H

/*
 * What only root may do to mounts, a child may do to its own, in user and
 * mount namespaces that end with it: nothing of it is seen outside.
 */

#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>

#include "here.h"

#define INSIDE (CLONE_NEWUSER | CLONE_NEWNS | SIGCHLD)

/* For BEFORE: would `attempt`, in such a child, return true? Else this machine cannot run the scenario. */
HERE_UNUSED static void inside_need(bool (*attempt)(void), const char *why)
{
    int status = 0;
    pid_t child = fork();

    if (child < 0)
        kit_fail("it cannot fork");
    if (!child)
        _exit(unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0 || !attempt());
    if (waitpid(child, &status, 0) != child)
        kit_fail("it cannot wait");
    here_need(status == 0, why);
}

HERE_UNUSED static bool inside_tmpfs(void)
{
    return mount("tmpfs", "mnt", "tmpfs", 0, NULL) == 0;
}

#endif
