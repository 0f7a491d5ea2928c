/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_NOTIFY_PLAN_H
#define SYSFOLD_NOTIFY_PLAN_H

/* Which calls are stopped at, and which the tracepoints tell. */

#include "backends/backend.h"
#include "common/callset.h"
#include "common/rows.h"

struct plan {
    struct callset notified;
    bool tells_all; /* every native call's exit is wanted */
    uint64_t exits[CALLSET_NATIVE_MAX / 64];   /* native calls whose exits are wanted */
    uint64_t entries[CALLSET_NATIVE_MAX / 64]; /* and entries as well */
};

/* `results`: enum results of session.h. */
void plan_make(const struct capture_options *options, unsigned results, struct plan *ret_plan);

/* Calls that make, replace or end threads: they are always stopped at. */
bool row_is_lifecycle(const struct sysfold_row *row);
/* With the tracepoints, is the notification of no use for this row? */
bool row_is_told_without_stop(const struct sysfold_row *row);

#endif
