/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_SCENARIO_SIGNALS_H
#define SYSFOLD_SCENARIO_SIGNALS_H

/* What scenarios with signals share. Real-time signals are numbered as the kernel does. */

#include "kit/kit.h"

#define BIT(signo) (UINT64_C(1) << ((signo)-1))
#define REALTIME 34
#define NOBODY 0x7ffffff0 /* no process can have this number */

/* The kernel's struct sigaction. */
struct action {
    uint64_t handler, flags, restorer, mask;
};

static uint64_t signal_set;

static inline void block(uint64_t signals)
{
    signal_set = signals;
    OK(rt_sigprocmask, SIG_BLOCK, &signal_set, NULL, 8);
}

static inline void unblock(uint64_t signals)
{
    signal_set = signals;
    OK(rt_sigprocmask, SIG_UNBLOCK, &signal_set, NULL, 8);
}

#endif
