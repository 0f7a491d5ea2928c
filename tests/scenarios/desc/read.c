// SPDX-License-Identifier: Apache-2.0
/* read: sizes around the limits of a capture, memory that ends, files that cannot be read. */

#include "kit/kit.h"

#define SNAPLEN 80
#define LARGE 70000

static uint8_t content[LARGE];
static uint8_t back[LARGE + 100];
static uint8_t pages[2 * 4096] __attribute__((aligned(4096)));

static void read_sizes(long fd)
{
    static const size_t sizes[] = {0, 1, SNAPLEN - 1, SNAPLEN, SNAPLEN + 1, 4095, 4096, 4097, LARGE - 1, LARGE};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        OK(lseek, fd, 0, SEEK_SET);
        OK(read, fd, back, sizes[i]);
    }
}

/* A page's end: all of what is asked for, or only some of it, lies in front of it. */
static void read_to_edges(long fd)
{
    OK(lseek, fd, 0, SEEK_SET);
    OK(read, fd, kit_at_edge(1), 1);
    OK(read, fd, kit_at_edge(SNAPLEN), SNAPLEN);
    OK(read, fd, kit_at_edge(SNAPLEN + 1), SNAPLEN + 1);
    OK(read, fd, kit_at_edge(4096), 4096);
    OK(lseek, fd, LARGE - 5, SEEK_SET);
    OK(read, fd, kit_at_edge(5), 4096); /* no more than the five bytes are there */
    OK(lseek, fd, 0, SEEK_SET);
    OK(read, fd, pages + 4096 - SNAPLEN, SNAPLEN + 1); /* the last byte is on another page */
    OK(read, fd, pages + 4095, SNAPLEN);
    OK(lseek, fd, 0, SEEK_END);
    OK(read, fd, kit_at_edge(0), 0);
    OK(read, fd, BAD, 10); /* the file's end comes first */
}

SCENARIO
{
    long fd = OK(open, "here", O_RDWR | O_CREAT, 0600);
    long only_written = OK(open, "here", O_WRONLY, 0);
    long directory = OK(open, ".", O_RDONLY | O_DIRECTORY, 0);
    long path_only = OK(open, "here", O_PATH, 0);

    for (size_t i = 0; i < LARGE; i++)
        content[i] = (uint8_t)(i * 7 + i / 256);
    OK(write, fd, content, LARGE);
    read_sizes(fd);
    OK(read, fd, back, 10);
    OK(lseek, fd, LARGE - 30, SEEK_SET);
    OK(read, fd, back, 100); /* a short one */
    read_to_edges(fd);
    OK(lseek, fd, 0, SEEK_SET);
    OK(read, fd, NULL, 0);
    OK(read, fd, BAD, 0);
    FAILS(EFAULT, read, fd, BAD, 1);
    FAILS(EFAULT, read, fd, NULL, 1);
    FAILS(EFAULT, read, fd, 1, SNAPLEN);                            /* nowhere */
    FAILS(EFAULT, read, fd, UINT64_C(0x8000000000000000), SNAPLEN); /* no address at all */
    FAILS(EFAULT, read, fd, UINT64_C(0xffff888000000000), SNAPLEN); /* the kernel's */
    FAILS(EFAULT, read, fd, BAD, SIZE_MAX);
    FAILS(EBADF, read, only_written, back, 1);
    FAILS(EBADF, read, path_only, back, 1);
    FAILS(EISDIR, read, directory, back, 1);
    FAILS(EBADF, read, -1, back, 1);
    FAILS(EBADF, read, 99, BAD, SNAPLEN);
    FAILS(EBADF, read, INT_MAX, NULL, 0);
    OK(close, fd);
    FAILS(EBADF, read, fd, back, 1);
}
