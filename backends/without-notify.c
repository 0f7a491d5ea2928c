// SPDX-License-Identifier: Apache-2.0
/* The library's functions are the same in every build: what those of the notify backend do where it was left out. */

#include <errno.h>

#include <sysfold/oci.h>

#include "common/error.h"

int sysfold_oci_profile(const struct sysfold_oci_profile_options *options, char **ret_json, char **ret_notes,
                        struct sysfold_error *error)
{
    (void)options;
    (void)ret_json;
    (void)ret_notes;
    return error_set(error, -ENOSYS, "notify: this build is without that backend");
}
