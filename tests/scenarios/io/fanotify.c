// SPDX-License-Identifier: Apache-2.0
/* Fanotify groups; the one watch is on a file of the scenario's own. */

#include <linux/fanotify.h>
#include <unistd.h>

#include "kit/kit.h"

#ifndef FAN_REPORT_FID
#define FAN_REPORT_FID 0x200
#endif

static void find_out(void)
{
    long fd = syscall(SYS_fanotify_init, FAN_REPORT_FID, 0);

    if (fd < 0)
        kit_skip("there is no fanotify, or not for everyone (that came with 5.13)");
    close((int)fd);
}
BEFORE(find_out)

SCENARIO
{
    char event[256];
    long fd, mine;

    FAILS(EINVAL, fanotify_init, FAN_REPORT_FID | 0x80000000U, 0);
    FAILS(EINVAL, fanotify_init, FAN_REPORT_FID, O_CREAT);
    FAILS(EINVAL, fanotify_init, FAN_REPORT_FID, O_ACCMODE);
    TRY(fanotify_init, FAN_CLASS_NOTIF, O_RDONLY); /* for the privileged */
    OK(fanotify_init, FAN_REPORT_FID, O_RDWR | O_LARGEFILE);
    fd = OK(fanotify_init, FAN_REPORT_FID | FAN_CLOEXEC | FAN_NONBLOCK, 0);
    kit_descriptors();
    mine = OK(open, "mine", O_RDWR | O_CREAT, 0600);
    TRY(fanotify_mark, fd, FAN_MARK_ADD, FAN_MODIFY, AT_FDCWD, "mine"); /* not every file system has what it takes */
    FAILS(EAGAIN, read, fd, event, sizeof(event));
    FAILS(EINVAL, fanotify_mark, mine, FAN_MARK_ADD, FAN_MODIFY, AT_FDCWD, "mine");
    OK(close, fd);
}
