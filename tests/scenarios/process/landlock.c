// SPDX-License-Identifier: Apache-2.0
/* A ruleset that forbids making directories. */

#include <linux/landlock.h>
#include <sys/prctl.h>

#include "powerless.h"

static void find_out(void)
{
    if (syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) < 0)
        kit_skip("there is no landlock");
}
BEFORE(find_out)

static void confined(void *data)
{
    long fd = *(long *)data;

    OK(prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    FAILS(EINVAL, landlock_restrict_self, fd, 0x80000000);
    FAILS(EBADF, landlock_restrict_self, 99, 0);
    OK(landlock_restrict_self, fd, 0);
    FAILS(EACCES, mkdir, "there", 0755);
    OK(mkdir, "here/there", 0755);
    EXIT_GROUP(0);
}

SCENARIO
{
    struct landlock_ruleset_attr rules = {.handled_access_fs = LANDLOCK_ACCESS_FS_MAKE_DIR};
    struct landlock_path_beneath_attr rule = {.allowed_access = LANDLOCK_ACCESS_FS_MAKE_DIR};
    long fd;

    OK(mkdir, "here", 0755);
    OK(landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION); /* a number, and no descriptor */
    kit_descriptors();
    fd = OK(landlock_create_ruleset, &rules, 8, 0);
    rule.parent_fd = (int)OK(open, "here", O_PATH | O_DIRECTORY, 0);
    OK(landlock_add_rule, fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    FAILS(EINVAL, landlock_add_rule, fd, 99, &rule, 0);
    FAILS(EINVAL, landlock_add_rule, fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 99);
    FAILS(EBADF, landlock_add_rule, 99, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    FAILS(EFAULT, landlock_add_rule, fd, LANDLOCK_RULE_PATH_BENEATH, BAD, 0);
    FAILS(EINVAL, landlock_create_ruleset, &rules, 1, 0);
    FAILS(EFAULT, landlock_create_ruleset, BAD, 8, 0);
    FAILS(EINVAL, landlock_create_ruleset, &rules, 8, 0x80000000);
    kit_reap(kit_fork(confined, &fd));
    kit_descriptors();
    OK(close, fd);
}
