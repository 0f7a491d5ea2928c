// SPDX-License-Identifier: Apache-2.0
/* Memory of processes that are being killed: released early, or too early, or too late. */

#include "powerless.h"

static void find_out(void)
{
    if (syscall(SYS_process_mrelease, -1, 0) < 0 && errno == ENOSYS)
        kit_skip("there is no process_mrelease");
}
BEFORE(find_out)

static void wait_for_death(void *data)
{
    NEVER_RETURNS(read, *(int *)data, data, 1);
}

SCENARIO
{
    int pair[2];
    long child, pidfd;

    FAILS(EINVAL, process_mrelease, -1, 1);
    FAILS(EBADF, process_mrelease, -1, 0);
    OK(pipe, pair);
    child = kit_fork(wait_for_death, &pair[0]);
    kit_wait_asleep(child, SYS_read);
    pidfd = OK(pidfd_open, child, 0);
    FAILS(EINVAL, process_mrelease, pidfd, 0); /* it lives */
    OK(kill, child, SIGKILL);
    if (kit_await(child) != SIGKILL)
        kit_fail("a child ended otherwise");
    FAILS(ESRCH, process_mrelease, pidfd, 0);
    OK(wait4, child, NULL, 0, NULL);
}
