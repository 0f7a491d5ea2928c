/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_ERROR_H
#define SYSFOLD_ERROR_H

#include <sysfold/export.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * What went wrong, for a person: caller-owned, no allocation behind it.
 *
 * Every function that can fail takes a pointer to one as its last argument (NULL
 * is allowed) and returns 0 or a negative errno. The message is complete: what
 * failed, on what, why, and what to do about it. It is set once, where the
 * cause is known, and left untouched on success.
 */
struct sysfold_error {
    int code;          /* negative errno, the same value the function returned */
    char message[500]; /* one line, no newline, UTF-8 */
};

#ifdef __cplusplus
}
#endif

#endif
