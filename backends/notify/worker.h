/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_NOTIFY_WORKER_H
#define SYSFOLD_NOTIFY_WORKER_H

/*
 * A process that is who a target is (namespaces, root, ids, capabilities),
 * and opens files for all that are like it.
 *
 *   S ── request: what to open, where its path begins ──► worker
 *     ◄── the file ─────────────────────────────────────
 *     ◄── reply: it has closed its own ─────────────────
 *
 * It may be kept waiting by what it opens; S waits for but a moment and then does without it, for good.
 */

#include <stdbool.h>
#include <sys/types.h>

#include "backends/notify/likeness.h"
#include "backends/notify/opening.h"

struct worker {
    pid_t pid;
    int pidfd;
    int socket;
    bool lost;                /* it has not answered */
    struct identity identity; /* whose it is: as S sees it */
};

/* Becomes like the thread, which the caller knows to wait all the while; `identity` is what was read of it. Unless it
 * came out the same there is no worker: -EPERM, -ESTALE ... It is no child that waitpid(-1) would find. */
int worker_start(int proc, pid_t tid, const struct identity *identity, struct worker *ret_worker);
/* As opener_open(). */
int worker_open(struct worker *worker, const struct opening *opening, struct opened *ret_opened);
/* May be called for a zeroed one, and again. */
void worker_end(struct worker *worker);

#endif
