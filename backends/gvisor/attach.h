/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_GVISOR_ATTACH_H
#define SYSFOLD_GVISOR_ATTACH_H

/* Sandboxes that run already: a session is created in each, and deleted again. */

#include "backends/gvisor/intake.h"
#include "backends/gvisor/place.h"
#include "backends/gvisor/server.h"

struct attachments {
    char **ids; /* of those with a session of ours */
    size_t count;
};

/* Those that the options name, or all. The server must run. Each one's initial state goes to the intake.
 * -ENOENT: no such sandbox, or none at all; -ECHILD: runsc refused, as the error says. */
int attachments_make(struct attachments *attachments, const struct capture_options *options, const struct place *place,
                     const struct server *server, struct intake *intake, struct sysfold_error *error);
/* Deletes the sessions of those that still run. */
void attachments_finish(struct attachments *attachments, const struct capture_options *options);

#endif
