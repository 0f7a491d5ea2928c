// SPDX-License-Identifier: Apache-2.0
/* fstat and fstatfs: of every kind of descriptor, into memory of every kind. */

#include <sys/stat.h>
#include <sys/vfs.h>

#include "kit/kit.h"

static struct stat status;
static struct statfs about;

SCENARIO
{
    int pair[2];
    long fd = OK(open, "here", O_RDWR | O_CREAT, 0600);
    long directory = OK(open, ".", O_RDONLY | O_DIRECTORY, 0);
    long path_only = OK(open, "here", O_PATH, 0);

    OK(pipe, pair);
    OK(fstat, fd, &status);
    OK(fstat, directory, &status);
    OK(fstat, path_only, &status);
    OK(fstat, pair[0], &status);
    OK(fstat, fd, kit_at_edge(sizeof(status)));
    OK(fstatfs, fd, &about);
    OK(fstatfs, directory, kit_at_edge(sizeof(about)));
    OK(fstatfs, path_only, &about);
    OK(fstatfs, pair[1], &about);
    FAILS(EFAULT, fstat, fd, NULL);
    FAILS(EFAULT, fstat, fd, BAD);
    FAILS(EFAULT, fstat, fd, kit_at_edge(sizeof(status) - 1));
    FAILS(EFAULT, fstatfs, fd, NULL);
    FAILS(EFAULT, fstatfs, fd, kit_at_edge(8));
    FAILS(EBADF, fstat, 99, &status);
    FAILS(EBADF, fstat, -1, BAD);
    FAILS(EBADF, fstatfs, 99, &about);
    FAILS(EBADF, fstatfs, INT_MAX, NULL);
}
