/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_GVISOR_SANDBOX_H
#define SYSFOLD_GVISOR_SANDBOX_H

/*
 * One sandbox: its packets become records, in the order of their times.
 *
 *   packet ──► message ──► thread's call (merge.c) ──► record ──► order.h ──► batch
 *                     └──► lifecycle (lifecycle.c) ──────┘
 *
 * Pure: it asks nobody. All memory is bounded, whatever the sandbox sends.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backends/backend.h"

struct sandbox;

/* Counts of one sandbox, or of all. */
struct sandbox_counts {
    uint64_t packets;
    uint64_t dropped;     /* by the sandbox, as its headers say */
    uint64_t unknown;     /* of types, or with fields, that we do not know */
    uint64_t undecodable; /* not what a packet should be */
    uint64_t hidden;      /* calls whose strings the sandbox kept to itself (they were not UTF-8) */
    uint64_t unmatched;   /* calls that began and never ended, although their thread went on */
};

/* The options are borrowed. -ENOMEM. */
int sandbox_create(const struct capture_options *options, uint32_t source, struct sandbox **ret_sandbox);
/* NULL is fine. */
void sandbox_destroy(struct sandbox *sandbox);

/* A packet as received at `time` (ns since the epoch). */
void sandbox_packet(struct sandbox *sandbox, const uint8_t *packet, size_t size, uint64_t time);
/* So many packets were lost on the way. */
void sandbox_lose(struct sandbox *sandbox, uint64_t count, const char *cause, uint64_t time);
/* A snapshot record that somebody else made (procfs.h); it is ordered among the others by its time. */
void sandbox_put(struct sandbox *sandbox, const uint8_t *record, size_t size, uint64_t time);
/* Nothing more will come: what is pending is told, and whatever lives ends with the sandbox. */
void sandbox_end(struct sandbox *sandbox, uint64_t time);

/* What can be told at `now`, ns since the epoch: everything older than the window, after sandbox_end() all. Records in
 * their order, borrowed until the next call about this sandbox. Returns how many. */
size_t sandbox_take(struct sandbox *sandbox, uint64_t now, const uint8_t *const **ret_records);
/* When sandbox_take() may have more, without further packets; UINT64_MAX: never. Where the clock has gone back: now. */
uint64_t sandbox_due(const struct sandbox *sandbox, uint64_t now);

/* It has ended, and all of it has been taken and given back. */
bool sandbox_is_over(const struct sandbox *sandbox);

uint32_t sandbox_source(const struct sandbox *sandbox);
/* Its first container's id; "sandbox" until that is known. Borrowed from the sandbox. */
const char *sandbox_name(const struct sandbox *sandbox);
void sandbox_counts(const struct sandbox *sandbox, struct sandbox_counts *ret_counts);

#endif
