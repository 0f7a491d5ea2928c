// SPDX-License-Identifier: Apache-2.0
/* splice and tee: between files and pipes, with offsets and without, empty and full pipes. */

#include "kit/kit.h"

#define LARGE 70000
#define NONBLOCK 2 /* SPLICE_F_NONBLOCK */
#define MORE 4

static uint8_t content[LARGE];
static uint8_t back[LARGE];
static int64_t in_at, out_at;

static void splice_both_ways(long from, long to, const int pair[2])
{
    OK(splice, from, NULL, pair[1], NULL, 0, 0);
    OK(splice, from, NULL, pair[1], NULL, 1, 0);
    OK(splice, pair[0], NULL, to, NULL, 100, MORE); /* no more than one byte is there */
    in_at = 4096;
    OK(splice, from, &in_at, pair[1], NULL, 4096, 0);
    out_at = 10;
    OK(splice, pair[0], NULL, to, &out_at, 4096, 0);
    in_at = 0;
    OK(splice, from, &in_at, pair[1], NULL, LARGE, NONBLOCK); /* as much as fits */
    FAILS(EAGAIN, splice, from, &in_at, pair[1], NULL, 1, NONBLOCK);
    OK(splice, pair[0], NULL, to, NULL, LARGE, 0);
    FAILS(EAGAIN, splice, pair[0], NULL, to, NULL, 1, NONBLOCK);
    in_at = LARGE;
    OK(splice, from, &in_at, pair[1], NULL, 10, 0);
}

static void tee_between(const int pair[2], const int other[2])
{
    OK(write, pair[1], "tea for two", 11);
    OK(tee, pair[0], other[1], 5, 0);
    OK(tee, pair[0], other[1], LARGE, NONBLOCK);
    OK(tee, pair[0], other[1], 0, 0);
    OK(splice, pair[0], NULL, other[1], NULL, 100, 0);
    FAILS(EAGAIN, tee, pair[0], other[1], 100, NONBLOCK);
    OK(read, other[0], back, 100);
    FAILS(EINVAL, tee, other[0], other[1], 5, 0);
    FAILS(EBADF, tee, 99, other[1], 5, 0);
    FAILS(EBADF, tee, pair[0], -1, 5, 0);
    FAILS(EINVAL, tee, pair[0], other[1], 5, 0x100);
}

SCENARIO
{
    int pair[2], other[2];
    long from = OK(open, "from", O_RDWR | O_CREAT, 0600);
    long to = OK(open, "to", O_RDWR | O_CREAT, 0600);

    for (size_t i = 0; i < LARGE; i++)
        content[i] = (uint8_t)(i * 3);
    OK(write, from, content, LARGE);
    OK(lseek, from, 0, SEEK_SET);
    OK(pipe2, pair, 0);
    OK(pipe2, other, O_CLOEXEC);
    splice_both_ways(from, to, pair);
    tee_between(pair, other);
    FAILS(EBADF, splice, 99, NULL, pair[1], NULL, 10, 0);
    FAILS(EBADF, splice, from, NULL, 99, NULL, 10, 0);
    FAILS(EINVAL, splice, from, NULL, to, NULL, 10, 0);
    FAILS(ESPIPE, splice, pair[0], &in_at, to, NULL, 10, 0);
    FAILS(ESPIPE, splice, from, NULL, pair[1], &out_at, 10, 0);
    FAILS(EFAULT, splice, from, BAD, pair[1], NULL, 10, 0);
    FAILS(EFAULT, splice, pair[0], NULL, to, kit_at_edge(3), 10, 0);
    FAILS(EINVAL, splice, from, NULL, pair[1], NULL, 10, 0x100);
}
