// SPDX-License-Identifier: Apache-2.0
/* getdents and getdents64: a directory in one and in many reads, at its end, with too little room. */

#include "kit/kit.h"

static uint8_t entries[4096];

SCENARIO
{
    long fd = OK(open, ".", O_RDONLY | O_DIRECTORY, 0);
    long file = OK(open, "a file", O_RDWR | O_CREAT, 0600);

    OK(mkdir, "b\xff\x80 not text", 0700);
    OK(symlink, "a file", "c");
    OK(getdents64, fd, entries, sizeof(entries));
    OK(getdents64, fd, entries, sizeof(entries)); /* the end */
    OK(lseek, fd, 0, SEEK_SET);
    OK(getdents, fd, entries, sizeof(entries));
    OK(getdents, fd, entries, sizeof(entries));
    OK(lseek, fd, 0, SEEK_SET);
    OK(getdents64, fd, entries, 48); /* some of them */
    OK(getdents64, fd, kit_at_edge(48), 48);
    OK(getdents, fd, entries, 48);
    OK(lseek, fd, 0, SEEK_SET);
    FAILS(EINVAL, getdents64, fd, entries, 1);
    FAILS(EINVAL, getdents, fd, entries, 0);
    FAILS(EFAULT, getdents64, fd, BAD, sizeof(entries));
    FAILS(EFAULT, getdents, fd, NULL, sizeof(entries));
    FAILS(ENOTDIR, getdents64, file, entries, sizeof(entries));
    FAILS(ENOTDIR, getdents, file, entries, sizeof(entries));
    FAILS(EBADF, getdents64, 99, entries, sizeof(entries));
    FAILS(EBADF, getdents, -1, entries, sizeof(entries));
}
