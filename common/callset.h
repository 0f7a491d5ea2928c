/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_COMMON_CALLSET_H
#define SYSFOLD_COMMON_CALLSET_H

/* A set of system calls, as `-e` gives it. */

#include <stdbool.h>
#include <stdint.h>

#include <sysfold/error.h>

#define CALLSET_NATIVE_MAX 1024

/* Native numbers, and for foreign ABIs (i386, x32) the numbers of the calls with the same names. */
struct callset {
    uint64_t native[CALLSET_NATIVE_MAX / 64];
    uint64_t i386[CALLSET_NATIVE_MAX / 64];
    uint64_t x32[CALLSET_NATIVE_MAX / 64];
    bool everything; /* every call of every ABI, known or not */
};

/*
 * Comma-separated names, classes (`file`, `%file`), `/regex` (POSIX extended)
 * and `all`; a leading `!` inverts the whole set; `trace=` before it is
 * accepted as strace does. NULL and "all" are everything. -EINVAL with a
 * message that names the word (and the nearest name) on an unknown one.
 */
int callset_parse(struct callset *ret_set, const char *expression, struct sysfold_error *error);

/* Does the set hold call `nr` of the ABI `arch` (AUDIT_ARCH_*)? x32 callers have nr bit 0x40000000. */
bool callset_has(const struct callset *set, uint32_t arch, uint32_t nr);

/* The call's name under that ABI ("openat"), from a table made once (thread-safe); NULL for an unknown number. */
const char *syscall_name(uint32_t arch, uint32_t nr);

#endif
