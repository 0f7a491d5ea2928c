// SPDX-License-Identifier: Apache-2.0
/* A directory so deep that its path is longer than any path may be: names work there, whole paths do not. */

#include <assert.h>

#include "here.h"

#define LEVELS 17
#define NAME_LENGTH 250
static_assert(LEVELS * NAME_LENGTH > PATH_MAX, "it is too deep for a path");

static char level[NAME_LENGTH + 1];

static void before(void)
{
    memset(level, 'd', NAME_LENGTH);
}
BEFORE(before)

static void work_there(void)
{
    char path[2 * PATH_MAX];
    struct stat status;
    long fd = OK(open, "file", O_RDWR | O_CREAT | O_EXCL, 0600);
    long dir = OK(open, ".", O_RDONLY | O_DIRECTORY, 0);

    OK(write, fd, "deep", 4);
    OK(close, fd);
    fd = OK(openat, dir, "file", O_RDONLY, 0);
    OK(close, fd);
    TRY(getcwd, path, PATH_MAX); /* the kernel may or may not have room for more */
    TRY(getcwd, path, sizeof(path));
    OK(stat, "file", &status);
    OK(rename, "file", "other");
    OK(unlinkat, dir, "other", 0);
    FAILS(ENOENT, unlink, "file");
    OK(close, dir);
}

SCENARIO
{
    for (int i = 0; i < LEVELS; i++) {
        OK(mkdir, level, 0700);
        OK(chdir, level);
    }
    work_there();
    for (int i = 0; i < LEVELS; i++) {
        OK(chdir, "..");
        OK(rmdir, level);
    }
}
