/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_TESTS_WITNESS_KIT_H
#define SYSFOLD_TESTS_WITNESS_KIT_H

/* For tests of witnesses: a log in, events as text out. */

#include <stddef.h>

#include <criterion/criterion.h>
#include <sysfold/sysfold.h>

typedef int witness_open(const char *path, struct sysfold_stream **ret_stream, struct sysfold_error *error);

/* A line "TID name(params) = result" for each event; of a log that cannot be opened "ERRNAME LOG:line: message". Good
 * until the next call. */
const char *told_of(witness_open *open, const char *log, size_t size);

/* The same of a string, compared. */
#define EXPECT_TOLD(OPEN, LOG, EXPECTED)                                                                               \
    do {                                                                                                               \
        const char *log_ = (LOG), *told_ = told_of(OPEN, log_, strlen(log_));                                          \
        cr_expect_str_eq(told_, EXPECTED, "of\n%s\nis told\n%s", log_, told_);                                         \
    } while (0)
/* A part of it is enough. */
#define EXPECT_IN(OPEN, LOG, PART)                                                                                     \
    do {                                                                                                               \
        const char *log_ = (LOG), *told_ = told_of(OPEN, log_, strlen(log_));                                          \
        cr_expect(strstr(told_, PART), "of\n%s\nis told\n%s, not\n%s", log_, told_, PART);                             \
    } while (0)

#endif
