// SPDX-License-Identifier: Apache-2.0
/* lseek: every whence, far and impossible places, what cannot be sought in. */

#include "kit/kit.h"

SCENARIO
{
    int pair[2];
    long fd = OK(open, "here", O_RDWR | O_CREAT, 0600);
    long directory = OK(open, ".", O_RDONLY | O_DIRECTORY, 0);
    long same;

    OK(write, fd, "0123456789", 10);
    OK(lseek, fd, 0, SEEK_SET);
    OK(lseek, fd, 3, SEEK_CUR);
    OK(lseek, fd, -1, SEEK_CUR);
    OK(lseek, fd, -10, SEEK_END);
    OK(lseek, fd, 5, SEEK_END);
    OK(lseek, fd, INT64_C(1) << 40, SEEK_SET);
    OK(lseek, fd, 0, SEEK_CUR);
    OK(lseek, fd, 0, 3); /* SEEK_DATA */
    OK(lseek, fd, 0, 4); /* SEEK_HOLE */
    FAILS(ENXIO, lseek, fd, 100, 3);
    same = OK(dup, fd);
    OK(lseek, same, 7, SEEK_SET);
    OK(lseek, fd, 0, SEEK_CUR);
    OK(lseek, directory, 0, SEEK_SET);
    FAILS(EINVAL, lseek, fd, -1, SEEK_SET);
    FAILS(EINVAL, lseek, fd, -11, SEEK_END);
    FAILS(EINVAL, lseek, fd, 0, 99);
    FAILS(EINVAL, lseek, fd, INT64_MIN, SEEK_SET);
    FAILS(EBADF, lseek, 99, 0, SEEK_SET);
    FAILS(EBADF, lseek, -1, -1, -1);
    OK(pipe, pair);
    FAILS(ESPIPE, lseek, pair[0], 0, SEEK_CUR);
}
