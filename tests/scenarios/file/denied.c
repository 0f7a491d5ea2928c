// SPDX-License-Identifier: Apache-2.0
/* What is refused for want of permission, to root as well: in a user namespace where nobody owns a file. */

#include <sched.h>

#include "inside.h"

static bool is_denied(void)
{
    return open("secret", O_RDONLY | O_CLOEXEC) < 0 && errno == EACCES;
}

static void before(void)
{
    struct stat made;

    here_make("made", "made", &made);
    here_make("secret", "secret", &made);
    if (mkdir("locked", 0700) < 0 || mkdir("locked/sub", 0700) < 0 || mkdir("fixed", 0700) < 0 ||
        mkdir("fixed/sub", 0700) < 0 || symlink("x", "fixed/link") < 0)
        kit_fail("it cannot make directories and a link");
    if (chmod("secret", 0) < 0 || chmod("locked", 0600) < 0 || chmod("fixed", 0500) < 0)
        kit_fail("it cannot lock them");
    inside_need(is_denied, "there are no user namespaces, or root may do anything there");
}
BEFORE(before)

/* So that they can be removed. */
static void after(void)
{
    if (chmod("locked", 0700) < 0 || chmod("fixed", 0700) < 0)
        kit_fail("it cannot unlock them");
}
AFTER(after)

static void files(void)
{
    FAILS(EACCES, open, "secret", O_RDONLY, 0);
    FAILS(EACCES, open, "fixed/new", O_RDWR | O_CREAT, 0600);
    FAILS(EACCES, openat, AT_FDCWD, "secret", O_WRONLY | O_TRUNC, 0);
    FAILS(EACCES, creat, "secret", 0600);
    FAILS(EACCES, truncate, "secret", 0);
    FAILS(EACCES, access, "secret", R_OK);
    OK(access, "secret", F_OK);
    FAILS(EACCES, getxattr, "secret", "user.x", NULL, 0);
    FAILS(EACCES, setxattr, "secret", "user.x", "x", 1, 0);
}

static void directories(void)
{
    struct stat status;
    char target[8];

    FAILS(EACCES, stat, "locked/sub", &status); /* it can be listed, and not entered */
    FAILS(EACCES, lstat, "locked/none", &status);
    FAILS(EACCES, newfstatat, AT_FDCWD, "locked/sub/none", &status, 0);
    FAILS(EACCES, chdir, "locked");
    FAILS(EACCES, readlink, "locked/none", target, sizeof(target));
    OK(readlink, "fixed/link", target, sizeof(target));
    FAILS(EACCES, mkdir, "fixed/new", 0700);
    FAILS(EACCES, mkdirat, AT_FDCWD, "locked/new", 0700);
    FAILS(EACCES, rmdir, "fixed/sub");
    FAILS(EACCES, unlink, "fixed/link");
    FAILS(EACCES, unlinkat, AT_FDCWD, "fixed/sub", AT_REMOVEDIR);
    FAILS(EACCES, rename, "made", "fixed/made");
    FAILS(EACCES, renameat, AT_FDCWD, "fixed/sub", AT_FDCWD, "sub");
    FAILS(EACCES, link, "made", "fixed/made");
    FAILS(EACCES, symlink, "x", "fixed/other");
    FAILS(EACCES, symlinkat, "x", AT_FDCWD, "locked/other");
    FAILS(EACCES, mknod, "fixed/fifo", S_IFIFO | 0600, 0);
}

static void child(void *data)
{
    (void)data;
    files();
    directories();
    FAILS(EPERM, mknod, "device", S_IFCHR | 0600, 0x103);
    FAILS(EPERM, mknodat, AT_FDCWD, "device", S_IFBLK | 0600, 0x700);
    FAILS(EINVAL, chown, "made", 12345, -1); /* an owner unknown in there */
    FAILS(EINVAL, lchown, "made", -1, 12345);
    EXIT_GROUP(0);
}

SCENARIO
{
    if (kit_reap(kit_clone(CLONE_NEWUSER | SIGCHLD, child, NULL)))
        kit_fail("the child did not end well");
}
