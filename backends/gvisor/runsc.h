/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_GVISOR_RUNSC_H
#define SYSFOLD_GVISOR_RUNSC_H

/* The installed runsc, asked by running it. */

#include <stddef.h>

#include <sysfold/error.h>

/* Which one, and its state. */
struct runsc {
    const char *program; /* a path, or a name to be looked up in PATH; NULL: "runsc" */
    const char *root;    /* runsc's --root; NULL: runsc's own default */
};

/*
 * Runs `runsc [--root ROOT] WORDS...` (NULL-terminated) with no standard input
 * and keeps what it prints, up to 64 MiB; it is killed after timeout_ms. *ret_output is the
 * caller's to free(), NUL-terminated; it may be NULL where nobody cares.
 * Errors: -ENOENT (no such program), -ETIMEDOUT, -EFBIG, -ECHILD (it failed:
 * the message ends with the last line that it complained with), others.
 */
int runsc_run(const struct runsc *runsc, const char *const *words, int timeout_ms, char **ret_output, size_t *ret_size,
              struct sysfold_error *error);
/* "0.0~20240729.0"; the caller's to free(). */
int runsc_version(const struct runsc *runsc, char **ret_version, struct sysfold_error *error);
/* The ids of the containers that run; *ret_ids is NULL-terminated and one block, the caller's to free(). */
int runsc_list(const struct runsc *runsc, char ***ret_ids, size_t *ret_count, struct sysfold_error *error);

#endif
