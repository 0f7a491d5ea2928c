/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_TEST_FAULT_H
#define SYSFOLD_TEST_FAULT_H

/* A backend that wraps another and damages its stream; for tests of what is to notice. */

#include "tape.h"

struct kind {
    const char *name;
    bool each_param; /* a candidate is a parameter rather than a record */
    /* May it strike there, and be noticed? `param` is 0 where the kind is not about parameters. */
    bool (*fits)(const struct tape *tape, size_t at, unsigned param);
    int (*strike)(struct tape *tape, size_t at, unsigned param);
};

/* Ends with one without a name. */
extern const struct kind kinds[];

#endif
