/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_SCENARIO_FILE_HERE_H
#define SYSFOLD_SCENARIO_FILE_HERE_H

/* What a program must find out before it can say more of its own calls than their arguments. */

#include <sys/stat.h>
#include <unistd.h>

#include "kit/kit.h"

#define HERE_UNUSED __attribute__((unused))

static char here_directory[PATH_MAX];

/* For BEFORE: where the scenario is. */
HERE_UNUSED static void here_find(void)
{
    if (!getcwd(here_directory, sizeof(here_directory) - NAME_MAX - 2))
        kit_fail("it does not know where it is");
}

/* The whole path of a file here, until the next call. */
HERE_UNUSED static const char *here(const char *name)
{
    static char path[PATH_MAX];
    size_t size = strlen(here_directory);

    memcpy(path, here_directory, size);
    path[size] = '/';
    memcpy(path + size + 1, name, strlen(name) + 1);
    return path;
}

/* For BEFORE: a file here with that text in it; what it is goes to *ret_status. */
HERE_UNUSED static void here_make(const char *name, const char *text, struct stat *ret_status)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) || fstat(fd, ret_status) < 0)
        kit_fail("it cannot make a file");
    close(fd);
}

/* For BEFORE: the error of a call that only looks what it would be; 0: none. */
HERE_UNUSED static int here_error(long result)
{
    return result < 0 ? errno : 0;
}

/* For BEFORE, for new calls and those that a sandbox may lack. */
HERE_UNUSED static void here_need(bool has, const char *why)
{
    if (!has)
        kit_skip(why);
}

#endif
