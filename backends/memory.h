/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_BACKENDS_MEMORY_H
#define SYSFOLD_BACKENDS_MEMORY_H

/* Another process's memory: what collect_ops' read and read_string want. Each answers how many bytes could be read,
 * from the start on. */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

size_t memory_read(pid_t tid, void *to, uint64_t address, size_t size);
/* May stop early behind a NUL. */
size_t memory_read_string(pid_t tid, char *to, uint64_t address, size_t size);

#endif
