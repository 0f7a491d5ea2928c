/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_BACKEND_H
#define SYSFOLD_BACKEND_H

/*
 * The seam. A backend is one `const struct sysfold_backend` in one folder, and
 * one name in backends/meson.build. It emits records and never decodes; the
 * decoder consumes records and never knows a backend.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sysfold/stream.h>

#include "common/callset.h"

/* Whole records in their order, in place, until the next next_batch(): a span of them, or where each lies. */
struct batch {
    const uint8_t *records; /* the span, */
    size_t size;            /* and its bytes; or */
    const uint8_t *const *each;
    size_t count;
    uint32_t source; /* 0: the host (or the only one) */
    int32_t cpu;     /* -1: of no cpu */
    bool swapped;    /* in the other byte order */
};

#define BUFFER_DEFAULT ((size_t)8 << 20) /* bytes, of live.buffer_size */

/* What a backend is asked to capture: the public options with every default filled in. */
struct capture_options {
    struct sysfold_live_options live;
    bool default_buffer;  /* nobody asked for a size */
    struct callset calls; /* the system calls to record */
    uint32_t sample[CALLSET_NATIVE_MAX]; /* of each native call one in so many is recorded; 0 and 1: all */
};

/* What a backend counts. */
struct capture_stats {
    uint64_t buffer_used;
};

struct capture; /* each backend's own */

/* Targets of a capture; a capture has one of them. */
enum target {
    TARGET_COMMAND = 1 << 0,
    TARGET_PIDS = 1 << 1,
    TARGET_SYSTEM = 1 << 2,
    TARGET_CGROUPS = 1 << 3,
    TARGET_CONTAINERS = 1 << 4,
    TARGET_LISTEN = 1 << 5,
};

struct sysfold_backend {
    const char *name;
    const char *summary; /* one line, for `sysfold backends` */
    unsigned targets;    /* TARGET_*: what it can record */
    bool samples;        /* one call in so many */
    bool on_request;     /* it is never the best: somebody names it */

    /* Fills usability, reason and remedy. Cheap, without lasting effect. */
    void (*probe)(struct sysfold_backend_info *info);
    /* Everything that can fail before the target runs. The options are borrowed until close(). */
    int (*open)(const struct capture_options *options, struct capture **ret_capture, struct sysfold_error *error);
    /* Lets the target go; the initial snapshot is the first thing in the stream. */
    int (*start)(struct capture *capture, struct sysfold_error *error);
    /* 1: a batch; 0: the end; -EAGAIN: time is up; -EINTR: a signal came; another negative errno. */
    int (*next_batch)(struct capture *capture, int timeout_ms, struct batch *ret_batch, struct sysfold_error *error);
    /* Ends the capture, async-signal-safe: targets run on, next_batch() delivers what is left and then the end. */
    void (*stop)(struct capture *capture);
    /* The launched command's wait status, after the end; -ENODATA. */
    int (*exit_status)(const struct capture *capture, int *ret_status);
    void (*stats)(const struct capture *capture, struct capture_stats *ret_stats);
    /* Its program number `index` in the kernel, -ENOENT beyond the last; NULL: it has none. */
    int (*program)(const struct capture *capture, size_t index, struct sysfold_program *ret_program);
    /* The name of one of its batches' sources, borrowed for as long as the capture; NULL: there is only the host. */
    const char *(*source_name)(const struct capture *capture, uint32_t source);
    /* Where the result of this row's calls comes from, here and now, where all calls are recorded; NULL: from the call
     * itself. */
    enum sysfold_result_way (*result_way)(const struct sysfold_row *row);
    void (*close)(struct capture *capture);
};

/* All of them, best first, ends with NULL; generated from backends/meson.build. */
extern const struct sysfold_backend *const sysfold_backends[];

#endif
