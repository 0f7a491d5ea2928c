// SPDX-License-Identifier: Apache-2.0
/* Programs that are executed, and that are not. */

#include "powerless.h"

static void execute(void *data)
{
    (void)data;
    OK(open, ".", O_RDONLY | O_CLOEXEC, 0); /* closed on the way */
    OK(open, ".", O_RDONLY, 0);
    EXECVE(kit_self(), ((const char *[]){"a name of its own", "one", NULL}), kit_environment());
}

static void execute_by_descriptor(void *data)
{
    long fd = OK(open, kit_self(), O_RDONLY | O_CLOEXEC, 0);

    (void)data;
    EXECVEAT(fd, "", ((const char *[]){"x", "two", NULL}), kit_environment(), AT_EMPTY_PATH);
}

static void execute_below_a_directory(void *data)
{
    long fd = OK(open, ".", O_RDONLY | O_DIRECTORY, 0);

    (void)data;
    OK(symlink, kit_self(), "link");
    EXECVEAT(fd, "link", ((const char *[]){"", "three", "", "", NULL}), kit_environment(), 0);
}

static void fail_and_leave(void *data)
{
    FAILS(ENOENT, execve, "none", ((const char *[]){"x", NULL}), NULL);
    FAILS(EACCES, execveat, AT_FDCWD, "/", ((const char *[]){"x", NULL}), NULL, 0);
    EXIT((int)(intptr_t)data);
}

static void failures(void)
{
    const char *argv[] = {"x", NULL};

    FAILS(ENOENT, execve, "none", argv, NULL);
    FAILS(ENOENT, execve, "", argv, NULL);
    FAILS(EACCES, execve, ".", argv, NULL);
    FAILS(EFAULT, execve, BAD, argv, NULL);
    FAILS(EFAULT, execve, kit_self(), BAD, NULL);
    FAILS(EFAULT, execve, kit_self(), argv, BAD);
    FAILS(ENOENT, execveat, AT_FDCWD, "none", argv, NULL, 0);
    FAILS(EBADF, execveat, 99, "none", argv, NULL, 0);
    FAILS(EINVAL, execveat, AT_FDCWD, "none", argv, NULL, 0x8000000);
    FAILS(EFAULT, execveat, AT_FDCWD, BAD, argv, NULL, 0);
}

SCENARIO
{
    if (!strcmp(argument, "one")) {
        OK(getpid);
        kit_descriptors();
        EXIT_GROUP(1);
    } else if (!strcmp(argument, "two")) {
        OK(getpid);
        EXIT(2);
    } else if (!strcmp(argument, "three")) {
        return;
    }
    failures();
    if (kit_reap(kit_fork(execute, NULL)) != 1 << 8)
        kit_fail("a program ended otherwise");
    if (kit_reap(kit_vfork(execute_by_descriptor, NULL)) != 2 << 8)
        kit_fail("a program ended otherwise");
    in_a_child(execute_below_a_directory);
    if (kit_reap(kit_vfork(fail_and_leave, (void *)127)) != 127 << 8)
        kit_fail("a child ended otherwise");
}
