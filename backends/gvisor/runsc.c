// SPDX-License-Identifier: Apache-2.0
#include "backends/gvisor/runsc.h"

#include <errno.h>

#include "common/error.h"

int runsc_run(const struct runsc *runsc, const char *const *words, int timeout_ms, char **ret_output, size_t *ret_size,
              struct sysfold_error *error)
{
    (void)runsc;
    (void)words;
    (void)timeout_ms;
    (void)ret_output;
    (void)ret_size;
    return error_set(error, -ENOSYS, "gvisor: not yet");
}

int runsc_version(const struct runsc *runsc, char **ret_version, struct sysfold_error *error)
{
    (void)runsc;
    (void)ret_version;
    return error_set(error, -ENOSYS, "gvisor: not yet");
}

int runsc_list(const struct runsc *runsc, char ***ret_ids, size_t *ret_count, struct sysfold_error *error)
{
    (void)runsc;
    (void)ret_ids;
    (void)ret_count;
    return error_set(error, -ENOSYS, "gvisor: not yet");
}
