// SPDX-License-Identifier: Apache-2.0
#include "backends/gvisor/config.h"

#include <errno.h>

#include "common/error.h"

int config_generate(const char *metadata, const struct config_options *options, char **ret_json,
                    struct sysfold_error *error)
{
    (void)metadata;
    (void)options;
    (void)ret_json;
    return error_set(error, -ENOSYS, "gvisor: not yet");
}
