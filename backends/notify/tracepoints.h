/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_NOTIFY_TRACEPOINTS_H
#define SYSFOLD_NOTIFY_TRACEPOINTS_H

/*
 * The numbers of the kernel's tracepoints raw_syscalls:sys_enter and sys_exit,
 * and of single calls' syscalls:sys_enter_* and sys_exit_*. They differ from kernel to kernel, and tracefs, which tells them, is root's:
 * anybody else tries them out.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sysfold/error.h>

#include "common/callset.h"

struct tracepoints {
    uint32_t sys_enter, sys_exit;
};

/* Of single calls, syscalls:sys_enter_* and sys_exit_*, by the call's native number; 0: there is none, or it cannot
 * be told. */
struct call_tracepoints {
    uint16_t enters[CALLSET_NATIVE_MAX], exits[CALLSET_NATIVE_MAX];
};

/* From tracefs or by trying; remembered for the process and its children. -ENOENT: there are none; else why not. */
int tracepoints_find(struct tracepoints *ret_ids, struct sysfold_error *error);

/* The two ways, for tests. */
int tracepoints_read(struct tracepoints *ret_ids);
int tracepoints_try(struct tracepoints *ret_ids, struct sysfold_error *error);

/* Those of single calls: from the cache or by trying; remembered for the process and its children. */
int tracepoints_find_calls(const struct call_tracepoints **ret_ids, struct sysfold_error *error);
int tracepoints_try_calls(struct call_tracepoints *ret_ids, struct sysfold_error *error);

/* A file of the user's, good until the machine starts again. -ENOENT, or another reason, if it does not help. */
int tracepoints_load(struct call_tracepoints *ret_ids);
int tracepoints_store(const struct call_tracepoints *ids);

/* Has a helper do it, which is nobody's child: `find` fills in a copy of `answer`, and the helper lingers until
 * `let_go` has closed what it opened. Both may do nothing but call the kernel. */
struct tracepoints_search {
    int (*find)(void *answer);
    void (*let_go)(void);
    size_t size;
};
int tracepoints_ask(const struct tracepoints_search *search, void *answer, struct sysfold_error *error);
/* For a search: as somebody without a capability, who may open the tracepoints of system calls alone. */
void tracepoints_use_capabilities(bool use);

/* Closes the events, which nobody must wait for: another helper does. Sorts them. */
void tracepoints_close(int *fds, size_t count);

/* May we have events of the kernel's side, or (user_only) of our own? 0, or why not. */
int tracepoints_check(bool user_only, struct sysfold_error *error);

/* For a person: why perf_event_open() did not open what it was asked for. */
int tracepoints_refused(int code, struct sysfold_error *error);

#endif
