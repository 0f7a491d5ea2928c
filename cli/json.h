/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_CLI_JSON_H
#define SYSFOLD_CLI_JSON_H

/* JSON documents. */

#include <jansson.h>
#include <stdbool.h>

/* A string of bytes from anywhere: what is not UTF-8 comes out as \xNN. NULL is null. */
json_t *json_text(const char *text);
/* Prints the document on stdout and frees it; false (after a complaint) when it is NULL, memory having run out. */
bool json_show(json_t *document);

#endif
