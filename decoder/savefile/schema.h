/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_SAVEFILE_SCHEMA_H
#define SYSFOLD_SAVEFILE_SCHEMA_H

/* The schema a file brings: rows to protobuf, and back into rows that the decoder can walk. */

#include <stddef.h>
#include <stdint.h>

#include <sysfold/error.h>

#include "common/rows.h"

/* Rows made from somebody's bytes. */
struct file_schema;

/* The schema as a schema block's payload, malloc'd. The same schema always gives the same bytes. -ENOMEM. */
int schema_pack(const struct sysfold_schema *schema, uint8_t **ret_bytes, size_t *ret_size);

/* The built-in one, packed once for all: borrowed for ever. -ENOMEM. */
int schema_builtin_bytes(const uint8_t **ret_bytes, size_t *ret_size);

/*
 * The schema of such bytes, or -EBADMSG with what is wrong with them. Nothing
 * in them is trusted: what can be computed (places, sizes, masks) is computed
 * here. A row that contradicts this library's row of that number, or whose
 * parameters do not have the shape that its effect needs, is kept for display
 * but has no effect on the state.
 */
int schema_unpack(const uint8_t *bytes, size_t size, struct file_schema **ret_schema, struct sysfold_error *error);
const struct sysfold_schema *file_schema_rows(const struct file_schema *schema);
void file_schema_destroy(struct file_schema *schema);

#endif
