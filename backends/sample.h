/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_BACKENDS_SAMPLE_H
#define SYSFOLD_BACKENDS_SAMPLE_H

/* Of which calls how many are recorded, as `--sample` gives it. */

#include <stdint.h>

#include <sysfold/error.h>

#include "common/callset.h"

#define SAMPLE_MAX 1000000

/*
 * Comma-separated items: "read:100" records one read in a hundred; before the
 * last colon stands a name, a class or a /regex as callset_parse() takes it;
 * "100" alone means every call. Where two items name a call, the later one
 * counts. Calls of foreign ABIs (i386, x32) have no rate: each is recorded.
 *
 * Fills the rates, by the native calls' numbers: 0 for calls that are not
 * named, else 1 to SAMPLE_MAX. -EINVAL with a message that says which item is
 * wrong and why; the rates are untouched then.
 */
int sample_parse(uint32_t ret_rates[CALLSET_NATIVE_MAX], const char *expression, struct sysfold_error *error);

#endif
