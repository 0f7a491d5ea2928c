// SPDX-License-Identifier: Apache-2.0
/* Do two processes share what they have? */

#include <linux/kcmp.h>

#include "powerless.h"

static void find_out(void)
{
    if (syscall(SYS_kcmp, getpid(), getpid(), KCMP_VM, 0, 0) < 0)
        kit_skip("there is no kcmp");
}
BEFORE(find_out)

SCENARIO
{
    long self = kit_tid();
    long fd = OK(open, "here", O_RDWR | O_CREAT, 0600);
    long again = OK(dup, fd);

    OK(kcmp, self, self, KCMP_VM, 0, 0);
    OK(kcmp, self, self, KCMP_FILES, 0, 0);
    if (OK(kcmp, self, self, KCMP_FILE, fd, again) != 0)
        kit_fail("a duplicate is another file");
    FAILS(EINVAL, kcmp, self, self, 99, 0, 0);
    FAILS(EBADF, kcmp, self, self, KCMP_FILE, fd, 99);
    FAILS(ESRCH, kcmp, self, NO_SUCH_PID, KCMP_VM, 0, 0);
}
