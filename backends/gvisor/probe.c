// SPDX-License-Identifier: Apache-2.0
/* Whether sandboxes can be recorded here. */

#include "backends/gvisor/probe.h"

#include <stdio.h>

void gvisor_probe(struct sysfold_backend_info *info)
{
    info->usability = SYSFOLD_USABLE;
    (void)snprintf(info->reason, sizeof(info->reason), "sandboxes can connect");
}
