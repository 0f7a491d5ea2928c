// SPDX-License-Identifier: Apache-2.0
/* The library's functions are the same in every build: what those of the gvisor backend do where it was left out. */

#include <errno.h>

#include <sysfold/gvisor.h>

#include "common/error.h"

int sysfold_gvisor_config(const struct sysfold_gvisor_config_options *options, char **ret_json,
                          struct sysfold_error *error)
{
    (void)options;
    (void)ret_json;
    return error_set(error, -ENOSYS, "gvisor: this build is without that backend");
}
