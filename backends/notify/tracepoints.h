/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_NOTIFY_TRACEPOINTS_H
#define SYSFOLD_NOTIFY_TRACEPOINTS_H

/*
 * The numbers of the kernel's tracepoints raw_syscalls:sys_enter and sys_exit.
 * They differ from kernel to kernel, and tracefs, which tells them, is root's:
 * anybody else tries them out.
 */

#include <stdbool.h>
#include <stdint.h>

#include <sysfold/error.h>

struct tracepoints {
    uint32_t sys_enter, sys_exit;
};

/* From tracefs or by trying; remembered for the process and its children. -ENOENT: there are none; else why not. */
int tracepoints_find(struct tracepoints *ret_ids, struct sysfold_error *error);

/* The two ways, for tests. */
int tracepoints_read(struct tracepoints *ret_ids);
int tracepoints_try(struct tracepoints *ret_ids, struct sysfold_error *error);

/* May we have events of the kernel's side, or (user_only) of our own? 0, or why not. */
int tracepoints_check(bool user_only, struct sysfold_error *error);

/* For a person: why perf_event_open() did not open what it was asked for. */
int tracepoints_refused(int code, struct sysfold_error *error);

#endif
