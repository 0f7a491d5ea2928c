/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_BACKENDS_PTRACE_PLACEMENT_H
#define SYSFOLD_BACKENDS_PTRACE_PLACEMENT_H

/*
 * Which cpu T and its tracees share. A stop is two context switches; where the
 * two sides are on different cpus each of them is a wake-up of an idle cpu,
 * which costs many times more than the switch (README.md has the figures).
 * The scheduler cannot know that they never run at the same time, so T tells it:
 * a thread that makes stop after stop, with no other thread's in between, is made
 * T's guest: it is held on T's cpu until another thread stops.
 *
 * No target may notice. At most one thread is a guest at a time. It gets its
 * affinity back before anybody traced looks at affinities or changes them, and
 * what it gives birth to gets it at once.
 */

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct placement {
    bool enabled;
    pid_t last;         /* whose the last stop was */
    unsigned run;       /* how many it made without another's in between */
    pid_t guest;        /* 0: nobody */
    cpu_set_t guest_had; /* its affinity otherwise */
    cpu_set_t own;      /* T's affinity otherwise */
};

/* Leaves it disabled where there is only one cpu, or more than a cpu_set_t holds. */
void placement_init(struct placement *placement);
/* The guest leaves, and there will be none again. */
void placement_finish(struct placement *placement);

/* A thread has stopped at a call. */
void placement_note_stop(struct placement *placement, pid_t tid);
/* Everybody has the affinity that it had: before a traced thread looks. */
void placement_release(struct placement *placement);
/* A thread has given birth: a guest's child has inherited what was never meant for it. */
void placement_note_birth(struct placement *placement, pid_t parent, pid_t child);
/* A thread goes by another id now (exec), or has ended (0). */
void placement_note_change(struct placement *placement, pid_t tid, pid_t now);

/* Is this a call that reads or sets affinities? */
bool placement_is_watched(uint32_t arch, uint32_t nr);

#endif
