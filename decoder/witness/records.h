/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_DECODER_WITNESS_RECORDS_H
#define SYSFOLD_DECODER_WITNESS_RECORDS_H

/* What all witnesses share: their text, and the records they make of it, which become a stream. */

#include <sysfold/stream.h>

#include "common/encode.h"

#define WITNESS_FILE_MAX (UINT64_C(1) << 30)

struct witness {
    uint8_t *records; /* one behind the other */
    size_t size, room;
    bool delivered;
    struct encoder encoder;
};

/* NULL without memory. */
struct witness *witness_create(void);
/* NULL is allowed. */
void witness_destroy(struct witness *witness);

/* Begins a record. Its time is no more than its place: the number of the line it is from, in ns. */
struct encoder *witness_begin(struct witness *witness, unsigned row, uint32_t tid, size_t line);
/* Keeps the record that was begun. -ENOMEM. */
int witness_keep(struct witness *witness);

/* A stream of what was kept, which owns the witness from then on, even on failure. */
int witness_stream(struct witness *witness, const char *name, struct sysfold_stream **ret_stream,
                   struct sysfold_error *error);

/* The whole file, in memory of the caller's, with a NUL behind it. -EFBIG, -ENOMEM, what open() and read() say. */
int witness_read(const char *path, char **ret_text, size_t *ret_size, struct sysfold_error *error);

#endif
