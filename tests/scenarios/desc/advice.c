// SPDX-License-Identifier: Apache-2.0
/* readahead and fadvise64: advice of every kind, and what none can be given for. */

#include "kit/kit.h"

static uint8_t content[8192];

SCENARIO
{
    int pair[2];
    long fd = OK(open, "here", O_RDWR | O_CREAT, 0600);
    long only_written = OK(open, "here", O_WRONLY, 0);

    OK(write, fd, content, sizeof(content));
    OK(pipe, pair);
    OK(readahead, fd, 0, 0);
    OK(readahead, fd, 0, 4096);
    OK(readahead, fd, INT64_C(1) << 40, 70000);
    FAILS(EINVAL, readahead, pair[0], 0, 10);
    FAILS(EBADF, readahead, only_written, 0, 10);
    FAILS(EBADF, readahead, 99, -1, SIZE_MAX);
    for (int advice = POSIX_FADV_NORMAL; advice <= POSIX_FADV_NOREUSE; advice++)
        OK(fadvise64, fd, 0, 4096, advice);
    OK(fadvise64, fd, INT64_C(1) << 40, 0, POSIX_FADV_WILLNEED);
    FAILS(EINVAL, fadvise64, fd, 0, 0, 99);
    FAILS(EINVAL, fadvise64, fd, 0, -1, POSIX_FADV_NORMAL);
    FAILS(ESPIPE, fadvise64, pair[0], 0, 0, POSIX_FADV_NORMAL);
    FAILS(EBADF, fadvise64, 99, 0, 0, POSIX_FADV_NORMAL);
    FAILS(EBADF, fadvise64, -1, INT64_MIN, INT64_MAX, -1);
}
