// SPDX-License-Identifier: Apache-2.0
/* readv, writev and their kin with offsets and flags: pieces of all sizes, empty ones, very many. */

#include <sys/uio.h>

#include "kit/kit.h"

#define SNAPLEN 80
#define LARGE 70000
#define NOWAIT 8  /* RWF_NOWAIT */
#define APPEND 16 /* RWF_APPEND */

static uint8_t content[LARGE];
static uint8_t back[LARGE];
static struct iovec many[IOV_MAX + 1];

/* All six calls, with the same pieces: what is written, and where it is read back. */
static void all_six(long fd, const struct iovec *from, const struct iovec *to, size_t count)
{
    OK(lseek, fd, 0, SEEK_SET);
    OK(writev, fd, from, count);
    OK(lseek, fd, 0, SEEK_SET);
    OK(readv, fd, to, count);
    OK(pwritev, fd, from, count, 10, 0);
    OK(preadv, fd, to, count, 10, 0);
    OK(pwritev2, fd, from, count, 20, 0, 0);
    OK(preadv2, fd, to, count, 20, 0, 0);
    OK(pwritev2, fd, from, count, -1, -1, 0); /* at the file's own place */
    OK(preadv2, fd, to, count, -1, -1, 0);
}

static void lay(struct iovec *pieces, uint8_t *memory, size_t count, size_t each)
{
    for (size_t i = 0; i < count; i++)
        pieces[i] = (struct iovec){memory + i * each, each};
}

SCENARIO
{
    static struct iovec from[5], to[5];
    int pair[2];
    long fd = OK(open, "here", O_RDWR | O_CREAT, 0600);

    for (size_t i = 0; i < LARGE; i++)
        content[i] = (uint8_t)(i * 5 + i / 256);
    from[0] = (struct iovec){content, 30};
    from[1] = (struct iovec){BAD, 0};
    from[2] = (struct iovec){content + 100, SNAPLEN - 30}; /* the limit falls between two pieces */
    from[3] = (struct iovec){NULL, 0};
    from[4] = (struct iovec){content + 200, 1};
    lay(to, back, 5, 20);
    all_six(fd, from, to, 5);
    all_six(fd, from, to, 3); /* the limit exactly */
    all_six(fd, from, to, 1);
    all_six(fd, from, to, 0);
    from[0].iov_len = 4096;
    from[2].iov_len = LARGE - 100;
    to[1].iov_len = LARGE - 20;
    all_six(fd, from, to, 5);
    lay(many, content, IOV_MAX + 1, 3);
    all_six(fd, many, many, IOV_MAX);
    all_six(fd, many, many, 33); /* one more than are read at a time */
    lay(many, content, IOV_MAX, 0);
    all_six(fd, many, many, IOV_MAX);
    from[0] = (struct iovec){kit_at_edge(100), 100};
    all_six(fd, from, from, 1);
    OK(pwritev2, fd, to, 1, 5, 0, APPEND);
    OK(pipe, pair);
    FAILS(ESPIPE, pwritev, pair[1], to, 1, 0, 0);
    FAILS(ESPIPE, preadv, pair[0], to, 1, 0, 0);
    OK(writev, pair[1], to, 1);
    OK(readv, pair[0], from, 1); /* short: 20 of 100 */
    TRY(preadv2, pair[0], to, 1, -1, -1, NOWAIT);
}
