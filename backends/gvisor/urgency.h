/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_GVISOR_URGENCY_H
#define SYSFOLD_GVISOR_URGENCY_H

/*
 * How the receiving thread gets its turn. The queues in front of it last for
 * some milliseconds, and what finds no room in them is lost: so it runs before
 * others, by SCHED_FIFO where that is allowed, else by its nice value. A
 * sandbox that floods it must not take the cpu from everybody: a thread that
 * is busy most of the time is an ordinary one until it is not.
 */

#include <stdbool.h>
#include <stdint.h>

struct urgency {
    bool is_allowed, is_urgent;
    uint64_t looked_at, spent; /* wall clock and the thread's own, ns */
};

/* For the calling thread. */
void urgency_begin(struct urgency *urgency);
/* Often. */
void urgency_mind(struct urgency *urgency);

#endif
