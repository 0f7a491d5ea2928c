// SPDX-License-Identifier: Apache-2.0
/* fsetxattr, fgetxattr, flistxattr and fremovexattr: attributes of all sizes, asked for with room and without. */

#include <sys/xattr.h>
#include <unistd.h>

#include "kit/kit.h"

#define SNAPLEN 80

static uint8_t value[70000];
static uint8_t back[70000];
static char too_long[300] = "user.";

static void look(void)
{
    int fd = open("probe", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0 || fsetxattr(fd, "user.probe", "x", 1, 0) < 0)
        kit_skip("this file system has no attributes of users");
    close(fd);
    unlink("probe");
}

BEFORE(look)

static void set(long fd)
{
    OK(fsetxattr, fd, "user.a", value, 5, 0);
    OK(fsetxattr, fd, "user.a", value, SNAPLEN, XATTR_REPLACE);
    OK(fsetxattr, fd, "user.b\xff", value, SNAPLEN + 1, XATTR_CREATE);
    OK(fsetxattr, fd, "user.empty", NULL, 0, 0);
    OK(fsetxattr, fd, "user.empty", BAD, 0, 0);
    memcpy(kit_at_edge(20), "user.c\0a value of 13", 20);
    OK(fsetxattr, fd, kit_at_edge(20), kit_at_edge(13), 13, 0);
    FAILS(EEXIST, fsetxattr, fd, "user.a", value, 5, XATTR_CREATE);
    FAILS(ENODATA, fsetxattr, fd, "user.none", value, 5, XATTR_REPLACE);
    FAILS(EINVAL, fsetxattr, fd, "user.a", value, 5, 99);
    FAILS(E2BIG, fsetxattr, fd, "user.a", value, sizeof(value), 0);
    FAILS(E2BIG, fsetxattr, fd, "user.a", kit_at_edge(7), SIZE_MAX, 0);
    FAILS(ERANGE, fsetxattr, fd, too_long, value, 5, 0);
    FAILS(ERANGE, fsetxattr, fd, "", value, 5, 0);
    FAILS(EFAULT, fsetxattr, fd, BAD, value, 5, 0);
    FAILS(EFAULT, fsetxattr, fd, NULL, NULL, 5, 0);
    FAILS(EFAULT, fsetxattr, fd, "user.a", BAD, 5, 0);
    FAILS(EFAULT, fsetxattr, fd, kit_at_edge(13), value, 5, 0); /* a name without an end */
    FAILS(EOPNOTSUPP, fsetxattr, fd, "nobody.a", value, 5, 0);
    FAILS(EBADF, fsetxattr, 99, "user.a", value, SNAPLEN + 1, 0);
}

static void get(long fd)
{
    OK(fgetxattr, fd, "user.a", back, sizeof(back));
    OK(fgetxattr, fd, "user.a", back, SIZE_MAX);
    OK(fgetxattr, fd, "user.b\xff", kit_at_edge(SNAPLEN + 1), SNAPLEN + 1);
    OK(fgetxattr, fd, "user.b\xff", NULL, 0); /* how long is it? */
    OK(fgetxattr, fd, "user.b\xff", back, 0);
    OK(fgetxattr, fd, "user.empty", back, 10);
    FAILS(ERANGE, fgetxattr, fd, "user.b\xff", back, SNAPLEN);
    FAILS(ENODATA, fgetxattr, fd, "user.none", back, 10);
    FAILS(EFAULT, fgetxattr, fd, BAD, back, 10);
    FAILS(EFAULT, fgetxattr, fd, "user.b\xff", BAD, 100);
    FAILS(ERANGE, fgetxattr, fd, too_long, back, 10);
    FAILS(EBADF, fgetxattr, 99, "user.a", back, 10);
}

SCENARIO
{
    long fd = OK(open, "here", O_RDWR | O_CREAT, 0600);

    for (size_t i = 0; i < sizeof(value); i++)
        value[i] = (uint8_t)(i * 7);
    memset(too_long + 5, 'l', sizeof(too_long) - 6);
    OK(flistxattr, fd, back, sizeof(back));
    set(fd);
    get(fd);
    OK(flistxattr, fd, back, sizeof(back));
    OK(flistxattr, fd, NULL, 0);
    OK(flistxattr, fd, BAD, 0);
    FAILS(ERANGE, flistxattr, fd, back, 3);
    FAILS(EFAULT, flistxattr, fd, BAD, sizeof(back));
    FAILS(EBADF, flistxattr, 99, back, sizeof(back));
    OK(fremovexattr, fd, "user.b\xff");
    FAILS(ENODATA, fremovexattr, fd, "user.b\xff");
    FAILS(EFAULT, fremovexattr, fd, BAD);
    FAILS(EFAULT, fremovexattr, fd, NULL);
    FAILS(ERANGE, fremovexattr, fd, too_long);
    FAILS(EBADF, fremovexattr, -1, "user.a");
}
