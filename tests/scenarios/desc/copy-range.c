// SPDX-License-Identifier: Apache-2.0
/* copy_file_range: with offsets and without, within a file, beyond its end. */

#include <unistd.h>

#include "kit/kit.h"

#define LARGE 70000

static uint8_t content[LARGE];
static int64_t in_at, out_at;

static void look(void)
{
    if (syscall(SYS_copy_file_range, -1, NULL, -1, NULL, 0, 0) < 0 && errno == ENOSYS)
        kit_skip("this kernel has no copy_file_range");
}

BEFORE(look)

SCENARIO
{
    int pair[2];
    long from = OK(open, "from", O_RDWR | O_CREAT, 0600);
    long to = OK(open, "to", O_RDWR | O_CREAT, 0600);
    long directory = OK(open, ".", O_RDONLY | O_DIRECTORY, 0);
    int64_t *at_edge = kit_at_edge(sizeof(*at_edge));

    OK(write, from, content, LARGE);
    OK(lseek, from, 0, SEEK_SET);
    OK(copy_file_range, from, NULL, to, NULL, 0, 0);
    OK(copy_file_range, from, NULL, to, NULL, 1, 0);
    OK(copy_file_range, from, NULL, to, NULL, LARGE, 0); /* one less is left */
    OK(copy_file_range, from, NULL, to, NULL, 10, 0);
    out_at = 80;
    OK(copy_file_range, from, &in_at, to, &out_at, 4096, 0);
    in_at = INT64_C(1) << 40;
    OK(copy_file_range, from, &in_at, to, NULL, 10, 0);
    *at_edge = 100;
    OK(copy_file_range, from, at_edge, from, NULL, 10, 0);
    in_at = 0;
    out_at = 5;
    FAILS(EINVAL, copy_file_range, from, &in_at, from, &out_at, 10, 0); /* one over the other */
    FAILS(EINVAL, copy_file_range, from, NULL, to, NULL, 10, 99);
    FAILS(EBADF, copy_file_range, 99, NULL, to, NULL, 10, 0);
    FAILS(EBADF, copy_file_range, from, NULL, -1, &out_at, 10, 0);
    FAILS(EFAULT, copy_file_range, from, BAD, to, NULL, 10, 0);
    FAILS(EFAULT, copy_file_range, from, NULL, to, kit_at_edge(2), 10, 0);
    FAILS(EISDIR, copy_file_range, directory, NULL, to, NULL, 10, 0);
    OK(pipe, pair);
    FAILS(EINVAL, copy_file_range, pair[0], NULL, to, NULL, 10, 0);
}
