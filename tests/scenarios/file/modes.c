// SPDX-License-Identifier: Apache-2.0
/* Permissions, owners and sizes: chmod, chown, truncate and their relatives. */

#include "here.h"

#define AT_NO_SUCH_FLAG 0x40000000

static uid_t own_uid;
static gid_t own_gid;

static void before(void)
{
    struct stat made;

    own_uid = geteuid();
    own_gid = getegid();
    here_make("made", "made", &made);
    if (mkdir("dir", 0755) < 0 || symlink("../made", "dir/link") < 0 || symlink("none", "dangling") < 0)
        kit_fail("it cannot make a directory and links");
}
BEFORE(before)

static void modes(long dir)
{
    OK(chmod, "made", 04711);
    OK(chmod, "dir/link", 0600);
    OK(chmod, "made", 0177777 & ~02000); /* only the lowest twelve bits count */
    FAILS(ENOENT, chmod, "dangling", 0600);
    FAILS(ENOENT, chmod, "", 0600);
    FAILS(ENOTDIR, chmod, "made/x", 0600);
    FAILS(EFAULT, chmod, BAD, 0600);
    OK(fchmodat, dir, "link", 0644);
    FAILS(EBADF, fchmodat, 99, "made", 0600);
    FAILS(ENOENT, fchmodat, dir, "made", 0600);
    FAILS(EFAULT, fchmodat, dir, NULL, 0600);
}

static void owners(long dir)
{
    OK(chown, "made", own_uid, own_gid);
    OK(chown, "dir/link", -1, -1);
    FAILS(ENOENT, chown, "dangling", -1, -1);
    FAILS(EFAULT, chown, BAD, own_uid, own_gid);
    OK(lchown, "dangling", own_uid, -1);
    FAILS(ENOENT, lchown, "none", -1, own_gid);
    FAILS(EFAULT, lchown, NULL, -1, -1);
    OK(fchownat, dir, "link", -1, own_gid, 0);
    OK(fchownat, AT_FDCWD, "dangling", own_uid, own_gid, AT_SYMLINK_NOFOLLOW);
    FAILS(ENOENT, fchownat, AT_FDCWD, "dangling", own_uid, own_gid, 0);
    FAILS(ENOENT, fchownat, dir, "", -1, -1, 0);
    FAILS(EBADF, fchownat, 99, "made", -1, -1, 0);
    FAILS(EINVAL, fchownat, dir, "link", -1, -1, AT_NO_SUCH_FLAG);
    FAILS(EFAULT, fchownat, dir, BAD, -1, -1, 0);
}

/* By a descriptor and an empty path. */
static void own_opened(void)
{
    long fd = OK(open, "made", O_PATH, 0);

    OK(fchownat, fd, "", own_uid, own_gid, AT_EMPTY_PATH);
    OK(close, fd);
}

static void sizes(void)
{
    OK(truncate, "made", 0);
    OK(truncate, "dir/link", 1);
    OK(truncate, "made", INT64_C(0x100000001)); /* a hole beyond what 32 bits count */
    FAILS(EINVAL, truncate, "made", -1);
    FAILS(EINVAL, truncate, "made", INT64_MIN);
    FAILS(EISDIR, truncate, "dir", 0);
    FAILS(ENOENT, truncate, "dangling", 0);
    FAILS(ENOENT, truncate, "", 0);
    FAILS(EFAULT, truncate, BAD, 0);
}

SCENARIO
{
    long dir = OK(open, "dir", O_RDONLY | O_DIRECTORY, 0);

    modes(dir);
    OK(chmod, "made", 0600);
    owners(dir);
    own_opened();
    sizes();
    OK(close, dir);
}
