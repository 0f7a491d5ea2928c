/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_EBPF_TOLD_H
#define SYSFOLD_EBPF_TOLD_H

/* What a snapshot has told of each descriptor last, so that another look tells only what is new. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct told;

/* NULL: no memory. */
struct told *told_create(void);
void told_destroy(struct told *told);
void told_forget(struct told *told);
/* Has the same been told of that descriptor, but for the time? From now on it has. For want of memory: no. */
bool told_before(struct told *told, const uint8_t *record, size_t size);

#endif
