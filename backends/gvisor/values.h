/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_GVISOR_VALUES_H
#define SYSFOLD_GVISOR_VALUES_H

/* Parameters' values out of messages, kept from a call's enter to its end; in the form in which they go into a
 * record. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backends/gvisor/message.h"
#include "common/rows.h"

/* Zero is empty. */
struct values {
    uint8_t *bytes;
    size_t size, room;
};

struct value {
    const uint8_t *bytes; /* an integer: 8 of them */
    size_t size;
    bool cut;
};

/* Takes what the message, of a call with this row, says of its parameters. vector_max: bytes of argv and of the environment, each.
 * -ENOMEM: some are missing. */
int values_take(struct values *values, const struct sysfold_row *row, const struct message *message, size_t vector_max);
/* Strings from elsewhere as a value. -ENOMEM. */
int values_put_strings(struct values *values, unsigned index, const ProtobufCBinaryData *strings, size_t count,
                       size_t vector_max);
/* Borrowed until something is put or taken. */
bool values_find(const struct values *values, unsigned index, struct value *ret_value);
/* Memory that is in use. */
static inline size_t values_held(const struct values *values)
{
    return values->size ? values->room : 0;
}

void values_clear(struct values *values);
void values_finish(struct values *values);

#endif
