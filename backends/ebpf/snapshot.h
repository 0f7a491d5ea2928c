/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_EBPF_SNAPSHOT_H
#define SYSFOLD_EBPF_SNAPSHOT_H

/*
 * What was there before the events, as records among them.
 *
 *   programs attached    begun                            ended
 *   ─────┼─────────────────┼───────────────────────────────┼──────────► time
 *        : not told        : events, those of unknown      : events
 *        :                 : threads not told (admission.h):
 *                          SNAP_THREAD of all,  SNAP_FD, SNAP_FD, ...
 *
 * A record's time is before its facts were looked at. So all that happened
 * before it is in them, and what is told behind it changes what they say.
 * Threads have one time, that at which the snapshot began: recording begins
 * there for all of them at once, and no descriptor can come or go between the
 * times of two threads that share it. Descriptors have times of their own, as
 * near to the facts as can be.
 *
 * Descriptors are looked at more than once. The second look tells what the
 * first could not know: what an event made of a descriptor that was not known
 * yet, and what a child inherited of a parent that had not been visited.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "backends/ebpf/admission.h"
#include "common/encode.h"

struct iterators;
struct told;

/* Whom it is of. */
struct snapshot_scope {
    pid_t only;                                /* this process, for which /proc is asked unless it is a resync; 0: */
    bool (*is_chosen)(void *data, pid_t tgid); /* those that this says; NULL: all but the caller's own */
    int (*look_up)(void *data);                /* before it is asked, and again and again; NULL: it knows by itself */
    void *data;
};

/* In the order of their times. */
struct records {
    uint8_t *bytes;
    size_t size, room;
    size_t at; /* the next to hand on */
};

struct snapshot {
    struct records threads, fds;
    uint64_t begun, ended;
    uint64_t review_at;          /* of whom the admission waits for */
    uint64_t born_since;         /* by CLOCK_BOOTTIME: who was born later was so after it had begun */
    uint64_t birth_offset;       /* from CLOCK_BOOTTIME, in which threads are born, */
    uint64_t clock_offset;       /* and from CLOCK_MONOTONIC to the time of records */
    struct iterators *iterators; /* NULL: /proc must do */
    bool has_iterators;          /* or has been refused them */
    struct admission admission;
    struct told *told;
    struct encoder encoder, other;
    uint64_t stamp; /* when the last of /proc's records was complete */
    int error;      /* the first, other than that somebody is gone */
};

/* birth_offset: ns from CLOCK_BOOTTIME to the epoch. -ENOMEM. */
int snapshot_create(uint64_t birth_offset, struct snapshot **ret_snapshot);
/* NULL is fine. */
void snapshot_destroy(struct snapshot *snapshot);
/* From now on by iterators where they are allowed, which takes a tenth of a second; or else by /proc. snapshot_take()
 * sees to that itself. */
void snapshot_use_iterators(struct snapshot *snapshot);
void snapshot_use_proc(struct snapshot *snapshot);

/*
 * Takes one, in place of the last. Programs must be attached, and the
 * processes of the scope be recorded. clock_offset: what the programs add to
 * bpf_ktime_get_ns() for a record's time. `again`: a resync, of whose processes
 * the stream has told; a record at its end then says that those it does not
 * mention are gone. -ENOMEM, and other errors of the system: then there is none.
 */
int snapshot_take(struct snapshot *snapshot, const struct snapshot_scope *scope, uint64_t clock_offset, bool again);
/* Is a resync due, after losses up to `lost_until` that were told since the last one was taken? Not before that was
 * handed on, and at most once a second. */
bool snapshot_is_due(const struct snapshot *snapshot, uint64_t lost_until, uint64_t now);

static inline bool snapshot_is_handed_on(const struct snapshot *snapshot)
{
    return snapshot->threads.at == snapshot->threads.size && snapshot->fds.at == snapshot->fds.size;
}

void snapshot_review(struct snapshot *snapshot, uint64_t now);

/* Now and then: whoever was met half-way may have arrived unseen. */
static inline void snapshot_follow(struct snapshot *snapshot, uint64_t now)
{
    if (snapshot->admission.awaited_count && now >= snapshot->review_at)
        snapshot_review(snapshot, now);
}

/* The next record to hand on, before all events of its time or later; NULL: none is left. Until snapshot_take(). */
const uint8_t *snapshot_first(const struct snapshot *snapshot, uint64_t *ret_time);

/* The same, asked of each event. */
static inline const uint8_t *snapshot_head(const struct snapshot *snapshot, uint64_t *ret_time)
{
    return snapshot_is_handed_on(snapshot) ? NULL : snapshot_first(snapshot, ret_time);
}

void snapshot_next(struct snapshot *snapshot);

/* Something was lost: it may have been the birth of a thread that is to be told of. */
static inline void snapshot_lost(struct snapshot *snapshot, uint64_t lost_until)
{
    if (lost_until >= snapshot->begun)
        snapshot->admission.everyone = true;
}

/* Is this record of the programs to be told? Asked of each in the order of their times. */
static inline bool snapshot_tells(struct snapshot *snapshot, const uint8_t *record)
{
    return admission_is_over(&snapshot->admission, record) || admission_tells(&snapshot->admission, record);
}

#endif
