// SPDX-License-Identifier: Apache-2.0
/* A user who may have no more processes: each way to make one fails. */

#include <sched.h>
#include <sys/resource.h>

#include "powerless.h"

#define ANOTHER 54321

static uid_t uid;

static void find_out(void)
{
    int status;
    pid_t child = fork();

    if (!child) {
        const struct rlimit none = {0};

        if ((!geteuid() && setresuid(ANOTHER, ANOTHER, ANOTHER) < 0) || setrlimit(RLIMIT_NPROC, &none) < 0)
            _exit(1);
        if (syscall(SYS_fork) < 0)
            _exit(0);
        _exit(1);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || status)
        kit_skip("nobody limits the number of processes");
    uid = geteuid();
}
BEFORE(find_out)

static void alone(void *data)
{
    const struct rlimit none = {0};

    (void)data;
    if (!uid)
        OK(setresuid, ANOTHER, ANOTHER, ANOTHER);
    OK(setrlimit, RLIMIT_NPROC, &none);
    FAILS(EAGAIN, fork);
    FAILS(EAGAIN, vfork);
    FAILS(EAGAIN, clone, SIGCHLD, 0, 0, 0, 0);
    EXIT_GROUP(0);
}

SCENARIO
{
    in_a_child(alone);
}
