/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_GVISOR_PLACE_H
#define SYSFOLD_GVISOR_PLACE_H

/* Where sandboxes connect: the socket that the user names, or one in a directory of our own. */

#include <sysfold/stream.h>

#include "backends/backend.h"

struct place {
    char *directory; /* private, removed in the end; NULL: none */
    char *path;      /* the socket's */
    char *session;   /* a file for the session's configuration; NULL: none */
};

/* For sandboxes that we start, or attach to ourselves. */
int place_make(struct place *place, struct sysfold_error *error);
/* Writes the configuration of a session that comes here. */
int place_write_session(const struct place *place, const struct capture_options *options, struct sysfold_error *error);
/* Zero is fine. */
void place_finish(struct place *place);

#endif
