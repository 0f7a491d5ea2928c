// SPDX-License-Identifier: Apache-2.0
/* ftruncate and fallocate: shorter, longer, with holes, and impossible lengths. */

#include "kit/kit.h"

#define KEEP_SIZE 1
#define PUNCH_HOLE 2
#define COLLAPSE_RANGE 8
#define ZERO_RANGE 16

SCENARIO
{
    int pair[2];
    long fd = OK(open, "here", O_RDWR | O_CREAT, 0600);
    long only_read = OK(open, "here", O_RDONLY, 0);
    long directory = OK(open, ".", O_RDONLY | O_DIRECTORY, 0);

    OK(pipe, pair);
    OK(write, fd, "0123456789", 10);
    OK(ftruncate, fd, 5);
    OK(ftruncate, fd, 0);
    OK(ftruncate, fd, 70000);
    OK(ftruncate, fd, INT64_C(1) << 33);
    OK(ftruncate, fd, 4096);
    FAILS(EINVAL, ftruncate, fd, -1);
    FAILS(EINVAL, ftruncate, only_read, 0);
    FAILS(EINVAL, ftruncate, pair[1], 0);
    FAILS(EINVAL, ftruncate, directory, 0);
    FAILS(EBADF, ftruncate, 99, 0);
    FAILS(EBADF, ftruncate, -1, INT64_MAX);
    OK(fallocate, fd, 0, 0, 8192);
    OK(fallocate, fd, 0, 8192, 1);
    TRY(fallocate, fd, KEEP_SIZE, 0, 70000);
    TRY(fallocate, fd, KEEP_SIZE | PUNCH_HOLE, 4096, 4096);
    TRY(fallocate, fd, ZERO_RANGE, 0, 100);
    TRY(fallocate, fd, COLLAPSE_RANGE, 1, 1);
    FAILS(EINVAL, fallocate, fd, 0, 0, 0);
    FAILS(EINVAL, fallocate, fd, 0, -1, 10);
    FAILS(EOPNOTSUPP, fallocate, fd, 0x8000, 0, 10);
    FAILS(EBADF, fallocate, only_read, 0, 0, 10);
    FAILS(EBADF, fallocate, 99, 0, 0, 10);
    FAILS(ESPIPE, fallocate, pair[1], 0, 0, 10);
}
