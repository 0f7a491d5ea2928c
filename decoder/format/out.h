/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_FORMAT_OUT_H
#define SYSFOLD_FORMAT_OUT_H

/*
 * Where text goes: a buffer of the caller's that is never overrun. The length
 * goes on counting behind its end, so that the caller learns what it would
 * have needed, as with snprintf.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct text_out {
    char *buffer;
    size_t size;
    size_t length; /* of the whole text, whether it fits or not */
};

static inline void put_bytes(struct text_out *out, const void *bytes, size_t size)
{
    if (out->length < out->size) {
        size_t room = out->size - out->length;

        memcpy(out->buffer + out->length, bytes, size < room ? size : room);
    }
    out->length += size;
}

static inline void put_char(struct text_out *out, char c)
{
    if (out->length < out->size)
        out->buffer[out->length] = c;
    out->length++;
}

static inline void put_text(struct text_out *out, const char *text)
{
    put_bytes(out, text, strlen(text));
}

/* Lays the NUL behind the text, or over its last fitting character; returns the whole length. */
static inline size_t text_out_finish(struct text_out *out)
{
    if (out->size)
        out->buffer[out->length < out->size ? out->length : out->size - 1] = '\0';
    return out->length;
}

void put_unsigned(struct text_out *out, uint64_t value);
void put_signed(struct text_out *out, int64_t value);
void put_hex(struct text_out *out, uint64_t value);   /* 0x1f */
void put_octal(struct text_out *out, uint64_t value); /* 0644, 0 */
void put_hex_bytes(struct text_out *out, const uint8_t *bytes, size_t size);
void put_base64(struct text_out *out, const uint8_t *bytes, size_t size);

/* Which characters put_escaped() escapes besides those that could drive a terminal or are not UTF-8. */
enum escape {
    ESCAPE_QUOTES, /* for "..." */
    ESCAPE_ANGLES, /* for <...> */
};

/* Bytes from anywhere, as C would spell them; valid UTF-8 stays as it is. */
void put_escaped(struct text_out *out, const void *bytes, size_t size, enum escape escape);

/* A JSON string with its quotes. Whatever is not UTF-8, and NUL (valid JSON
 * that many readers refuse), becomes U+FFFD: false is returned if there was any. */
bool put_json_string(struct text_out *out, const void *bytes, size_t size);

#endif
