// SPDX-License-Identifier: Apache-2.0
#include "text.h"

#include <stdlib.h>
#include <string.h>

static struct text *allocate(size_t size)
{
    struct text *text = malloc(sizeof(*text) + size + 1);

    if (!text)
        return NULL;
    text->holders = 1;
    text->bytes[size] = '\0';
    return text;
}

struct text *text_create(const void *bytes, size_t size)
{
    size_t length = size ? strnlen(bytes, size) : 0;
    struct text *text = allocate(length);

    if (text && length)
        memcpy(text->bytes, bytes, length);
    return text;
}

struct text *text_join(const uint8_t *strings, size_t size)
{
    struct text *text;

    if (size && !strings[size - 1])
        size--;
    text = allocate(size);
    if (!text)
        return NULL;
    for (size_t i = 0; i < size; i++)
        text->bytes[i] = strings[i] ? (char)strings[i] : ' ';
    return text;
}

struct text *text_hold(struct text *text)
{
    if (text)
        text->holders++;
    return text;
}

void text_drop(struct text *text)
{
    if (text && !--text->holders)
        free(text);
}

void text_replace(struct text **text, struct text *fresh)
{
    text_drop(*text);
    *text = fresh;
}
