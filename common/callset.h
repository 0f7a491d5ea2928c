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
    bool beyond;     /* numbers beyond the bits: those of an inverted set */
};

/*
 * Comma-separated names, classes (`file`, `%file`, `%net`), `/regex` (POSIX
 * extended, up to the next comma) and `all`; a leading `!` inverts the whole
 * set; `trace=` before it is accepted as strace does. NULL and "all" are
 * everything. -EINVAL with a message that names the word (and the nearest
 * name) on an unknown one; the set is untouched then.
 *
 * A name means the calls that have it, under each ABI; a class means what it
 * holds natively and what does the same in another ABI (stat64, socketcall).
 */
int callset_parse(struct callset *ret_set, const char *expression, struct sysfold_error *error);

/* Does the set hold call `nr` of the ABI `arch` (AUDIT_ARCH_*)? x32 callers have nr bit 0x40000000. Every call of an
 * architecture that we know nothing of is in every set. */
bool callset_has(const struct callset *set, uint32_t arch, uint32_t nr);

/* The call's name under that ABI ("openat", "syscall_1000" for an unknown one), from a table made once (thread-safe).
 * NULL for a number beyond the table, and for an architecture that we know nothing of. */
const char *syscall_name(uint32_t arch, uint32_t nr);

/* The same, with the ABI before it where that is not x86-64's own: "i386:open", "x32:read". */
const char *syscall_full_name(uint32_t arch, uint32_t nr);

#endif
