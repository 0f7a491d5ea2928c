// SPDX-License-Identifier: Apache-2.0
/* Root becomes somebody else, for a moment and for good. */

#include <sys/prctl.h>

#include "powerless.h"

#define SOMEBODY 54321
#define ANOTHER 54322

static void find_out(void)
{
    int status;
    pid_t child = fork();

    if (!child)
        _exit(syscall(SYS_setgroups, 0, NULL) < 0 || syscall(SYS_setresgid, ANOTHER, ANOTHER, ANOTHER) < 0 ||
              syscall(SYS_setresuid, ANOTHER, ANOTHER, ANOTHER) < 0);
    if (geteuid() || child < 0 || waitpid(child, &status, 0) != child || status)
        kit_skip("only root becomes somebody else");
}
BEFORE(find_out)

static void for_a_moment(void *data)
{
    uid_t uids[3];

    (void)data;
    OK(setresgid, -1, SOMEBODY, -1);
    OK(setresuid, -1, SOMEBODY, -1);
    OK(geteuid);
    OK(getuid);
    OK(getresuid, &uids[0], &uids[1], &uids[2]);
    FAILS(EPERM, setgid, ANOTHER);
    OK(setuid, 0); /* it still may */
    OK(setreuid, 0, SOMEBODY);
    OK(setreuid, SOMEBODY, 0);
    OK(setfsuid, ANOTHER);
    OK(setfsuid, 0);
    OK(setfsgid, ANOTHER);
    EXIT_GROUP(0);
}

static void for_good(void *data)
{
    (void)data;
    OK(setgroups, 2, ((gid_t[]){SOMEBODY, ANOTHER}));
    OK(setregid, SOMEBODY, ANOTHER);
    OK(setgid, SOMEBODY);
    OK(setuid, SOMEBODY);
    OK(getuid);
    OK(getgid);
    FAILS(EPERM, setuid, 0);
    FAILS(EPERM, setgroups, 0, NULL);
    OK(kill, kit_tid(), 0);
    EXIT_GROUP(0);
}

SCENARIO
{
    in_a_child(for_a_moment);
    in_a_child(for_good);
    OK(geteuid);
}
