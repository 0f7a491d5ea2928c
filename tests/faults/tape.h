/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_TEST_TAPE_H
#define SYSFOLD_TEST_TAPE_H

/* A whole stream's records, to be cut and spliced. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decoder/decode/record.h"

struct item {
    uint8_t *bytes;
    struct record record; /* lies in bytes */
    bool compared;        /* the markers leave it */
    bool struck;          /* damaged already */
};

struct tape {
    struct item *items;
    size_t count;
    uint8_t *flat; /* all of them in a row */
    size_t flat_size;
};

/* What is to change in a record. */
struct edit {
    unsigned param;
    enum { EDIT_INTEGER, EDIT_BYTES, EDIT_STATUS, EDIT_FAILURE, EDIT_TID } what;
    int64_t integer;      /* EDIT_FAILURE: the result as well */
    const uint8_t *bytes; /* of a variable parameter */
    size_t size;
    enum sysfold_status status;
    uint32_t tid;
};

/* All return 0 or a negative errno. */
int tape_append(struct tape *tape, const uint8_t *records, size_t size);
/* Finds out what the markers leave. */
void tape_mark(struct tape *tape);
int tape_insert(struct tape *tape, size_t at, const uint8_t *bytes);
void tape_remove(struct tape *tape, size_t at);
/* Takes one out and puts it back so that it stands at `to`. */
void tape_move(struct tape *tape, size_t from, size_t to);
int tape_edit(struct tape *tape, size_t at, const struct edit *edit);
/* Puts a record in that says that so many events were lost there. */
int tape_lose(struct tape *tape, size_t at, uint64_t count);
int tape_flatten(struct tape *tape);
void tape_free(struct tape *tape);

static inline unsigned item_row(const struct item *item)
{
    return item->record.number;
}

#endif
