// SPDX-License-Identifier: Apache-2.0
#include "backends/gvisor/procfs.h"

#include <errno.h>

#include "common/error.h"

int procfs_tell(const char *dump, const char *container, const struct capture_options *options, uint64_t time,
                void (*put)(void *data, const uint8_t *record, size_t size), void *data, struct sysfold_error *error)
{
    (void)dump;
    (void)container;
    (void)options;
    (void)time;
    (void)put;
    (void)data;
    return error_set(error, -ENOSYS, "gvisor: not yet");
}
