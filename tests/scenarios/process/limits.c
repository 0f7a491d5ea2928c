// SPDX-License-Identifier: Apache-2.0
/* Limits, and what was used of them. */

#include <sys/resource.h>

#include "powerless.h"

static void lower(void *data)
{
    struct rlimit limit, again;

    (void)data;
    OK(getrlimit, RLIMIT_CORE, &limit);
    limit.rlim_cur = 0;
    OK(setrlimit, RLIMIT_CORE, &limit);
    limit = (struct rlimit){.rlim_cur = 20, .rlim_max = 20};
    OK(prlimit64, 0, RLIMIT_NOFILE, &limit, &again);
    OK(prlimit64, 0, RLIMIT_NOFILE, NULL, &limit);
    OK(prlimit64, kit_tid(), RLIMIT_NOFILE, NULL, NULL);
    EXIT_GROUP(0);
}

static void failures(void)
{
    struct rlimit limit = {.rlim_cur = 2, .rlim_max = 1};

    FAILS(EINVAL, getrlimit, 99, &limit);
    FAILS(EFAULT, getrlimit, RLIMIT_CORE, BAD);
    FAILS(EFAULT, getrlimit, RLIMIT_CORE, NULL);
    FAILS(EINVAL, setrlimit, RLIMIT_NOFILE, &limit);
    FAILS(EINVAL, setrlimit, 99, &limit);
    FAILS(EFAULT, setrlimit, RLIMIT_NOFILE, BAD);
    FAILS(EFAULT, setrlimit, RLIMIT_NOFILE, NULL);
    FAILS(EFAULT, setrlimit, RLIMIT_NOFILE, kit_at_edge(8));
    FAILS(EINVAL, prlimit64, 0, RLIMIT_NOFILE, &limit, NULL);
    FAILS(EINVAL, prlimit64, 0, 99, NULL, NULL);
    FAILS(ESRCH, prlimit64, NO_SUCH_PID, RLIMIT_NOFILE, NULL, NULL);
    FAILS(EFAULT, prlimit64, 0, RLIMIT_NOFILE, BAD, NULL);
    FAILS(EFAULT, prlimit64, 0, RLIMIT_NOFILE, NULL, BAD);
}

SCENARIO
{
    struct rlimit limit;
    struct rusage usage;

    OK(getrlimit, RLIMIT_NOFILE, &limit);
    OK(getrlimit, RLIMIT_NOFILE, kit_at_edge(sizeof(limit)));
    OK(getrlimit, RLIMIT_CPU, &limit); /* infinite, most often */
    OK(setrlimit, RLIMIT_CPU, &limit);
    in_a_child(lower);
    failures();
    OK(getrusage, RUSAGE_SELF, &usage);
    OK(getrusage, RUSAGE_CHILDREN, &usage);
    OK(getrusage, RUSAGE_THREAD, &usage);
    FAILS(EINVAL, getrusage, 99, &usage);
    FAILS(EFAULT, getrusage, RUSAGE_SELF, BAD);
}
