// SPDX-License-Identifier: Apache-2.0
/* openat2: a structure in memory for what openat has in its arguments. */

#include <linux/openat2.h>

#include "here.h"

static struct stat made;

static void before(void)
{
    struct open_how how = {.flags = O_RDONLY};
    long fd;

    here_find();
    here_make("made", "made", &made);
    fd = syscall(SYS_openat2, AT_FDCWD, "made", &how, sizeof(how));
    here_need(fd >= 0, "there is no openat2");
    close((int)fd);
    if (mkdir("dir", 0755) < 0 || symlink("../made", "dir/link") < 0)
        kit_fail("it cannot make a directory and a link");
}
BEFORE(before)

#define SAID_MADE SAID(TEXT("file", here("made")), NUMBER("dev", made.st_dev), NUMBER("ino", made.st_ino))

SCENARIO
{
    struct open_how how = {.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC};
    struct {
        struct open_how how;
        uint64_t more;
    } larger = {0};
    struct open_how *edge = kit_at_edge(sizeof(*edge));
    long dir = OK_SAYING(SAID(TEXT("file", here("dir"))), openat2, AT_FDCWD, "dir", &how, sizeof(how));
    long fd;

    how = (struct open_how){.flags = O_RDWR};
    fd = OK_SAYING(SAID_MADE, openat2, dir, "link", &how, sizeof(how));
    OK(close, fd);
    how = (struct open_how){.flags = O_RDWR | O_CREAT, .mode = 0640, .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
    fd = OK_SAYING(SAID(TEXT("file", here("dir/new"))), openat2, dir, "new", &how, sizeof(how));
    OK(close, fd);
    FAILS(EXDEV, openat2, dir, "../made", &how, sizeof(how));
    FAILS(ELOOP, openat2, dir, "link", &how, sizeof(how));

    /* As `/` is the directory, its parent is it. */
    how = (struct open_how){.flags = O_PATH, .resolve = RESOLVE_IN_ROOT};
    fd = OK_SAYING(SAID(TEXT("file", here("dir/new"))), openat2, dir, "/../new", &how, sizeof(how));
    OK(close, fd);

    *edge = (struct open_how){.flags = O_RDONLY};
    fd = OK_SAYING(SAID_MADE, openat2, AT_FDCWD, "made", edge, sizeof(*edge));
    OK(close, fd);
    FAILS(ENOENT, openat2, AT_FDCWD, "none", edge, sizeof(*edge));
    FAILS(EINVAL, openat2, AT_FDCWD, "made", edge, sizeof(*edge) - 1);
    larger.how = *edge;
    fd = OK_SAYING(SAID_MADE, openat2, AT_FDCWD, "made", &larger, sizeof(larger));
    OK(close, fd);
    larger.more = 1;
    FAILS(E2BIG, openat2, AT_FDCWD, "made", &larger, sizeof(larger));

    how = (struct open_how){.flags = O_RDONLY, .mode = 0600};
    FAILS(EINVAL, openat2, AT_FDCWD, "made", &how, sizeof(how)); /* a mode, and nothing is created */
    how = (struct open_how){.flags = UINT64_C(1) << 40};
    FAILS(EINVAL, openat2, AT_FDCWD, "made", &how, sizeof(how));
    how = (struct open_how){.resolve = UINT64_C(1) << 63};
    FAILS(EINVAL, openat2, AT_FDCWD, "made", &how, sizeof(how));
    how = (struct open_how){.flags = O_RDONLY};
    FAILS(EBADF, openat2, 99, "made", &how, sizeof(how));
    FAILS(EFAULT, openat2, AT_FDCWD, BAD, &how, sizeof(how));
    FAILS(ENOENT, openat2, AT_FDCWD, "", &how, sizeof(how));
    FAILS(EFAULT, openat2, AT_FDCWD, "made", BAD, sizeof(how));
    FAILS(EFAULT, openat2, AT_FDCWD, "made", NULL, sizeof(how));
    FAILS(EFAULT, openat2, AT_FDCWD, "made", kit_at_edge(8), sizeof(how)); /* flags can be read, the mode cannot */
    OK(close, dir);
}
