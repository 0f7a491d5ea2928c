// SPDX-License-Identifier: Apache-2.0
/* Scripts: what the kernel makes of #!, of more than one, and of what is no program at all. */

#include <stdio.h>
#include <sys/stat.h>

#include "powerless.h"

static void make(const char *name, const char *text, mode_t mode)
{
    FILE *file = fopen(name, "we");

    if (!file || fputs(text, file) < 0 || fclose(file) || chmod(name, mode) < 0)
        kit_skip("no script can be written");
}

static void make_all(void)
{
    if (symlink(kit_self(), "self") < 0)
        kit_skip("no link can be made");
    make("script", "#!./self interpreted\n", 0755);
    make("spaces", "#!  \t./self   interpreted by spaces  \nexit 1\n", 0755);
    make("nested", "#!./script twice\n", 0755);
    make("loop", "#!./loop\n", 0755);
    make("nobody", "#!./none\n", 0755);
    make("unnamed", "#!\n", 0755);
    make("noise", "\x01\x02\x03 neither script nor program", 0755);
    make("empty", "", 0755);
    make("forbidden", "#!./self\n", 0644);
}
BEFORE(make_all)

static void execute(void *data)
{
    EXECVE(data, ((const char *[]){"its name is not used", "argument", "", NULL}), kit_environment());
}

static void execute_at(void *data)
{
    long fd = OK(open, ".", O_RDONLY | O_DIRECTORY, 0);

    EXECVEAT(fd, data, ((const char *[]){"x", NULL}), kit_environment(), 0);
}

static void failures(void)
{
    const char *argv[] = {"x", NULL};
    long fd = OK(open, "script", O_RDONLY | O_CLOEXEC, 0);

    FAILS(ELOOP, execve, "./loop", argv, NULL);
    FAILS(ENOENT, execve, "./nobody", argv, NULL);
    FAILS(ENOEXEC, execve, "./unnamed", argv, NULL);
    FAILS(ENOEXEC, execve, "./noise", argv, NULL);
    FAILS(ENOEXEC, execve, "./empty", argv, NULL);
    FAILS(EACCES, execve, "./forbidden", argv, NULL);
    FAILS(ENOTDIR, execve, "./script/below", argv, NULL);
    FAILS(ENOENT, execveat, fd, "", argv, NULL, AT_EMPTY_PATH); /* the interpreter would find it closed */
    FAILS(ENOENT, execveat, fd, "", argv, NULL, 0);
    FAILS(ENOTDIR, execveat, fd, "below", argv, NULL, 0);
    FAILS(ELOOP, execveat, AT_FDCWD, "self", argv, NULL, AT_SYMLINK_NOFOLLOW);
    OK(close, fd);
    fd = OK(open, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    FAILS(ENOENT, execveat, fd, "script", argv, NULL, 0);
    OK(close, fd);
}

SCENARIO
{
    if (!strcmp(argument, "interpreted"))
        EXIT_GROUP(1);
    if (!strcmp(argument, "interpreted by spaces"))
        EXIT_GROUP(2);
    failures();
    if (kit_reap(kit_fork(execute, "./script")) != 1 << 8 || kit_reap(kit_fork(execute, "nested")) != 1 << 8 ||
        kit_reap(kit_vfork(execute, "./spaces")) != 2 << 8 || kit_reap(kit_fork(execute_at, "script")) != 1 << 8)
        kit_fail("a script ended otherwise");
}
