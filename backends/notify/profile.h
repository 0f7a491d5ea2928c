/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_NOTIFY_PROFILE_H
#define SYSFOLD_NOTIFY_PROFILE_H

/*
 * Seccomp profiles in JSON: linux.seccomp of the OCI runtime specification,
 * and what the engines make of it (archMap, and rules that depend on
 * capabilities, architecture or kernel). They are rewritten, not understood:
 * whatever is unknown here stays as it is.
 */

#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

#include <sysfold/error.h>

#include "common/callset.h"

#define ACTION_ALLOW "SCMP_ACT_ALLOW"
#define ACTION_NOTIFY "SCMP_ACT_NOTIFY"

enum action_kind {
    ACTION_UNKNOWN,
    ACTION_ALLOWS, /* allow, log */
    ACTION_TRACES,
    ACTION_NOTIFIES,
    ACTION_DENIES,
};

enum action_kind action_kind(const char *name);

/* Is it a profile, and one that has no agent yet? `file` and `place` ("", "linux.seccomp.") say where it is. */
int profile_check(const json_t *profile, const char *file, const char *place, struct sysfold_error *error);

struct profile_choice {
    struct callset calls;
    bool for_any; /* not for crun alone */
};

/* Has the chosen calls notified, of a profile that was checked. The notes: a line each. -ENOTSUP: there is none. */
int profile_notify(json_t *profile, const struct profile_choice *choice, FILE *notes, struct sysfold_error *error);

#endif
