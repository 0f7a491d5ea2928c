/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_STATE_NAMING_H
#define SYSFOLD_STATE_NAMING_H

/* What files that are not files are called, and what kind of file a name means. */

#include <stdbool.h>
#include <stdint.h>

/* A descriptor without a file: what its call makes. */
struct anonymous {
    const char *row;
    const char *name; /* as /proc/PID/fd reads; NULL: after the row */
    const char *type;
    int64_t cloexec_flag; /* in its `flags` */
    bool cloexec_always;
    bool named; /* the `name` parameter follows */
    int64_t question_flags; /* with one of these in its `flags` it makes nothing, and the result is an answer */
};

/* Never NULL. */
const struct anonymous *anonymous_of_row(const char *row);

/* name: NULL where it is not known. Static strings. */
const char *type_of_opened(const char *name, int64_t open_flags);
const char *type_of_snapshot(const char *name, int64_t mode);

#endif
