// SPDX-License-Identifier: Apache-2.0
/* fchdir, and what names mean behind it. */

#include "kit/kit.h"

SCENARIO
{
    long top = OK(open, ".", O_RDONLY | O_DIRECTORY, 0);
    long below, path_only, file;

    OK(mkdir, "below", 0700);
    below = OK(open, "below", O_RDONLY | O_DIRECTORY, 0);
    path_only = OK(open, "below", O_PATH, 0);
    OK(fchdir, below);
    file = OK(open, "file", O_RDWR | O_CREAT, 0600);
    OK(fchdir, top);
    FAILS(ENOENT, open, "file", O_RDONLY, 0);
    OK(fchdir, path_only);
    OK(unlink, "file");
    OK(fchdir, top);
    OK(rmdir, "below");
    OK(fchdir, below); /* gone, but it can be entered */
    FAILS(ENOENT, open, "file", O_RDWR | O_CREAT, 0600);
    OK(fchdir, top);
    FAILS(ENOTDIR, fchdir, file);
    FAILS(EBADF, fchdir, 99);
    FAILS(EBADF, fchdir, -1);
    FAILS(EBADF, fchdir, AT_FDCWD);
}
