/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_COMPARE_ALIGN_H
#define SYSFOLD_COMPARE_ALIGN_H

/*
 * Two sequences of keys, aligned: which of the one is which of the other, in
 * order. First what is there once in either, then, between those, the longest
 * common subsequence as far as a bounded effort finds it: a million keys that
 * have nothing in common take seconds, too, and then may be aligned worse than
 * could be.
 */

#include <stddef.h>
#include <stdint.h>

#define UNALIGNED UINT32_MAX

/* Sets ret_partners[i], of a's i-th key, to an index in b, or to UNALIGNED. -ENOMEM. */
int align(const uint64_t *a, size_t a_count, const uint64_t *b, size_t b_count, uint32_t *ret_partners);

#endif
