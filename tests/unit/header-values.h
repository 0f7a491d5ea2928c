/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_TESTS_HEADER_VALUES_H
#define SYSFOLD_TESTS_HEADER_VALUES_H

/* What header-values.py found out: arrays that end with a NULL name. */

#include <stddef.h>
#include <stdint.h>

struct header_value {
    const char *name;
    uint64_t value; /* extended by its sign, where its type has one */
    size_t size;    /* of its type */
};

extern const struct header_value header_values_libc[];
extern const struct header_value header_values_kernel[];
extern const struct header_value header_values_ptrace[];
extern const struct header_value header_values_net[];
extern const struct header_value header_values_ioctl[];

#endif
