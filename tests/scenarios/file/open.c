// SPDX-License-Identifier: Apache-2.0
/* open, creat and openat: what they open, create, follow and refuse. */

#include "here.h"

static struct stat made;

static void before(void)
{
    here_find();
    here_make("made", "made", &made);
    if (mkdir("dir", 0755) < 0 || symlink("../made", "dir/link") < 0 || symlink("loop", "loop") < 0)
        kit_fail("it cannot make a directory and links");
}
BEFORE(before)

/* What is said of the file that was there before, by whichever path. */
#define SAID_MADE SAID(TEXT("file", here("made")), NUMBER("dev", made.st_dev), NUMBER("ino", made.st_ino))

static void open_by_path(void)
{
    long fd = OK_SAYING(SAID_MADE, open, "made", O_RDWR, 0);

    OK(close, fd);
    fd = OK_SAYING(SAID_MADE, open, "dir/../dir/./link", O_RDONLY | O_CLOEXEC, 0);
    OK(close, fd);
    fd = OK_SAYING(SAID_MADE, open, here("made"), O_WRONLY | O_APPEND | O_NONBLOCK | O_SYNC, 07777);
    OK(close, fd);
    fd = OK_SAYING(SAID(TEXT("file", here("new"))), open, "new", O_RDWR | O_CREAT | O_EXCL | O_TRUNC, 01640);
    FAILS(EEXIST, open, "new", O_RDWR | O_CREAT | O_EXCL, 0600);
    OK(close, fd);
    fd = OK_SAYING(SAID(TEXT("file", here("dir"))), open, "dir", O_RDONLY | O_DIRECTORY, 0);
    OK(close, fd);
    fd = OK_SAYING(SAID(TEXT("file", here("dir/link"))), open, "dir/link", O_PATH | O_NOFOLLOW, 0);
    OK(close, fd);
    FAILS(ENOENT, open, "none", O_RDONLY, 0);
    FAILS(ENOTDIR, open, "made", O_RDONLY | O_DIRECTORY, 0);
    FAILS(ENOTDIR, open, "made/x", O_RDONLY, 0);
    FAILS(EISDIR, open, "dir", O_RDWR, 0);
    FAILS(ELOOP, open, "loop", O_RDONLY, 0);
    FAILS(ELOOP, open, "dir/link", O_RDONLY | O_NOFOLLOW, 0);
    FAILS(EFAULT, open, BAD, O_RDONLY, 0);
}

static void create(void)
{
    long fd = OK_SAYING(SAID(TEXT("file", here("created"))), creat, "created", 0604);

    OK(close, fd);
    fd = OK_SAYING(SAID_MADE, creat, "dir/link", 0600);
    OK(close, fd);
    FAILS(EISDIR, creat, "dir", 0600);
    FAILS(ENOENT, creat, "none/x", 0600);
    FAILS(ENOENT, creat, "", 0600);
    FAILS(EFAULT, creat, NULL, 0600);
}

static void open_relative(void)
{
    long dir = OK_SAYING(SAID(TEXT("file", here("dir"))), openat, AT_FDCWD, "dir", O_RDONLY | O_DIRECTORY, 0);
    long fd = OK_SAYING(SAID_MADE, openat, dir, "link", O_RDONLY, 0);

    FAILS(ENOTDIR, openat, fd, "x", O_RDONLY, 0);
    OK(close, fd);
    fd = OK_SAYING(SAID(TEXT("file", here("dir/inner"))), openat, dir, "inner", O_WRONLY | O_CREAT, 0640);
    OK(close, fd);
    fd = OK_SAYING(SAID_MADE, openat, dir, here("made"), O_RDONLY, 0);
    OK(close, fd);
    fd = OK_SAYING(SAID_MADE, openat, -1, here("made"), O_RDONLY, 0); /* the descriptor does not matter */
    OK(close, fd);
    fd = OK_SAYING(SAID(TEXT("file", here("dir"))), openat, dir, ".", O_PATH, 0);
    OK(close, fd);
    fd = OK_SAYING(SAID(TEXT("file", "/")), openat, dir, "/", O_RDONLY, 0);
    OK(close, fd);
    FAILS(EBADF, openat, 99, "made", O_RDONLY, 0);
    FAILS(EBADF, openat, -7, "made", O_RDONLY, 0);
    FAILS(ENOENT, openat, dir, "", O_RDONLY, 0);
    FAILS(ENOENT, openat, dir, "made", O_RDONLY, 0);
    FAILS(EFAULT, openat, dir, BAD, O_RDONLY, 0);
    OK(close, dir);
}

/* A name that changes while the file is open: the path is as it was, the file as it is. */
static void open_renamed(void)
{
    long fd = OK_SAYING(SAID(TEXT("file", here("early"))), open, "early", O_RDWR | O_CREAT, 0600);

    OK(rename, "early", "late");
    OK(close, fd);
    fd = OK_SAYING(SAID(TEXT("file", here("late"))), open, "late", O_RDWR, 0);
    OK(unlink, "late");
    OK(close, fd);
}

/* A file that never has a name: not every file system has such. */
static void open_unnamed(void)
{
    long fd = TRY(openat, AT_FDCWD, ".", O_RDWR | O_TMPFILE, 0600);

    if (fd >= 0)
        OK(close, fd);
}

SCENARIO
{
    open_by_path();
    create();
    open_relative();
    open_renamed();
    open_unnamed();
}
