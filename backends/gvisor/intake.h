/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_GVISOR_INTAKE_H
#define SYSFOLD_GVISOR_INTAKE_H

/* From the frames of all connections (frame.h) to batches: a sandbox for each connection, each a source of its own. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backends/backend.h"
#include "backends/gvisor/sandbox.h"

/* One that is there, until its last record has been taken. */
struct intake_source {
    struct sandbox *sandbox;
    uint64_t opened;
    bool is_heard; /* it has sent something, or its silence was told */
};

/* Zero it; `options` are borrowed. */
struct intake {
    const struct capture_options *options;
    struct intake_source *sources; /* by number */
    size_t count, room;
    size_t next; /* whose turn it is */
};

/* The frame's bytes are needed no longer afterwards. -ENOMEM. */
int intake_frame(struct intake *intake, const uint8_t *frame, size_t size);
/* A snapshot record of a connection; -ENOENT: there is none of that number. */
int intake_snapshot(struct intake *intake, uint32_t connection, const uint8_t *record, size_t size, uint64_t time);
/* A remark about it, as a marker. */
void intake_remark(struct intake *intake, uint32_t connection, const char *text, uint64_t time);
/* The connection, should it not have been heard of yet. -ENOMEM. */
int intake_open(struct intake *intake, uint32_t connection, uint64_t time);
/* No more frames will come. */
void intake_end(struct intake *intake, uint64_t now);

/* What can be told at `now`, of one sandbox at a time. The batch is good until the next call about the intake. */
bool intake_take(struct intake *intake, uint64_t now, struct batch *ret_batch);
/* When there may be something without a frame; UINT64_MAX: never. */
uint64_t intake_due(const struct intake *intake, uint64_t now);

/* Of the batch that was taken last. */
const char *intake_name(const struct intake *intake, uint32_t source);
void intake_finish(struct intake *intake);

#endif
