// SPDX-License-Identifier: Apache-2.0
/* The gVisor backend. */

#include <errno.h>

#include "backends/backend.h"
#include "backends/gvisor/probe.h"
#include "common/error.h"

extern const struct sysfold_backend backend_gvisor;

static int gvisor_open(const struct capture_options *options, struct capture **ret_capture, struct sysfold_error *error)
{
    (void)options;
    (void)ret_capture;
    return error_set(error, -ENOSYS, "gvisor: not yet");
}

const struct sysfold_backend backend_gvisor = {
    .name = "gvisor",
    .summary = "what happens inside gVisor sandboxes, as they tell it (runsc's runtime monitoring)",
    .targets = TARGET_COMMAND | TARGET_SYSTEM | TARGET_CONTAINERS | TARGET_LISTEN,
    .on_request = true,
    .probe = gvisor_probe,
    .open = gvisor_open,
};
