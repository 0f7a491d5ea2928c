// SPDX-License-Identifier: Apache-2.0
/* The shortest scenario that has everything: a file, failures, a child, a thread, a signal. */

#include "kit/kit.h"

static volatile int handled;

static void note(int signo, siginfo_t *info)
{
    (void)info;
    handled = signo;
}

static void child(void *data)
{
    OK(getppid);
    EXIT_GROUP(*(int *)data);
}

static void thread(void *data)
{
    OK(write, *(int *)data, "from a thread", 13);
    __atomic_store_n((int *)data, -1, __ATOMIC_RELEASE);
}

SCENARIO
{
    int fd = (int)OK(open, "here", O_RDWR | O_CREAT, 0600);
    int status = 3;

    OK(write, fd, "hello\n", 6);
    FAILS(EBADF, write, 99, "hello\n", 6);
    FAILS(EFAULT, open, BAD, O_RDONLY, 0);
    FAILS(ENOENT, openat, AT_FDCWD, "not\x01here", O_RDONLY, 0);
    kit_reap(kit_fork(child, &status));
    kit_reap(kit_vfork(child, &status));
    kit_clone(KIT_THREAD, thread, &fd);
    while (__atomic_load_n(&fd, __ATOMIC_ACQUIRE) >= 0)
        ;
    kit_handle(SIGUSR1, 0, note);
    OK(kill, kit_tid(), SIGUSR1);
    OK(unlink, "here");
    if (handled != SIGUSR1)
        kit_fail("the signal did not come");
}
