// SPDX-License-Identifier: Apache-2.0
/* A filter that allows everything, and some that are none. */

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

#include "kit/kit.h"

static void confined(void *data)
{
    struct sock_filter allow = {.code = BPF_RET | BPF_K, .k = SECCOMP_RET_ALLOW};
    struct sock_fprog program = {.len = 1, .filter = &allow};
    struct sock_fprog empty = {.len = 0, .filter = &allow};
    struct sock_fprog broken = {.len = 1, .filter = BAD};

    (void)data;
    OK(prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    OK(seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
    OK(prctl, PR_GET_SECCOMP, 0, 0, 0, 0);
    OK(prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
    FAILS(EINVAL, seccomp, SECCOMP_SET_MODE_FILTER, 0, &empty);
    FAILS(EFAULT, seccomp, SECCOMP_SET_MODE_FILTER, 0, &broken);
    FAILS(EFAULT, seccomp, SECCOMP_SET_MODE_FILTER, 0, BAD);
    FAILS(EINVAL, seccomp, SECCOMP_SET_MODE_STRICT, 0, NULL); /* too late */
    OK(getpid);
    EXIT_GROUP(0);
}

SCENARIO
{
    uint32_t action = SECCOMP_RET_ALLOW, none = 0x12340000;

    OK(seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action);
    FAILS(EOPNOTSUPP, seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &none);
    FAILS(EINVAL, seccomp, 99, 0, NULL);
    FAILS(EINVAL, seccomp, SECCOMP_SET_MODE_STRICT, 1, NULL);
    FAILS(EINVAL, seccomp, SECCOMP_SET_MODE_FILTER, 0x8000, &action);
    kit_reap(kit_fork(confined, NULL));
}
