// SPDX-License-Identifier: Apache-2.0
/* The level and the ports that everybody has: none. Many a kernel is built without the calls. */

#include "powerless.h"

static bool is_there;

static void find_out(void)
{
    is_there = refusal_of(SYS_iopl, 3, 0, 0, 0) != ENOSYS;
}
BEFORE(find_out)

static void powerless(void *data)
{
    (void)data;
    become_powerless();
    if (is_there) {
        OK(iopl, 0);
        OK(ioperm, 0, 1, 0);
    }
    FAILS(is_there ? EPERM : ENOSYS, iopl, 3);
    FAILS(is_there ? EINVAL : ENOSYS, iopl, 4);
    FAILS(is_there ? EINVAL : ENOSYS, iopl, -1);
    FAILS(is_there ? EPERM : ENOSYS, ioperm, 0, 1, 1);
    FAILS(is_there ? EINVAL : ENOSYS, ioperm, 65536, 1, 0);
    FAILS(is_there ? EINVAL : ENOSYS, ioperm, UINT64_MAX, 2, 1);
    EXIT_GROUP(0);
}

SCENARIO
{
    in_a_child(powerless);
}
