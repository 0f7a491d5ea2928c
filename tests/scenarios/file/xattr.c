// SPDX-License-Identifier: Apache-2.0
/* Extended attributes, of a file and of the link to it. */

#include <sys/xattr.h>

#include "here.h"

#define LONGEST_NAME 255

static char value[256], too_large[65536 + 1];
static char too_long[LONGEST_NAME + 2] = "user.";

static void before(void)
{
    struct stat made;

    here_make("made", "made", &made);
    if (symlink("made", "link") < 0)
        kit_fail("it cannot make a link");
    here_need(setxattr("made", "user.probe", "x", 1, 0) == 0, "this file system has no user attributes");
    if (removexattr("made", "user.probe") < 0)
        kit_fail("it cannot remove an attribute");
    for (size_t i = 0; i < sizeof(value); i++)
        value[i] = (char)i;
    memset(too_long + 5, 'n', LONGEST_NAME - 4);
}
BEFORE(before)

static void set(void)
{
    OK(setxattr, "made", "user.one", "one\n\xff", 5, 0);
    OK(setxattr, "link", "user.empty", "", 0, XATTR_CREATE);
    OK(setxattr, "made", "user.empty", NULL, 0, XATTR_REPLACE);
    OK(setxattr, "made", "user.80", value, 80, 0);
    OK(setxattr, "made", "user.81", value, 81, 0);
    OK(setxattr, "made", "user.\x80\xff", value, 1, 0);
    OK(setxattr, "made", "user.one", value, sizeof(value), XATTR_REPLACE);
    memcpy(kit_at_edge(16), value, 16);
    OK(setxattr, "made", "user.edge", kit_at_edge(16), 16, 0);
    FAILS(EEXIST, setxattr, "made", "user.one", "x", 1, XATTR_CREATE);
    FAILS(ENODATA, setxattr, "made", "user.none", "x", 1, XATTR_REPLACE);
    FAILS(EINVAL, setxattr, "made", "user.one", "x", 1, 0x100);
    FAILS(EOPNOTSUPP, setxattr, "made", "nobody.one", "x", 1, 0);
    FAILS(ERANGE, setxattr, "made", "", "x", 1, 0);
    FAILS(ERANGE, setxattr, "made", too_long, "x", 1, 0);
    FAILS(ENOENT, setxattr, "none", "user.one", "x", 1, 0);
    TRY(setxattr, "made", "user.large", too_large, sizeof(too_large) - 1, 0); /* few file systems have as much room */
    FAILS(E2BIG, setxattr, "made", "user.one", too_large, sizeof(too_large), 0);
    FAILS(EFAULT, setxattr, "made", "user.one", BAD, 1, 0);
    FAILS(EFAULT, setxattr, "made", "user.one", kit_at_edge(16), 17, 0);
    FAILS(EFAULT, setxattr, "made", BAD, "x", 1, 0);
    FAILS(EFAULT, setxattr, BAD, "user.one", "x", 1, 0);
    OK(lsetxattr, "made", "user.two", "two", 3, 0);
    FAILS(EPERM, lsetxattr, "link", "user.two", "two", 3, 0); /* links have no user attributes */
    FAILS(ENOENT, lsetxattr, "", "user.two", "two", 3, 0);
    FAILS(EFAULT, lsetxattr, "made", "user.two", NULL, 3, 0);
}

static void get(void)
{
    char found[512];

    OK(getxattr, "link", "user.one", found, sizeof(found));
    OK(getxattr, "made", "user.one", NULL, 0); /* only the size */
    OK(getxattr, "made", "user.empty", found, sizeof(found));
    OK(getxattr, "made", "user.edge", kit_at_edge(16), 16);
    OK(getxattr, "made", "user.80", found, 80);
    OK(getxattr, "made", "user.81", found, sizeof(found));
    OK(getxattr, "made", "user.\x80\xff", found, sizeof(found));
    OK(getxattr, "made", "user.edge", found, SIZE_MAX); /* the kernel takes at most 64 KiB of that */
    memcpy(kit_at_edge(9), "user.one", 9);
    OK(getxattr, "made", kit_at_edge(9), found, sizeof(found));
    FAILS(ERANGE, getxattr, "made", "user.one", found, sizeof(value) - 1);
    FAILS(ENODATA, getxattr, "made", "user.none", found, sizeof(found));
    FAILS(EFAULT, getxattr, "made", "user.edge", kit_at_edge(15), 16);
    memcpy(kit_at_edge(8), "user.one", 8);
    FAILS(EFAULT, getxattr, "made", kit_at_edge(8), found, sizeof(found));
    FAILS(EFAULT, getxattr, "made", BAD, found, sizeof(found));
    FAILS(ENOENT, getxattr, "none", "user.one", found, sizeof(found));
    FAILS(EFAULT, getxattr, NULL, "user.one", found, sizeof(found));
    OK(lgetxattr, "made", "user.two", found, sizeof(found));
    FAILS(ENODATA, lgetxattr, "made", "user.none", found, sizeof(found));
    FAILS(EFAULT, lgetxattr, "made", "user.two", BAD, 3);
}

static void list(void)
{
    char found[512];

    OK(listxattr, "link", found, sizeof(found));
    OK(listxattr, "made", NULL, 0);
    FAILS(ERANGE, listxattr, "made", found, 1);
    FAILS(ENOENT, listxattr, "none", found, sizeof(found));
    FAILS(EFAULT, listxattr, "made", kit_at_edge(4), sizeof(found));
    FAILS(EFAULT, listxattr, BAD, found, sizeof(found));
    OK(llistxattr, "made", found, sizeof(found));
    OK(llistxattr, "link", found, sizeof(found));
    FAILS(ENOENT, llistxattr, "", found, sizeof(found));
    FAILS(EFAULT, llistxattr, "made", BAD, sizeof(found));
}

static void take_away(void)
{
    OK(removexattr, "link", "user.one");
    FAILS(ENODATA, removexattr, "made", "user.one");
    FAILS(ERANGE, removexattr, "made", "");
    FAILS(ENOENT, removexattr, "none", "user.one");
    FAILS(EFAULT, removexattr, "made", BAD);
    OK(lremovexattr, "made", "user.two");
    FAILS(ENODATA, lremovexattr, "made", "user.two");
    FAILS(EPERM, lremovexattr, "link", "user.two");
    FAILS(EFAULT, lremovexattr, BAD, "user.two");
}

SCENARIO
{
    set();
    get();
    list();
    take_away();
}
