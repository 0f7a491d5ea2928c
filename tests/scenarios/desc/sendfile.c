// SPDX-License-Identifier: Apache-2.0
/* sendfile: with an offset and without, into files and pipes, all or as much as fits. */

#include "kit/kit.h"

#define LARGE 70000

static uint8_t content[LARGE];
static int64_t offset;

SCENARIO
{
    int pair[2];
    long from = OK(open, "from", O_RDWR | O_CREAT, 0600);
    long to = OK(open, "to", O_RDWR | O_CREAT, 0600);
    long only_written = OK(open, "to", O_WRONLY, 0);
    int64_t *at_edge = kit_at_edge(sizeof(*at_edge));

    for (size_t i = 0; i < LARGE; i++)
        content[i] = (uint8_t)(i * 3);
    OK(write, from, content, LARGE);
    OK(lseek, from, 0, SEEK_SET);
    OK(sendfile, to, from, NULL, 0);
    OK(sendfile, to, from, NULL, 1);
    OK(sendfile, to, from, NULL, 4096);
    OK(sendfile, to, from, NULL, LARGE); /* as much as is left */
    OK(sendfile, to, from, NULL, 10);    /* nothing is */
    OK(sendfile, to, from, &offset, LARGE);
    offset = 80;
    OK(sendfile, to, from, &offset, 81);
    offset = INT64_C(1) << 40;
    OK(sendfile, to, from, &offset, 81);
    *at_edge = 5;
    OK(sendfile, to, from, at_edge, 10);
    OK(pipe2, pair, O_NONBLOCK);
    offset = 0;
    OK(sendfile, pair[1], from, &offset, LARGE); /* as much as fits */
    FAILS(EAGAIN, sendfile, pair[1], from, &offset, 1);
    FAILS(EFAULT, sendfile, to, from, BAD, 10);
    FAILS(EFAULT, sendfile, to, from, kit_at_edge(4), 10);
    FAILS(EBADF, sendfile, 99, from, NULL, 10);
    FAILS(EBADF, sendfile, to, 99, NULL, 10);
    FAILS(EBADF, sendfile, to, only_written, NULL, 10);
    offset = -1;
    FAILS(EINVAL, sendfile, to, from, &offset, 10);
    FAILS(EINVAL, sendfile, to, from, NULL, SIZE_MAX);
    FAILS(ESPIPE, sendfile, to, pair[0], &offset, 10);
}
