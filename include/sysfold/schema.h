/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_SCHEMA_H
#define SYSFOLD_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sysfold/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The schema: what rows (kinds of event) exist and what their parameters are.
 * The library's own comes from common/events.def; a capture file brings the one
 * it was written with. Everything here is read-only and lives as long as the
 * schema it was taken from; all of it may be used from any thread.
 */
struct sysfold_schema;
struct sysfold_row;
struct sysfold_param;

/* The rows this library was built with. Never NULL, never freed. */
SYSFOLD_API const struct sysfold_schema *sysfold_schema_builtin(void);

/* The number of rows, and row number `index` of them (NULL beyond the last). */
SYSFOLD_API size_t sysfold_schema_row_count(const struct sysfold_schema *schema);
SYSFOLD_API const struct sysfold_row *sysfold_schema_row(const struct sysfold_schema *schema, size_t index);

/* The row with that number on the wire, or with that name; NULL if there is none. */
SYSFOLD_API const struct sysfold_row *sysfold_schema_row_by_id(const struct sysfold_schema *schema, unsigned id);
SYSFOLD_API const struct sysfold_row *sysfold_schema_row_by_name(const struct sysfold_schema *schema, const char *name);

SYSFOLD_API unsigned sysfold_row_id(const struct sysfold_row *row);
SYSFOLD_API const char *sysfold_row_name(const struct sysfold_row *row);
/* Is this a system call (its parameter 0 is then the result), or something that happened around one? */
SYSFOLD_API bool sysfold_row_is_syscall(const struct sysfold_row *row);
/* The classes (`file`, `process`, `desc`, ...) the row is in: name number `index`, NULL beyond the last. */
SYSFOLD_API const char *sysfold_row_class(const struct sysfold_row *row, size_t index);
/* What the row does to the state ("opens_fd", "execs", ..., "none"). */
SYSFOLD_API const char *sysfold_row_effect(const struct sysfold_row *row);
SYSFOLD_API size_t sysfold_row_param_count(const struct sysfold_row *row);
SYSFOLD_API const struct sysfold_param *sysfold_row_param(const struct sysfold_row *row, size_t index);
/* The index of the parameter with that name, or -ENOENT. */
SYSFOLD_API int sysfold_row_param_index(const struct sysfold_row *row, const char *name);

SYSFOLD_API const char *sysfold_param_name(const struct sysfold_param *param);
/* The type's name as in common/types.def ("OPEN_FLAGS"). */
SYSFOLD_API const char *sysfold_param_type(const struct sysfold_param *param);
/* The wire form ("i32", "2*i64", "bytes", "u32[]"). Borrowed, static. */
SYSFOLD_API const char *sysfold_param_wire(const struct sysfold_param *param);
/* Where the value comes from, as written in common/events.def ("ARG(2)"). */
SYSFOLD_API const char *sysfold_param_source(const struct sysfold_param *param);
/* When it is read: "entry", "exit" or "success". */
SYSFOLD_API const char *sysfold_param_moment(const struct sysfold_param *param);

/* The whole built-in schema as Markdown or as one JSON document, into a
 * malloc'd string of the caller's. -ENOMEM on failure. */
SYSFOLD_API int sysfold_schema_to_markdown(char **ret_text, struct sysfold_error *error);
SYSFOLD_API int sysfold_schema_to_json(char **ret_text, struct sysfold_error *error);

#ifdef __cplusplus
}
#endif

#endif
