// SPDX-License-Identifier: Apache-2.0
/* fchmod and fchown: who may do what with a file. */

#include "kit/kit.h"

SCENARIO
{
    long fd = OK(open, "here", O_RDWR | O_CREAT, 0600);
    long directory = OK(open, ".", O_RDONLY | O_DIRECTORY, 0);
    long path_only = OK(open, "here", O_PATH, 0);

    OK(fchmod, fd, 0);
    OK(fchmod, fd, 0777);
    OK(fchmod, fd, 04640);
    OK(fchmod, fd, 0100600); /* bits of a kind are ignored */
    OK(fchmod, directory, 01700);
    FAILS(EBADF, fchmod, path_only, 0600);
    FAILS(EBADF, fchmod, 99, 0600);
    FAILS(EBADF, fchmod, -1, 0xffffffff);
    OK(fchown, fd, -1, -1);
    OK(fchown, directory, -1, -1);
    TRY(fchown, fd, 1, 2); /* root may */
    TRY(fchown, fd, 4294967294, -1);
    FAILS(EBADF, fchown, path_only, -1, -1);
    FAILS(EBADF, fchown, 99, 0, 0);
    FAILS(EBADF, fchown, -1, 65534, 4294967294);
}
