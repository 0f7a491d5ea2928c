// SPDX-License-Identifier: Apache-2.0
/* ptrace, as it fails whether or not the caller is traced itself. */

#include <sys/ptrace.h>

#include "powerless.h"

static void child(void *data)
{
    (void)data;
    FAILS(ESRCH, ptrace, PTRACE_CONT, OK(getppid), NULL, NULL);
    EXIT_GROUP(0);
}

SCENARIO
{
    long self = kit_tid();

    FAILS(EPERM, ptrace, PTRACE_ATTACH, self, NULL, NULL);
    FAILS(EPERM, ptrace, PTRACE_SEIZE, self, NULL, NULL);
    FAILS(ESRCH, ptrace, PTRACE_ATTACH, NO_SUCH_PID, NULL, NULL);
    FAILS(ESRCH, ptrace, PTRACE_CONT, self, NULL, NULL);
    FAILS(ESRCH, ptrace, PTRACE_PEEKDATA, self, &self, BAD);
    FAILS(ESRCH, ptrace, 99999, self, NULL, NULL);
    in_a_child(child);
}
