// SPDX-License-Identifier: Apache-2.0
/* prctl: names of threads, and other things. */

#include <sys/prctl.h>

#include "kit/kit.h"

static void named_thread(void *data)
{
    char name[16];

    (void)data;
    OK(prctl, PR_SET_NAME, "a thread", 0, 0, 0);
    OK(prctl, PR_GET_NAME, name, 0, 0, 0);
    if (strcmp(name, "a thread"))
        kit_fail("the kernel has another name");
}

static void names(void)
{
    char *edge = kit_at_edge(5);

    OK(prctl, PR_SET_NAME, "", 0, 0, 0);
    OK(prctl, PR_SET_NAME, "fifteen letters", 0, 0, 0);
    OK(prctl, PR_SET_NAME, "more than fifteen letters", 0, 0, 0);
    OK(prctl, PR_SET_NAME, "\xff\xfe\n\"\\", 0, 0, 0);
    memcpy(edge, "edge", 5);
    OK(prctl, PR_SET_NAME, edge, 0, 0, 0);
    FAILS(EFAULT, prctl, PR_SET_NAME, BAD, 0, 0, 0);
    FAILS(EFAULT, prctl, PR_SET_NAME, NULL, 0, 0, 0);
}

SCENARIO
{
    int signo = -1;

    names();
    kit_join(kit_clone(KIT_THREAD, named_thread, NULL));
    OK(prctl, PR_SET_PDEATHSIG, SIGUSR1, 0, 0, 0);
    OK(prctl, PR_GET_PDEATHSIG, &signo, 0, 0, 0);
    OK(prctl, PR_SET_PDEATHSIG, 0, 0, 0, 0);
    FAILS(EINVAL, prctl, PR_SET_PDEATHSIG, 999, 0, 0, 0);
    OK(prctl, PR_GET_DUMPABLE, 0, 0, 0, 0);
    OK(prctl, PR_SET_KEEPCAPS, 0, 0, 0, 0);
    OK(prctl, PR_GET_KEEPCAPS, 0, 0, 0, 0);
    OK(prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    OK(prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
    FAILS(EINVAL, prctl, PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0);
    FAILS(EINVAL, prctl, 99999, 1, 2, 3, 4);
    FAILS(EINVAL, prctl, -1, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX);
}
