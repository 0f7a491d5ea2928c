// SPDX-License-Identifier: Apache-2.0
/* clone3, and arguments of sizes that there are and are not. */

#include <linux/sched.h>
#include <sched.h>

#include "powerless.h"

static void find_out(void)
{
    if (syscall(SYS_clone3, NULL, 0) < 0 && errno != EINVAL)
        kit_skip("there is no clone3, or not for everyone");
}
BEFORE(find_out)

static void leave(void *data)
{
    OK(getppid);
    EXIT_GROUP(*(int *)data);
}

static void thread(void *data)
{
    (void)data;
    OK(getpid);
}

SCENARIO
{
    struct clone_args how = {.flags = CLONE_THREAD};
    uint64_t longer[16] = {0};
    int six = 6;

    if (kit_reap(kit_clone3(0, SIGCHLD, leave, &six)) != 6 << 8)
        kit_fail("a child ended otherwise");
    kit_reap(kit_clone3(CLONE_FS | CLONE_FILES, SIGCHLD, leave, &six));
    kit_reap(kit_clone3(CLONE_VM | CLONE_VFORK, SIGCHLD, leave, &six));
    kit_join(kit_clone3(KIT_THREAD, 0, thread, NULL));
    kit_join(kit_clone3(KIT_THREAD, 0, thread, NULL));
    FAILS(EINVAL, clone3, &how, sizeof(how));
    FAILS(EINVAL, clone3, &how, CLONE_ARGS_SIZE_VER0 - 1);
    FAILS(EINVAL, clone3, &how, 0);
    FAILS(EFAULT, clone3, BAD, sizeof(how));
    FAILS(EFAULT, clone3, NULL, sizeof(how));
    FAILS(EFAULT, clone3, kit_at_edge(32), sizeof(how));
    FAILS(E2BIG, clone3, kit_at_edge(64), 1 << 20);
    longer[15] = 1;
    FAILS(E2BIG, clone3, longer, sizeof(longer));
    how = (struct clone_args){.flags = 1}; /* the exit signal has a place of its own */
    FAILS(EINVAL, clone3, &how, sizeof(how));
}
