// SPDX-License-Identifier: Apache-2.0
#include "backends/gvisor/launch.h"

#include <errno.h>

#include "common/error.h"

int launch_create(const struct launch_options *options, struct launch **ret_launch, struct sysfold_error *error)
{
    (void)options;
    (void)ret_launch;
    return error_set(error, -ENOSYS, "gvisor: not yet");
}

int launch_start(struct launch *launch, struct sysfold_error *error)
{
    (void)launch;
    return error_set(error, -ENOSYS, "gvisor: not yet");
}

int launch_wait(struct launch *launch, int timeout_ms, int *ret_status, struct sysfold_error *error)
{
    (void)launch;
    (void)timeout_ms;
    (void)ret_status;
    return error_set(error, -ENOSYS, "gvisor: not yet");
}

pid_t launch_pid(const struct launch *launch)
{
    (void)launch;
    return 0;
}

void launch_destroy(struct launch *launch)
{
    (void)launch;
}
