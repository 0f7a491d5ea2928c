// SPDX-License-Identifier: Apache-2.0
#include "names.h"

#include <string.h>

#include "story.h"

#define WORD_MIN 6
#define MADE_UP_MAX 8 /* letters that are made up, at the end of a word */
#define UNLIKE_MIN 4
#define EPHEMERAL_MIN 32768
#define DIGITS_MAX 18

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_word(uint8_t c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static size_t word_size(const uint8_t *bytes, size_t size)
{
    size_t length = 0;

    while (length < size && is_word(bytes[length]))
        length++;
    return length;
}

static bool read_number(const struct name_part *word, uint64_t *ret_number)
{
    *ret_number = 0;
    if (word->size > DIGITS_MAX)
        return false;
    for (size_t i = 0; i < word->size; i++) {
        if (!is_digit(word->bytes[i]))
            return false;
        *ret_number = *ret_number * 10 + (uint64_t)(word->bytes[i] - '0');
    }
    return true;
}

static enum name_kind kind_of_number(const uint8_t *bytes, size_t at, const struct name_part *part, size_t size)
{
    static const char deleted[] = " (deleted)";
    bool is_nameless = at && bytes[at - 1] == '#' && size - at - part->size == sizeof(deleted) - 1 &&
                       !memcmp(bytes + at + part->size, deleted, sizeof(deleted) - 1);
    bool in_brackets = at >= 2 && bytes[at - 1] == '[' && bytes[at - 2] == ':' && at + part->size < size &&
                       bytes[at + part->size] == ']';

    if (in_brackets || is_nameless)
        return NAME_INODE;
    if (at && bytes[at - 1] == ':' && part->number >= EPHEMERAL_MIN && part->number <= UINT16_MAX)
        return NAME_PORT;
    return part->number >= 2 ? NAME_NUMBER : NAME_PLAIN;
}

bool name_next(const uint8_t *bytes, size_t size, size_t *at, struct name_part *ret_part)
{
    struct name_part part = {.kind = NAME_PLAIN, .bytes = bytes + *at};

    if (*at >= size)
        return false;
    part.size = word_size(bytes + *at, size - *at);
    if (!part.size)
        part.size = 1;
    else if (read_number(&part, &part.number))
        part.kind = kind_of_number(bytes, *at, &part, size);
    else if (part.size >= WORD_MIN)
        part.kind = NAME_WORD;
    *at += part.size;
    *ret_part = part;
    return true;
}

bool name_is_made_up(const struct sysfold_story *story, const struct name_part *part)
{
    bool lower = false, upper = false, digit = false;
    size_t from = part->size > MADE_UP_MAX ? part->size - MADE_UP_MAX : 0;

    if (story_made_name(story, part->bytes, part->size))
        return true;
    for (size_t i = from; i < part->size; i++) {
        digit |= is_digit(part->bytes[i]);
        lower |= part->bytes[i] >= 'a' && part->bytes[i] <= 'z';
        upper |= part->bytes[i] >= 'A' && part->bytes[i] <= 'Z';
    }
    return lower + upper + digit > 1;
}

bool names_are_unlike(const struct name_part *a, const struct name_part *b)
{
    size_t from = a->size > MADE_UP_MAX ? a->size - MADE_UP_MAX : 0, unlike = 0;

    if (a->size != b->size || memcmp(a->bytes, b->bytes, from))
        return false;
    for (size_t i = from; i < a->size; i++)
        unlike += a->bytes[i] != b->bytes[i];
    return unlike >= UNLIKE_MIN;
}
