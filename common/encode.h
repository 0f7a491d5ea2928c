/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_COMMON_ENCODE_H
#define SYSFOLD_COMMON_ENCODE_H

/*
 * Builds one record after another in a room of its own, without allocating.
 *
 *     encoder_begin(&encoder, row, tid, time);
 *     encoder_integer(&encoder, P_CLOSE_res, 0);
 *     encoder_integer(&encoder, P_CLOSE_fd, 3);
 *     record = encoder_finish(&encoder, &size);
 *
 * Fixed parameters may come in any order, variable ones in row order. A
 * parameter that nobody put is absent. The fixed part starts at a constant
 * place; encoder_finish() lays the prefix, whose size is known only then,
 * before it. Borrowed row; nothing to free.
 */

#include <sysfold/event.h>

#include "record.h"
#include "rows.h"

struct encoder {
    const struct sysfold_row *row;
    uint8_t *end;         /* where the next variable parameter goes */
    uint64_t status;      /* 2 bits a parameter */
    uint64_t time;
    uint64_t duration;    /* with SYSFOLD_EVENT_TIMED */
    uint32_t put;         /* a bit for each parameter that has been put */
    uint32_t cut;
    uint32_t raced;
    uint32_t tid;
    uint16_t flags;
    uint8_t variables;    /* variable parameters laid so far */
    uint8_t room[RECORD_SIZE_MAX + RECORD_PREFIX_MAX];
};

void encoder_begin(struct encoder *encoder, const struct sysfold_row *row, uint32_t tid, uint64_t time);

/* One integer as it is on the wire: its low bytes, in this machine's order. */
void wire_store(uint8_t *to, unsigned wire, int64_t value);

/* A fixed parameter of one integer; it is stored in the type's width. */
void encoder_integer(struct encoder *encoder, unsigned index, int64_t value);

/* A fixed parameter of any type: exactly its type's bytes. */
void encoder_fixed(struct encoder *encoder, unsigned index, const void *bytes);

/* Where a variable parameter's bytes go, and how many fit (at most `limit`).
 * encoder_variable_end() says how many were written, and whether some were left out. */
uint8_t *encoder_variable_begin(struct encoder *encoder, unsigned index, size_t limit, size_t *ret_room);
void encoder_variable_end(struct encoder *encoder, unsigned index, size_t size, bool cut);

/* A variable parameter; what goes beyond `limit` is cut, and marked as cut. */
void encoder_bytes(struct encoder *encoder, unsigned index, const void *bytes, size_t size, size_t limit);
/* A string without its NUL, of at most a path's size. NULL makes it absent. */
void encoder_string(struct encoder *encoder, unsigned index, const char *string);

/* There is no value: absent, unreadable, or a NULL pointer. */
void encoder_status(struct encoder *encoder, unsigned index, enum sysfold_status status);
/* The user memory behind this parameter changed while the call ran. */
void encoder_raced(struct encoder *encoder, unsigned index);
/* How long the call took. */
void encoder_duration(struct encoder *encoder, uint64_t ns);
/* The result is an error: parameters that only a success has need not be put. */
void encoder_failed(struct encoder *encoder);

/* The record, borrowed until the next encoder_begin(). */
const uint8_t *encoder_finish(struct encoder *encoder, size_t *ret_size);

#endif
