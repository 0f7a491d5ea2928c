// SPDX-License-Identifier: Apache-2.0
/* Files that are nowhere but in memory: their names and their flags. */

#include <linux/memfd.h>

#include "kit/kit.h"

#define NAME_MAX_BYTES 249 /* NAME_MAX, without the "memfd:" that the kernel adds */
#ifndef F_ADD_SEALS
#define F_ADD_SEALS 1033
#define F_SEAL_SHRINK 2
#endif

static char name[NAME_MAX_BYTES + 2];

static void name_it(void)
{
    char *edge = kit_at_edge(4);

    OK(memfd_create, "", 0);
    memset(name, 'n', NAME_MAX_BYTES);
    OK(memfd_create, name, 0);
    name[NAME_MAX_BYTES] = 'n';
    FAILS(EINVAL, memfd_create, name, 0);
    OK(memfd_create, "\x01\xff\n\"\\ %s", 0);
    memcpy(edge, "abc", 4);
    OK(memfd_create, edge, 0);
    memcpy(edge, "abcd", 4); /* and no NUL */
    FAILS(EFAULT, memfd_create, edge, 0);
    FAILS(EFAULT, memfd_create, BAD, 0);
    FAILS(EFAULT, memfd_create, NULL, 0);
}

SCENARIO
{
    char byte;
    long fd;

    name_it();
    FAILS(EINVAL, memfd_create, "flags", 0x200);
    FAILS(EINVAL, memfd_create, "flags", ~0U);
    fd = OK(memfd_create, "sealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    OK(write, fd, "0123456789", 10);
    OK(pread64, fd, &byte, 1, 9);
    OK(fcntl, fd, F_ADD_SEALS, F_SEAL_SHRINK);
    FAILS(EPERM, ftruncate, fd, 9);
    OK(ftruncate, fd, 4097);
    kit_descriptors();
    OK(close, fd);
    FAILS(EBADF, ftruncate, fd, 0);
}
