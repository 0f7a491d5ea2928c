/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_BACKENDS_LIFECYCLE_H
#define SYSFOLD_BACKENDS_LIFECYCLE_H

/*
 * Births, execs and ends of this machine's threads as records. Each lays one
 * into the encoder; the caller finishes it. A status that is not known is
 * absent.
 */

#include <stdint.h>
#include <sys/types.h>

#include "common/encode.h"

struct birth {
    pid_t pid, ppid;
    pid_t parent_tid; /* 0: not known */
    uint64_t flags;   /* of clone, the exit signal in their low byte */
};

void lifecycle_birth(struct encoder *encoder, pid_t tid, uint64_t time, const struct birth *birth);
/* Asks /proc for what the process is now; what it does not tell is absent. */
void lifecycle_exec(struct encoder *encoder, pid_t tid, uint64_t time, pid_t pid, pid_t old_tid);
void lifecycle_thread_exit(struct encoder *encoder, pid_t tid, uint64_t time, pid_t pid, const int *status);
void lifecycle_process_exit(struct encoder *encoder, pid_t pid, uint64_t time, const int *status);

#endif
