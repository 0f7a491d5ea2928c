// SPDX-License-Identifier: Apache-2.0
#include "backends/ptrace/placement.h"

#include <linux/audit.h>

/* Calls in a row. Becoming a guest costs about as much as one call across cpus. */
#define RUN_MIN 8

#define X32_BIT UINT32_C(0x40000000)

void placement_init(struct placement *placement)
{
    *placement = (struct placement){0};
    placement->enabled =
        sched_getaffinity(0, sizeof(placement->own), &placement->own) == 0 && CPU_COUNT(&placement->own) > 1;
}

void placement_finish(struct placement *placement)
{
    placement_release(placement);
    placement->enabled = false;
}

void placement_release(struct placement *placement)
{
    cpu_set_t now;

    placement->run = 0;
    if (!placement->guest)
        return;
    /* Unless somebody else has changed it meanwhile: then that is what it should be. */
    if (sched_getaffinity(placement->guest, sizeof(now), &now) == 0 && CPU_COUNT(&now) == 1)
        sched_setaffinity(placement->guest, sizeof(placement->guest_had), &placement->guest_had);
    sched_setaffinity(0, sizeof(placement->own), &placement->own);
    placement->guest = 0;
}

/* Both sides on the cpu where T is. The guest is stopped at this moment: nothing has to be interrupted. */
static void invite(struct placement *placement, pid_t tid)
{
    cpu_set_t shared;
    int cpu = sched_getcpu();

    if (cpu < 0 || cpu >= CPU_SETSIZE ||
        sched_getaffinity(tid, sizeof(placement->guest_had), &placement->guest_had) < 0)
        return;
    if (!CPU_ISSET(cpu, &placement->guest_had) || CPU_COUNT(&placement->guest_had) < 2)
        return;
    CPU_ZERO(&shared);
    CPU_SET(cpu, &shared);
    if (sched_setaffinity(0, sizeof(shared), &shared) < 0)
        return;
    placement->guest = tid;
    if (sched_setaffinity(tid, sizeof(shared), &shared) < 0)
        placement_release(placement);
}

void placement_note_stop(struct placement *placement, pid_t tid)
{
    if (!placement->enabled)
        return;
    if (tid != placement->last) {
        placement_release(placement);
        placement->last = tid;
    }
    if (++placement->run == RUN_MIN)
        invite(placement, tid);
}

void placement_note_birth(struct placement *placement, pid_t parent, pid_t child)
{
    if (placement->guest && placement->guest == parent)
        sched_setaffinity(child, sizeof(placement->guest_had), &placement->guest_had);
}

void placement_note_change(struct placement *placement, pid_t tid, pid_t now)
{
    if (placement->last == tid)
        placement->last = now;
    if (placement->guest != tid)
        return;
    placement->guest = now;
    if (!now)
        sched_setaffinity(0, sizeof(placement->own), &placement->own);
}

bool placement_is_watched(uint32_t arch, uint32_t nr)
{
    if (arch == AUDIT_ARCH_I386)
        return nr == 241 || nr == 242; /* sched_setaffinity, sched_getaffinity */
    return (nr & ~X32_BIT) == 203 || (nr & ~X32_BIT) == 204;
}
