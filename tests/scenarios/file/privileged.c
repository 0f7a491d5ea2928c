// SPDX-License-Identifier: Apache-2.0
/*
 * What only root may do, asked for in ways that not even root is granted: the
 * error depends on who asks, and is found out before. Nothing may come of it.
 */

#include "here.h"

#define NO_SUCH_FLAG 0x40000000

static int of_swapon, of_swapon_bad, of_swapoff, of_swapoff_bad, of_acct, of_acct_bad, of_pivot, of_umount;
static int of_mount, of_chroot;

static void before(void)
{
    struct stat made;

    here_make("made", "made", &made);
    if (mkdir("dir", 0755) < 0)
        kit_fail("it cannot make a directory");
    of_swapon = here_error(syscall(SYS_swapon, "none", 0));
    of_swapon_bad = here_error(syscall(SYS_swapon, BAD, 0));
    of_swapoff = here_error(syscall(SYS_swapoff, "made"));
    of_swapoff_bad = here_error(syscall(SYS_swapoff, BAD));
    of_acct = here_error(syscall(SYS_acct, "none"));
    of_acct_bad = here_error(syscall(SYS_acct, BAD));
    of_pivot = here_error(syscall(SYS_pivot_root, "none", "none"));
    of_umount = here_error(syscall(SYS_umount2, "dir", 0));
    of_mount = here_error(syscall(SYS_mount, "none", "dir", "no-such-file-system", 0, NULL));
    of_chroot = here_error(syscall(SYS_chroot, "made"));
}
BEFORE(before)

SCENARIO
{
    FAILS(of_swapon, swapon, "none", 0);
    FAILS(of_swapon_bad, swapon, BAD, 0);
    TRY(swapon, "made", NO_SUCH_FLAG); /* EINVAL, but for a sandbox that says EPERM to all */
    FAILS(of_swapoff, swapoff, "made");
    FAILS(of_swapoff_bad, swapoff, BAD);
    FAILS(of_acct, acct, "none");
    FAILS(of_acct_bad, acct, BAD);
    FAILS(of_pivot, pivot_root, "none", "none");
    FAILS(of_umount, umount2, "dir", 0);
    FAILS(of_mount, mount, "none", "dir", "no-such-file-system", 0, NULL);
    FAILS(of_chroot, chroot, "made");
}
