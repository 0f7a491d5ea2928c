/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_BACKENDS_CHOOSE_H
#define SYSFOLD_BACKENDS_CHOOSE_H

#include "backends/backend.h"

/*
 * The backend for a capture: the named one if it can do what is asked, else the best that can and is usable here.
 * Errors: -ENOENT (no such backend), -EPERM (one could, but not for us), -ENOSYS (none can); the message says who
 * could, or of each why not.
 */
int backend_choose(const struct sysfold_live_options *options, const struct sysfold_backend **ret_backend,
                   struct sysfold_error *error);

#endif
