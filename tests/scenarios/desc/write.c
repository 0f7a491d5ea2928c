// SPDX-License-Identifier: Apache-2.0
/* write: sizes around the limits of a capture, bytes that are no text, memory that ends, files that take nothing. */

#include "kit/kit.h"

#define SNAPLEN 80
#define LARGE 70000

static uint8_t content[LARGE];
static char text[LARGE];
static uint8_t pages[2 * 4096] __attribute__((aligned(4096)));

static void write_sizes(long fd, const void *data)
{
    static const size_t sizes[] = {0, 1, SNAPLEN - 1, SNAPLEN, SNAPLEN + 1, 4095, 4096, 4097, LARGE};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
        OK(write, fd, data, sizes[i]);
}

static void write_from_edges(long fd)
{
    uint8_t *page = kit_at_edge(4096);

    memcpy(page, content, 4096);
    OK(write, fd, kit_at_edge(1), 1);
    OK(write, fd, kit_at_edge(SNAPLEN), SNAPLEN);
    OK(write, fd, kit_at_edge(SNAPLEN + 1), SNAPLEN + 1);
    OK(write, fd, page, 4096);
    OK(write, fd, kit_at_edge(0), 0);
    FAILS(EBADF, write, 99, kit_at_edge(1), 2);
    FAILS(EBADF, write, 99, kit_at_edge(SNAPLEN - 1), SNAPLEN);
    FAILS(EBADF, write, 99, kit_at_edge(SNAPLEN), SNAPLEN + 1);
    FAILS(EBADF, write, 99, page, LARGE);
    TRY(write, fd, kit_at_edge(10), 20); /* as much as there is, or nothing: file systems differ */
}

SCENARIO
{
    static const char odd[] = "a\0b\x80\xff\xc3\x28\"\\\x1b[31m\x7f\r\n";
    long fd = OK(open, "here", O_RDWR | O_CREAT | O_APPEND, 0600);
    long only_read = OK(open, "here", O_RDONLY, 0);
    long directory = OK(open, ".", O_RDONLY | O_DIRECTORY, 0);

    for (size_t i = 0; i < LARGE; i++) {
        content[i] = (uint8_t)(i * 13 + i / 256);
        pages[i % sizeof(pages)] = (uint8_t)i;
        text[i] = (char)('a' + i % 26);
    }
    write_sizes(fd, text);
    write_sizes(fd, content);
    write_from_edges(fd);
    OK(write, fd, pages + 4096 - SNAPLEN, SNAPLEN + 1); /* the last byte is on another page */
    OK(write, fd, pages + 4095, SNAPLEN);
    OK(write, fd, odd, sizeof(odd));
    OK(write, fd, NULL, 0);
    OK(write, fd, BAD, 0);
    FAILS(EFAULT, write, fd, BAD, 1);
    FAILS(EFAULT, write, fd, NULL, LARGE);
    FAILS(EFAULT, write, fd, 1, SNAPLEN);                            /* nowhere */
    FAILS(EFAULT, write, fd, UINT64_C(0x8000000000000000), SNAPLEN); /* no address at all */
    FAILS(EFAULT, write, fd, UINT64_C(0xffff888000000000), SNAPLEN); /* the kernel's */
    FAILS(EFAULT, write, fd, BAD, SIZE_MAX);
    FAILS(EFAULT, write, fd, kit_at_edge(10), SIZE_MAX);
    FAILS(EBADF, write, 99, kit_at_edge(SNAPLEN), SIZE_MAX);
    FAILS(EBADF, write, only_read, text, 5);
    FAILS(EBADF, write, directory, text, 5);
    FAILS(EBADF, write, -1, text, LARGE);
    FAILS(EBADF, write, 99, BAD, 5);
    FAILS(EBADF, write, INT_MIN, NULL, 5);
}
