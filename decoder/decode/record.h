/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_DECODER_RECORD_H
#define SYSFOLD_DECODER_RECORD_H

/*
 * Reading a record in place. Bytes may come from anybody: whatever they hold,
 * nothing outside the record is touched, and a parameter that does not lie
 * within it is absent.
 */

#include <sysfold/event.h>

#include "common/record.h"
#include "common/rows.h"

struct record {
    const uint8_t *bytes;
    const struct sysfold_row *row; /* NULL where the schema has none */
    const uint8_t *body;
    uint64_t time;
    uint64_t status;
    uint64_t duration;
    uint32_t size;
    uint32_t body_size;
    uint32_t tid;
    uint32_t cut;
    uint32_t raced;
    uint16_t number;
    uint16_t flags;
    bool swapped; /* its byte order is not ours */
};

/* Reads the header and the prefix of the record at the start of `bytes`.
 * Returns its size, or -EBADMSG when there is none within `available`. */
int record_read(struct record *record, const struct sysfold_schema *schema, const uint8_t *bytes, size_t available,
                bool swapped);

/* Parameter `index`, or -ENOENT beyond the row's last. */
int record_param(const struct record *record, unsigned index, struct sysfold_value *ret_value);

/* A fixed one-integer parameter's value, or `otherwise` where it is absent. */
int64_t record_integer(const struct record *record, unsigned index, int64_t otherwise);

#endif
