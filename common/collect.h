/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_COMMON_COLLECT_H
#define SYSFOLD_COMMON_COLLECT_H

/*
 * From a system call to its record, by walking its row. A backend that stops
 * its target brings four primitives and calls collect_entry() before the
 * kernel acts and collect_exit() after; it never looks at a row itself.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "encode.h"

/* The primitives. `target` is the backend's own thread. */
struct collect_ops {
    /* Copies up to `size` bytes from the target's memory; returns how many could be read, from the start on. */
    size_t (*read)(void *target, void *to, uint64_t address, size_t size);
    /* The same, but may stop early behind a NUL: what a string needs, in few steps. */
    size_t (*read_string)(void *target, char *to, uint64_t address, size_t size);
    /* The file behind a descriptor: its path (at most `room` bytes), device and inode. Negative errno: not known;
     * -ENAMETOOLONG: only the path is not. */
    int (*file)(void *target, int fd, char *path, size_t room, size_t *ret_size, uint32_t *ret_dev, uint64_t *ret_ino);
    /* A socket's two addresses in SOCKET_PAIR form. Returns their size or a negative errno. */
    int (*sockets)(void *target, int fd, uint8_t ret_pair[257]);
};

struct collect_limits {
    uint32_t snaplen;           /* of data buffers */
    uint32_t string_vector_max; /* of argv and environment, each */
};

/* A call, as the backend saw it. */
struct call {
    const struct sysfold_row *row; /* call_row() */
    uint64_t args[6];              /* zero-extended to 64 bits for a 32-bit caller */
    int64_t result;
    uint32_t arch; /* AUDIT_ARCH_* */
    uint32_t nr;
};

/* What was read at entry: memory that is used again from call to call. Zero it before first use. */
struct kept {
    uint8_t *bytes;
    size_t size;
    size_t room;
};

/* The row for a call: its own on x86-64, else (unknown, or another ABI) the generic one. Never NULL. */
const struct sysfold_row *call_row(uint32_t arch, uint32_t nr);

/* Reads what must be read before the kernel acts. */
void collect_entry(const struct collect_ops *ops, void *target, const struct collect_limits *limits,
                   const struct call *call, struct kept *kept);

/* Fills the record of a call that has returned; the caller adds duration and finishes it. */
void collect_exit(const struct collect_ops *ops, void *target, const struct collect_limits *limits,
                  const struct call *call, const struct kept *kept, uint32_t tid, uint64_t time,
                  struct encoder *encoder);

/* The same for a call that never returned (exit_group, a killed thread): no result, and nothing is read any more. */
void collect_unfinished(const struct call *call, const struct kept *kept, uint32_t tid, uint64_t time,
                        struct encoder *encoder);

/*
 * For a backend that learns of a call before the kernel acts and cannot stop
 * the target again: everything that the row says the caller passes in memory
 * is read at once. What the kernel writes (SUCCESS), or changes (poll's revents), is not known.
 */
void collect_passed(const struct collect_ops *ops, void *target, const struct collect_limits *limits,
                    const struct call *call, struct kept *kept);

/* The record of such a call, made of what was kept: the target's memory is not looked at. `ops` are asked for what is
 * behind descriptors, where they can (NULL: absent). Without has_result the result, and all that only a success has,
 * is absent. */
void collect_told(const struct collect_ops *ops, void *target, const struct call *call, bool has_result,
                  const struct kept *kept, uint32_t tid, uint64_t time, struct encoder *encoder);

/* Does collect_passed() read anything for this row? */
bool row_passes_memory(const struct sysfold_row *row);

/* What was kept of a parameter, borrowed; NULL: it was not there to be read. *ret_cut: there was more. */
const uint8_t *kept_find(const struct kept *kept, unsigned index, size_t *ret_size, bool *ret_cut);

void kept_finish(struct kept *kept);

#endif
