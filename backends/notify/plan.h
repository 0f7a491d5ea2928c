/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_NOTIFY_PLAN_H
#define SYSFOLD_NOTIFY_PLAN_H

/* Which calls are stopped at, and which the tracepoints tell. */

#include "backends/backend.h"
#include "backends/notify/perf.h"
#include "backends/notify/tracepoints.h"
#include "common/callset.h"
#include "common/collect.h"
#include "common/rows.h"

struct plan {
    unsigned results; /* enum results of session.h: those that are to be had */
    bool has_lives;   /* perf tells of births and ends, at least */
    enum perf_means means;
    const struct call_tracepoints *each; /* single calls'; NULL: not needed, or not known */
    struct callset notified;
    uint64_t spared[CALLSET_NATIVE_MAX / 64];  /* but for these, where that is everything */
    bool tells_all;                            /* every call's exit is wanted */
    uint64_t exits[CALLSET_NATIVE_MAX / 64];   /* whose exits are wanted */
    uint64_t entries[CALLSET_NATIVE_MAX / 64]; /* and entries as well */
    uint64_t unstopped[CALLSET_NATIVE_MAX / 64];
    unsigned arguments; /* of how many arguments the exits must tell */
};

/* `results` as they are wanted, of what `plan` says of perf (has_lives, means); where single calls' tracepoints are
 * all that there is and too many are wanted, RESULTS_PERF goes, unless it is `required`. */
void plan_make(const struct capture_options *options, unsigned results, unsigned required, struct plan *plan);

/* Is there an exit record for that call? */
bool plan_tells_exit(const struct plan *plan, const struct call *call);
/* Is that native call, if it is chosen, told without a stop? */
bool plan_is_unstopped(const struct plan *plan, unsigned nr);

/* Waits for children are stopped at besides, but for those that do not wait (WNOHANG): how a child has ended nobody may
 * be able to say any more once its parent has heard of it. Signals interrupt such calls anyway. */
bool row_is_wait(const struct sysfold_row *row);

#endif
