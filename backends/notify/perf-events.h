/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_NOTIFY_PERF_EVENTS_H
#define SYSFOLD_NOTIFY_PERF_EVENTS_H

/* Within perf.c, which opens events and rings, and perf-read.c, which reads what is in them. */

#include <linux/perf_event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "common/callset.h"
#include "perf.h"
#include "tracepoints.h"

#define X32_BIT 0x40000000
/* The kernel gives no higher numbers, whatever kernel.pid_max says. */
#define MOST_THREADS (1U << 22)
#define NO_TIME UINT64_MAX

/*
 * A ring, and how far it has been read. All are counts of bytes since its
 * beginning, of which the ring holds the last:
 *
 *      given        tail                    end        the kernel's data_head
 *   ─────┼───────────┼───────────────────────┼───────────────┼─────
 *        │ told, not │ to be told            │ written since │
 *        │ yet given │                       │ perf_look()   │
 *        │ back      │                       │               │
 */
struct ring {
    int cpu;
    int fd; /* of an event that never happens, which owns the ring */
    struct perf_event_mmap_page *page;
    const uint8_t *data;
    uint64_t given, tail, end;
    uint64_t time; /* of the record at the tail; NO_TIME: there is none before the end */
};

/* A set of calls. */
struct wanted {
    bool any;
    bool everything; /* unknown numbers as well */
    uint64_t calls[CALLSET_NATIVE_MAX / 64];
    char *filter; /* for the kernel, or NULL */
};

/* Raw: of all calls. They differ in their layout as well. */
enum source { NOT_OURS, RAW_EXIT, RAW_ENTRY, CALL_EXIT, CALL_ENTRY };

struct perf {
    enum perf_means means;
    struct tracepoints ids;              /* PERF_MEANS_ALL */
    const struct call_tracepoints *each; /* PERF_MEANS_EACH */
    uint8_t *sources;                    /* what a sample of a tracepoint is: an enum source each */
    struct wanted exits, entries;
    uint64_t registers; /* that a call's exit comes with: see perf-read.c */
    uint64_t *executed; /* a bit for each thread: its last record is an exec's */

    struct ring *rings;
    size_t ring_count;
    size_t ring_size; /* of each; a power of two */
    int poll;         /* an epoll of all rings */

    int *fds; /* the threads' events */
    size_t fd_count, fd_room;

    uint64_t read_format; /* of the events */
    uint64_t lost;        /* records, that were told of */

    int64_t to_realtime; /* to be added to CLOCK_MONOTONIC */
    uint64_t moment;     /* perf_look()'s */
    struct ring *next;   /* whose record is the oldest */
    uint64_t next_until; /* it is while its time is not beyond this: the oldest of the others */

    uint8_t record[UINT16_MAX + 1]; /* one that straddles the ring's edge */
};

/* Is it in the set? What has no number always is. */
bool perf_wants(const struct wanted *wanted, int64_t nr);
uint64_t perf_now(clockid_t clock);

#endif
