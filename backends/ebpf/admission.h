/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_EBPF_ADMISSION_H
#define SYSFOLD_EBPF_ADMISSION_H

/*
 * Which events are told while a snapshot is merged among them. Recording begins
 * with the snapshot, and is of threads that it knows or whose birth came
 * later. Whoever was there before it and gone when it was visited is not told
 * of at all. A birth that the snapshot has told already is not told again.
 *
 * This is over when the snapshot is, and when the birth or the end has come of
 * every thread whose birth or end it met half-way: however long that takes.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/record.h"

struct admission {
    uint64_t from, until; /* times: told from here on, and asked for up to there */
    uint64_t ended;       /* the snapshot; UINT64_MAX: not yet */
    uint64_t *threads;    /* a bit each: told of */
    uint64_t *recorded;   /* by the snapshot, and no event of their birth has come */
    uint64_t *processes;  /* told of; by pid */
    uint64_t *awaited;    /* met half-way */
    unsigned awaited_count;
    bool everyone; /* threads that nobody announced as well: a resync */
};

/* -ENOMEM */
int admission_init(struct admission *admission);
void admission_finish(struct admission *admission);

/* Begins anew, with no thread known, until admission_end() says up to when. */
void admission_begin(struct admission *admission, uint64_t from, bool everyone);
/* The snapshot has a record of the thread. */
void admission_add(struct admission *admission, uint32_t pid, uint32_t tid);
/* It is not over before the thread's birth or its end has come. */
void admission_await(struct admission *admission, uint32_t tid);
bool admission_has_thread(const struct admission *admission, uint32_t tid);
bool admission_has_process(const struct admission *admission, uint32_t pid);
void admission_end(struct admission *admission, uint64_t until);

/* Of those that are still waited for, whoever is not there any more at `now` or a moment later has come by then, unless
 * that was before the programs: it is waited for no longer. */
void admission_review(struct admission *admission, uint64_t now, bool (*is_there)(uint32_t tid));

/* Is the event told? Once for each, in the order of their times. */
bool admission_tells(struct admission *admission, const uint8_t *record);

/* Nothing needs to be asked from this event on. */
static inline bool admission_is_over(const struct admission *admission, const uint8_t *record)
{
    return load_u64(record + offsetof(struct record_header, time), false) > admission->until;
}

#endif
