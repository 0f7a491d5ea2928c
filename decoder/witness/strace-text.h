/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_DECODER_WITNESS_STRACE_TEXT_H
#define SYSFOLD_DECODER_WITNESS_STRACE_TEXT_H

/* What strace writes, taken apart: expressions, lists, strings. Nothing here recurses, allocates or fails loudly. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/rows.h"

/* A part of the file's text. */
struct text {
    const char *at; /* NULL: there is none */
    size_t size;
};

#define NO_TEXT ((struct text){0})

struct text text_from(const char *string);
struct text text_trim(struct text text);
bool text_is(struct text text, const char *string);
bool text_starts(struct text text, const char *string);
/* Behind the first `count` bytes. */
struct text text_after(struct text text, size_t count);
/* Where the string begins; false if nowhere. */
bool text_find(struct text text, const char *string, size_t *ret_at);

/* Up to the first of the characters `stops` that is outside of brackets, strings, comments and what -y puts behind a
 * descriptor: how many bytes; the whole size where there is none. */
size_t text_scan(struct text text, const char *stops);
/* The same, taken off the front, trimmed; the stop is taken off, too. False at the end. */
bool text_next(struct text *rest, char stop, struct text *ret_item);

/* What is between the brackets, if the text is one bracketed thing: '{', '[' or '('. */
bool text_inside(struct text text, char bracket, struct text *ret_inside);
/* The value of `key` in the inside of braces: "a=1, b=2". */
bool text_field(struct text inside, const char *key, struct text *ret_value);
/* Without a comment behind it: C's, or a descriptor's file. */
struct text text_bare(struct text text);
/* "[8 => 4]" is 8 before the call, 4 behind it: the latter; other texts as they are. */
struct text text_latter(struct text text);

/* "O_RDWR|O_CREAT", "0x10", "8192*1024", "makedev(0x1, 0x3)": names of the table (NULL: of any), or numbers. */
bool text_number(struct text text, const struct flag_table *table, int64_t *ret_value);
/* The numbers in a structure or a list, in their order, names of fields left out. False where one is no number, or
 * where there are more than `max`. */
bool text_numbers(struct text text, const struct flag_table *table, int64_t *values, size_t max, size_t *ret_count);
/* An address, as it stands where the memory behind it is not shown. */
bool text_is_address(struct text text);

/* A string in quotes, its escapes undone, as far as there is room. `cut`: there was more ("..." or no room). */
bool text_string(struct text text, uint8_t *to, size_t room, size_t *ret_size, bool *ret_cut);
/* A set of signals: "[INT CHLD]", "~[KILL]". */
bool text_sigset(struct text text, uint64_t *ret_set);

#endif
