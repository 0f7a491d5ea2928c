// SPDX-License-Identifier: Apache-2.0
/* Descriptors and directories that processes and threads share, until they do not. */

#include <sched.h>

#include "powerless.h"

static int step;

static void await_step(int wanted)
{
    while (__atomic_load_n(&step, __ATOMIC_ACQUIRE) != wanted)
        ;
}

static void make_step(int made)
{
    __atomic_store_n(&step, made, __ATOMIC_RELEASE);
}

static void open_one(void *data)
{
    *(long *)data = OK(open, "shared", O_RDWR | O_CREAT, 0600);
    kit_descriptors();
    EXIT_GROUP(0);
}

static void go_below(void *data)
{
    (void)data;
    OK(mkdir, "below", 0755);
    OK(chdir, "below");
    OK(umask, 027);
    EXIT_GROUP(0);
}

static void go_its_own_way(void *data)
{
    OK(unshare, CLONE_FILES);
    make_step(1);
    await_step(2);
    OK(write, *(long *)data, "still open here", 15); /* the others have closed it */
    OK(open, "of its own", O_RDWR | O_CREAT, 0600);
    kit_descriptors();
    make_step(3);
}

static void part(void *data)
{
    long thread = kit_clone(KIT_THREAD, go_its_own_way, data);

    await_step(1);
    OK(close, *(long *)data);
    make_step(2);
    await_step(3);
    FAILS(EBADF, write, *(long *)data, "x", 1);
    kit_join(thread);
    kit_descriptors();
    EXIT_GROUP(0);
}

static void leave_directory(void *data)
{
    (void)data;
    OK(unshare, CLONE_FS);
    OK(chdir, "/");
    OK(umask, 0);
    EXIT_GROUP(0);
}

/* What it closes on its way is open for the other. */
static void execute(void *data)
{
    (void)data;
    OK(open, ".", O_RDONLY | O_CLOEXEC, 0);
    EXECVE(kit_self(), ((const char *[]){"x", "executed", NULL}), kit_environment());
}

SCENARIO
{
    char name[PATH_MAX];
    static long fd;

    if (!strcmp(argument, "executed")) {
        kit_descriptors();
        OK(dup, 0);
        EXIT_GROUP(0);
    }
    kit_reap(kit_clone(CLONE_VM | CLONE_FILES | SIGCHLD, open_one, &fd));
    kit_descriptors();
    OK(write, fd, "the child has opened it", 23);
    kit_reap(kit_fork(part, &fd));
    kit_descriptors();
    kit_reap(kit_clone(CLONE_FS | SIGCHLD, go_below, NULL));
    OK(open, "here below", O_RDWR | O_CREAT, 0666);
    OK(getcwd, name, sizeof(name));
    kit_reap(kit_clone(CLONE_FS | SIGCHLD, leave_directory, NULL));
    OK(unlink, "here below");
    OK(umask, 022);
    kit_reap(kit_clone(CLONE_FILES | SIGCHLD, execute, NULL));
    kit_descriptors();
    kit_reap(kit_clone(CLONE_FILES | CLONE_VM | CLONE_VFORK | SIGCHLD, execute, NULL));
}
