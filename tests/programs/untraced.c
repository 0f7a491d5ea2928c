// SPDX-License-Identifier: Apache-2.0
/* Children that ask not to be traced, by clone and by clone3: their calls must not fail for it. */

#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int child_says(long child)
{
    int status;

    if (child == 0)
        _exit(syscall(SYS_getppid) == getppid() && syscall(SYS_getpgrp) > 0 ? 5 : 6);
    return child > 0 && waitpid((pid_t)child, &status, 0) == child && WEXITSTATUS(status) == 5;
}

int main(void)
{
    struct clone_args args = {.flags = CLONE_UNTRACED, .exit_signal = SIGCHLD};
    int by_clone = child_says(syscall(SYS_clone, (long)CLONE_UNTRACED | SIGCHLD, 0L, 0L, 0L, 0L));
    int by_clone3 = child_says(syscall(SYS_clone3, &args, sizeof(args)));

    printf("clone %d clone3 %d flags %d\n", by_clone, by_clone3, args.flags == CLONE_UNTRACED);
    return 0;
}
