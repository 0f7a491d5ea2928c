/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_STATE_TEXT_H
#define SYSFOLD_STATE_TEXT_H

/* Strings that many hold: a fork shares its parent's image, arguments and directories. Counted, never changed. */

#include <stddef.h>
#include <stdint.h>

struct text {
    uint32_t holders;
    char bytes[];
};

/* A copy of `size` bytes, ending at the first NUL if there is one. NULL: no memory. */
struct text *text_create(const void *bytes, size_t size);
/* Strings that each end with a NUL, joined by spaces. */
struct text *text_join(const uint8_t *strings, size_t size);
/* NULL is allowed, here and below. */
struct text *text_hold(struct text *text);
void text_drop(struct text *text);

/* Takes over `fresh` in place of what *text held. */
void text_replace(struct text **text, struct text *fresh);

static inline const char *text_bytes(const struct text *text)
{
    return text ? text->bytes : NULL;
}

#endif
