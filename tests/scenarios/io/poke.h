/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_SCENARIO_IO_POKE_H
#define SYSFOLD_SCENARIO_IO_POKE_H

/* A child that sends its parent a signal as soon as that sleeps in a call. */

#include "kit/kit.h"

struct poke {
    long tid;
    long nr; /* SYS_x */
    int signo;
};

static inline void poke_parent(void *data)
{
    const struct poke *poke = data;

    kit_wait_asleep(poke->tid, poke->nr);
    OK(kill, poke->tid, poke->signo);
    EXIT_GROUP(0);
}

/* The child, to be reaped. Of a process with one thread. */
#define POKE(name, signo) kit_fork(poke_parent, &(struct poke){kit_tid(), SYS_##name, signo})

#endif
