/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_EBPF_STATS_H
#define SYSFOLD_EBPF_STATS_H

/* What the kernel's programs cost, as the kernel counts it. */

#include <stddef.h>

#include <sysfold/error.h>
#include <sysfold/stream.h>

struct bpf_object;

/* Has the kernel count and time its programs' runs until the descriptor is closed, which is the caller's. */
int stats_enable(int *ret_fd, struct sysfold_error *error);
/* The object's loaded program number `index`, `size` aside; -ENOENT beyond the last. */
int stats_program(const struct bpf_object *object, size_t index, struct sysfold_program *ret_program);

#endif
