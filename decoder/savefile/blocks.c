// SPDX-License-Identifier: Apache-2.0
#include "blocks.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A hostile file can be full of headers that promise 64 MiB each. What we spend
 * on checking them stays in proportion to the file's size. */
#define WASTE_FREE (UINT64_C(256) << 20)
#define WASTE_FACTOR 4

void blocks_report(struct blocks *blocks, const char *format, ...)
{
    char message[400];
    va_list arguments;

    blocks->damaged++;
    if (!blocks->damage)
        return;
    va_start(arguments, format);
    (void)vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    blocks->damage(message, blocks->damage_data);
}

static void lose(struct blocks *blocks, size_t jump, bool cut, const char *reason)
{
    blocks->lost = true;
    blocks->cut = cut;
    blocks->lost_at = blocks->input.offset;
    blocks->searched = 1;
    blocks->jump = jump;
    (void)snprintf(blocks->reason, sizeof(blocks->reason), "%s", reason);
}

/* Is there a whole good block `at` bytes into the window? 1, 0, or negative as input_need(). */
static int is_block(struct blocks *blocks, size_t at, struct sysfold_error *error)
{
    struct block_header header;
    const uint8_t *bytes;
    int r = input_need(&blocks->input, at + BLOCK_HEADER_SIZE, error);

    if (r <= 0)
        return r;
    if (!block_header_get(input_bytes(&blocks->input) + at, &header) || !block_kind_is_known(header.kind))
        return 0;
    r = input_need(&blocks->input, at + BLOCK_HEADER_SIZE + header.stored, error);
    if (r <= 0)
        return r;
    bytes = input_bytes(&blocks->input) + at;
    if (block_is_intact(bytes, &header, blocks->id))
        return 1;
    blocks->wasted += header.stored;
    return 0;
}

static void found(struct blocks *blocks, size_t at)
{
    uint64_t until = blocks->input.offset + at;

    input_skip(&blocks->input, at);
    blocks->lost = false;
    blocks_report(blocks, "the block at %" PRIu64 " is damaged (%s): skipped %" PRIu64 " bytes", blocks->lost_at,
                  blocks->reason, until - blocks->lost_at);
}

static int give_up(struct blocks *blocks, const char *why)
{
    blocks->lost = false;
    input_skip(&blocks->input, input_size(&blocks->input));
    blocks->input.ended = true;
    if (blocks->cut)
        blocks_report(blocks,
                      "the file ends in the middle of a block at %" PRIu64
                      ": the recorder was killed, or the file was cut",
                      blocks->lost_at);
    else
        blocks_report(blocks, "the block at %" PRIu64 " is damaged (%s): %s", blocks->lost_at, blocks->reason, why);
    return 0;
}

/* What was searched need not be kept, once nobody wants to jump over it. */
static void forget_searched(struct blocks *blocks)
{
    size_t size = input_size(&blocks->input);
    size_t searched = blocks->searched < size ? blocks->searched : size;

    input_skip(&blocks->input, searched);
    blocks->searched -= searched;
}

/* Looks for the next good block: where the damaged one should end, else byte by byte. */
static int search(struct blocks *blocks, struct sysfold_error *error)
{
    int r;

    if (blocks->jump) {
        r = is_block(blocks, blocks->jump, error);
        if (r > 0)
            found(blocks, blocks->jump);
        if (r != 0)
            return r;
        blocks->jump = 0;
    }
    for (;;) {
        const uint8_t *from, *hit;

        forget_searched(blocks);
        r = input_need(&blocks->input, BLOCK_HEADER_SIZE, error);
        if (r < 0)
            return r;
        if (r == 0)
            return give_up(blocks, "nothing readable follows");
        if (blocks->wasted > WASTE_FREE + WASTE_FACTOR * blocks->input.offset)
            return give_up(blocks, "too much that looks like a block and is none follows");
        from = input_bytes(&blocks->input);
        hit = memmem(from, input_size(&blocks->input), "Sf", 2);
        blocks->searched = hit ? (size_t)(hit - from) : input_size(&blocks->input) - 1;
        if (!hit)
            continue;
        r = is_block(blocks, blocks->searched, error);
        if (r > 0)
            found(blocks, blocks->searched);
        if (r != 0)
            return r;
        blocks->searched++;
    }
}

/* The block at the window's start, if it is a good one; else we are lost. */
static int take(struct blocks *blocks, struct block *ret_block, struct sysfold_error *error)
{
    struct block_header header;
    size_t size;
    int r = input_need(&blocks->input, BLOCK_HEADER_SIZE, error);

    if (r < 0 || (r == 0 && !input_size(&blocks->input)))
        return r;
    if (r == 0) {
        lose(blocks, 0, true, "it is cut");
        return 1;
    }
    if (!block_header_get(input_bytes(&blocks->input), &header)) {
        lose(blocks, 0, false, "no block begins like this");
        return 1;
    }
    size = BLOCK_HEADER_SIZE + (size_t)header.stored;
    r = input_need(&blocks->input, size, error);
    if (r < 0)
        return r;
    if (r == 0) {
        lose(blocks, 0, true, "its length is wrong");
    } else if (!block_is_intact(input_bytes(&blocks->input), &header, blocks->id)) {
        lose(blocks, size, false, "its checksum does not match");
    } else {
        *ret_block = (struct block){header.kind, header.raw, header.stored, blocks->input.offset,
                                    input_bytes(&blocks->input) + BLOCK_HEADER_SIZE};
        blocks->current = size;
    }
    return 1;
}

int blocks_next(struct blocks *blocks, struct block *ret_block, struct sysfold_error *error)
{
    int r = 1;

    input_skip(&blocks->input, blocks->current);
    blocks->current = 0;
    while (r > 0 && !blocks->current)
        r = blocks->lost ? search(blocks, error) : take(blocks, ret_block, error);
    return r;
}
