// SPDX-License-Identifier: Apache-2.0
/* Vectors that are wrong: arrays and pieces that cannot be read, too many of them, wrong descriptors and places. */

#include <sys/uio.h>

#include "kit/kit.h"

static char content[4096];
static struct iovec many[IOV_MAX + 1];

static void all_six(int error, long fd, const void *pieces, long count)
{
    FAILS(error, readv, fd, pieces, count);
    FAILS(error, writev, fd, pieces, count);
    FAILS(error, preadv, fd, pieces, count, 0, 0);
    FAILS(error, pwritev, fd, pieces, count, 0, 0);
    FAILS(error, preadv2, fd, pieces, count, 0, 0, 0);
    FAILS(error, pwritev2, fd, pieces, count, 0, 0, 0);
}

SCENARIO
{
    static struct iovec pieces[3];
    struct iovec *at_edge = kit_at_edge(2 * sizeof(*at_edge));
    long fd = OK(open, "here", O_RDWR | O_CREAT, 0600);

    memset(content, 'x', sizeof(content));
    OK(write, fd, content, sizeof(content));
    OK(lseek, fd, 0, SEEK_SET);
    for (int i = 0; i < 3; i++)
        pieces[i] = (struct iovec){content + 100 * i, 100};
    for (size_t i = 0; i <= IOV_MAX; i++)
        many[i] = (struct iovec){content, 1};
    all_six(EBADF, 99, pieces, 3);
    all_six(EBADF, -1, BAD, 3);
    all_six(EFAULT, fd, BAD, 3);
    all_six(EFAULT, fd, NULL, 3);
    all_six(EINVAL, fd, many, IOV_MAX + 1);
    memcpy(at_edge, pieces, 2 * sizeof(*at_edge));
    all_six(EFAULT, fd, at_edge, 3); /* the array ends before its third */
    all_six(EINVAL, fd, at_edge, -1);
    all_six(EBADF, 99, at_edge, INT_MAX);
    at_edge[0] = (struct iovec){kit_at_edge(40), SIZE_MAX}; /* longer than anything can be */
    all_six(EINVAL, fd, at_edge, 2);
    pieces[0].iov_len = 10;
    pieces[1].iov_base = BAD;
    all_six(EBADF, 99, pieces, 3); /* ten bytes, then none that can be read */
    OK(readv, fd, pieces, 1);
    TRY(writev, fd, pieces, 3); /* ten bytes, or nothing */
    pieces[0].iov_base = NULL;
    all_six(EFAULT, fd, pieces, 1);
    pieces[0].iov_base = kit_at_edge(5); /* a piece that ends too early */
    all_six(EBADF, 99, pieces, 1);
    pieces[0].iov_base = (void *)UINT64_C(0x8000000000000000);
    all_six(EFAULT, fd, pieces, 1);
    FAILS(EBADF, writev, 99, kit_at_edge(10), 3); /* not even the first */
    OK(lseek, fd, 0, SEEK_SET);
    pieces[0] = (struct iovec){content, 100};
    FAILS(EINVAL, preadv, fd, pieces, 1, -1, -1);
    FAILS(EINVAL, pwritev, fd, pieces, 1, -1, -1);
    FAILS(EINVAL, preadv2, fd, pieces, 1, -2, -1, 0);
    FAILS(EOPNOTSUPP, preadv2, fd, pieces, 1, 0, 0, 0x40000000);
    FAILS(EOPNOTSUPP, pwritev2, fd, pieces, 1, 0, 0, 0x40000000);
}
