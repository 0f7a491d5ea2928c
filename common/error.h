/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_COMMON_ERROR_H
#define SYSFOLD_COMMON_ERROR_H

#include <sysfold/error.h>

/* Sets the message and returns `code` (a negative errno), so that a failing
 * path reads `return error_set(error, -EINVAL, "...", ...);`. error may be NULL. */
int error_set(struct sysfold_error *error, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The same, with ": " and strerror(-code) at the end. */
int error_system(struct sysfold_error *error, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Puts a prefix and ": " before a message that is already there; returns its code. */
int error_prefix(struct sysfold_error *error, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
