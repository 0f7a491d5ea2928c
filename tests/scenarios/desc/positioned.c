// SPDX-License-Identifier: Apache-2.0
/* pread64 and pwrite64: the same edges as read and write, and offsets of all sizes. */

#include "kit/kit.h"

#define SNAPLEN 80
#define LARGE 70000

static uint8_t content[LARGE];
static uint8_t back[LARGE];

SCENARIO
{
    static const size_t sizes[] = {0, 1, SNAPLEN, SNAPLEN + 1, 4096, LARGE};
    int pair[2];
    long fd = OK(open, "here", O_RDWR | O_CREAT, 0600);
    long only_read = OK(open, "here", O_RDONLY, 0);

    for (size_t i = 0; i < LARGE; i++)
        content[i] = (uint8_t)(i * 11);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        OK(pwrite64, fd, content, sizes[i], 3 * i);
        OK(pread64, fd, back, sizes[i], 2 * i);
    }
    memcpy(kit_at_edge(SNAPLEN + 1), content, SNAPLEN + 1);
    OK(pwrite64, fd, kit_at_edge(SNAPLEN + 1), SNAPLEN + 1, 1);
    OK(pread64, fd, kit_at_edge(SNAPLEN + 1), SNAPLEN + 1, 9);
    OK(pread64, fd, back, 100, LARGE - 10); /* short */
    OK(pread64, fd, back, 100, INT64_C(1) << 40);
    OK(pwrite64, fd, "far", 3, INT64_C(1) << 32);
    OK(pread64, fd, back, 10, INT64_C(1) << 32);
    OK(pread64, fd, BAD, 0, 0);
    FAILS(EINVAL, pread64, fd, back, 10, -1);
    FAILS(EINVAL, pwrite64, fd, content, 10, INT64_MIN);
    FAILS(EFAULT, pread64, fd, BAD, 10, 0);
    FAILS(EFAULT, pread64, fd, NULL, 10, 0);
    FAILS(EFAULT, pwrite64, fd, BAD, 10, 0);
    FAILS(EFAULT, pwrite64, fd, NULL, 10, 0);
    FAILS(EBADF, pread64, 99, back, 10, 0);
    FAILS(EBADF, pwrite64, 99, content, LARGE, 0);
    FAILS(EBADF, pwrite64, 99, kit_at_edge(5), LARGE, 0);
    FAILS(EBADF, pwrite64, only_read, "no", 2, 0);
    OK(pipe, pair);
    FAILS(ESPIPE, pread64, pair[0], back, 10, 0);
    FAILS(ESPIPE, pwrite64, pair[1], "no", 2, 0);
}
