/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_GVISOR_PROCFS_H
#define SYSFOLD_GVISOR_PROCFS_H

/* What `runsc trace procfs` prints of a sandbox that runs already, as snapshot records: SNAP_THREAD of each process's
 * leader (of other threads it says nothing), SNAP_FD of each descriptor, SNAP_CONTAINER of the container. */

#include <stddef.h>
#include <stdint.h>

#include <sysfold/error.h>

#include "backends/backend.h"

/* dump: NUL-terminated; container: its id. Who was born after `time` is left out. Each record goes to put(), with
 * `time` as its time. The records are borrowed. What cannot be understood in one process is left out, and the rest
 * told. 0; -EBADMSG: that is no dump; -ENOMEM. */
int procfs_tell(const char *dump, const char *container, const struct capture_options *options, uint64_t time,
                void (*put)(void *data, const uint8_t *record, size_t size), void *data, struct sysfold_error *error);

#endif
