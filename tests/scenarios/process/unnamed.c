// SPDX-License-Identifier: Apache-2.0
/* Calls that have no row, by numbers that the kernel knows, knew once, and never knew. */

#include "powerless.h"

#define SYS_nothing 0x0fffffff

SCENARIO
{
    FAILS(ENOSYS, nothing, 1, 2, 3, 4, 5, 6);
    FAILS(ENOSYS, nothing, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX);
    FAILS(ENOSYS, nothing);
    FAILS(ENOSYS, tuxcall, 1, BAD);
    FAILS(ENOSYS, security);
    OK(getpid);
}
