// SPDX-License-Identifier: Apache-2.0
/* fsync, fdatasync, syncfs and sync_file_range. */

#include "kit/kit.h"

SCENARIO
{
    int pair[2];
    long fd = OK(open, "here", O_RDWR | O_CREAT, 0600);

    OK(pipe, pair);
    OK(write, fd, "here", 4);
    OK(fsync, fd);
    OK(fdatasync, fd);
    OK(sync_file_range, fd, 0, 0, 0);
    OK(sync_file_range, fd, 0, 4096, SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
    OK(syncfs, pair[0]); /* a file system that is not written to a disk, for the sake of the others */
    FAILS(EINVAL, fsync, pair[0]);
    FAILS(EINVAL, fdatasync, pair[1]);
    FAILS(EBADF, fsync, 99);
    FAILS(EBADF, fdatasync, -1);
    FAILS(EBADF, syncfs, 99);
    FAILS(EBADF, syncfs, INT_MIN);
    FAILS(EINVAL, sync_file_range, fd, 0, 0, 99);
    FAILS(EINVAL, sync_file_range, fd, -1, 0, 0);
    FAILS(ESPIPE, sync_file_range, pair[0], 0, 0, 0);
    FAILS(EBADF, sync_file_range, 99, 0, 0, 0);
}
