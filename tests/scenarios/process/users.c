// SPDX-License-Identifier: Apache-2.0
/* Users and groups: to become who one is, and not to become anybody else. */

#include "powerless.h"

#define ANOTHER 54321

static uid_t uid;
static gid_t gid;

static void find_out(void)
{
    uid = geteuid();
    gid = getegid();
    if (uid == ANOTHER || gid == ANOTHER || getuid() != uid || getgid() != gid)
        kit_skip("a user with one id, and not 54321, is needed");
}
BEFORE(find_out)

static void remain(void)
{
    OK(setuid, uid);
    OK(setgid, gid);
    OK(setreuid, uid, uid);
    OK(setregid, gid, gid);
    OK(setreuid, -1, -1);
    OK(setregid, -1, -1);
    OK(setresuid, uid, uid, uid);
    OK(setresgid, gid, gid, gid);
    OK(setresuid, -1, -1, -1);
    OK(setresgid, -1, -1, -1);
    OK(setfsuid, uid);
    OK(setfsgid, gid);
    OK(setfsuid, -1); /* tells who one is */
    OK(setfsgid, -1);
}

static void powerless(void *data)
{
    (void)data;
    become_powerless();
    FAILS(EPERM, setuid, ANOTHER);
    FAILS(EPERM, setgid, ANOTHER);
    FAILS(EPERM, setreuid, ANOTHER, -1);
    FAILS(EPERM, setregid, -1, ANOTHER);
    FAILS(EPERM, setresuid, -1, -1, ANOTHER);
    FAILS(EPERM, setresgid, ANOTHER, ANOTHER, ANOTHER);
    OK(setfsuid, ANOTHER); /* the old one: there is no other answer */
    OK(setfsgid, ANOTHER);
    OK(setfsuid, -1);
    remain();
    OK(getuid);
    OK(getegid);
    EXIT_GROUP(0);
}

SCENARIO
{
    uid_t uids[3];
    gid_t gids[3];

    OK(getuid);
    OK(geteuid);
    OK(getgid);
    OK(getegid);
    OK(getresuid, &uids[0], &uids[1], &uids[2]);
    OK(getresgid, &gids[0], &gids[1], &gids[2]);
    OK(getresuid, kit_at_edge(4), kit_at_edge(8), kit_at_edge(12));
    FAILS(EFAULT, getresuid, &uids[0], BAD, &uids[2]);
    FAILS(EFAULT, getresgid, NULL, &gids[1], &gids[2]);
    remain();
    FAILS(EINVAL, setuid, -1);
    FAILS(EINVAL, setgid, -1);
    in_a_child(powerless);
}
