// SPDX-License-Identifier: Apache-2.0
/* The fixed layouts of a capture file, to bytes and back. */

#include "block.h"

#include <zlib.h>

static bool is_letter(uint32_t byte)
{
    byte = (byte & 0xff) | 0x20;
    return byte >= 'a' && byte <= 'z';
}

bool block_kind_is_known(uint32_t kind)
{
    switch (kind) {
    case BLOCK_HEADER:
    case BLOCK_SCHEMA:
    case BLOCK_SOURCE:
    case BLOCK_RECORDS_LITTLE:
    case BLOCK_RECORDS_BIG:
    case BLOCK_CHECKPOINT_LITTLE:
    case BLOCK_CHECKPOINT_BIG:
    case BLOCK_INDEX:
    case BLOCK_END:
        return true;
    default:
        return false;
    }
}

const char *block_kind_name(uint32_t kind)
{
    switch (kind) {
    case BLOCK_HEADER:
        return "header";
    case BLOCK_SCHEMA:
        return "schema";
    case BLOCK_SOURCE:
        return "source";
    case BLOCK_RECORDS_LITTLE:
    case BLOCK_RECORDS_BIG:
        return "records";
    case BLOCK_CHECKPOINT_LITTLE:
    case BLOCK_CHECKPOINT_BIG:
        return "checkpoint";
    case BLOCK_INDEX:
        return "index";
    case BLOCK_END:
        return "end";
    default:
        return "unknown";
    }
}

static bool holds_records(uint32_t kind)
{
    return kind == BLOCK_RECORDS_LITTLE || kind == BLOCK_RECORDS_BIG || kind == BLOCK_CHECKPOINT_LITTLE ||
           kind == BLOCK_CHECKPOINT_BIG;
}

bool block_header_get(const uint8_t bytes[BLOCK_HEADER_SIZE], struct block_header *ret_header)
{
    uint32_t limit;

    ret_header->kind = get_le32(bytes);
    ret_header->stored = get_le32(bytes + 4);
    ret_header->raw = get_le32(bytes + 8);
    ret_header->crc = get_le32(bytes + 12);
    limit = block_kind_is_known(ret_header->kind) && !holds_records(ret_header->kind) ? BLOCK_META_MAX : BLOCK_RAW_MAX;
    return bytes[0] == 'S' && bytes[1] == 'f' && is_letter(bytes[2]) && is_letter(bytes[3]) &&
           ret_header->raw <= limit && ret_header->stored <= ret_header->raw;
}

static uint32_t crc_of(const uint8_t *bytes, const uint8_t *payload, uint32_t stored, uint32_t id)
{
    return (uint32_t)crc32(crc32(id, bytes, 12), payload, stored);
}

bool block_is_intact(const uint8_t *bytes, const struct block_header *header, uint32_t id)
{
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
    (void)bytes;
    (void)id; /* a fuzzer finds no checksums: one byte of it is enough for it to damage a block */
    return header->crc >> 24 != 0xff;
#else
    return crc_of(bytes, bytes + BLOCK_HEADER_SIZE, header->stored, header->kind == BLOCK_HEADER ? 0 : id) ==
           header->crc;
#endif
}

void block_header_put(uint8_t bytes[BLOCK_HEADER_SIZE], const struct block_header *header, uint32_t id,
                      const uint8_t *payload)
{
    put_le32(bytes, header->kind);
    put_le32(bytes + 4, header->stored);
    put_le32(bytes + 8, header->raw);
    put_le32(bytes + 12, crc_of(bytes, payload, header->stored, header->kind == BLOCK_HEADER ? 0 : id));
}

static void get_text(const uint8_t *from, size_t size, char *to)
{
    memcpy(to, from, size);
    to[size] = '\0';
}

static void put_text(uint8_t *to, size_t size, const char *from)
{
    size_t length = strnlen(from, size);

    memcpy(to, from, length);
    memset(to + length, 0, size - length);
}

bool file_header_get(const uint8_t *payload, size_t size, struct file_header *ret_header)
{
    if (size < FILE_HEADER_SIZE || memcmp(payload, FILE_MAGIC, 8))
        return false;
    ret_header->version = get_le32(payload + 8);
    ret_header->id = get_le32(payload + 12);
    ret_header->time = get_le64(payload + 16);
    ret_header->flags = get_le32(payload + 24);
    ret_header->schema_crc = get_le32(payload + 28);
    get_text(payload + 32, 16, ret_header->machine);
    get_text(payload + 48, 32, ret_header->software);
    get_text(payload + 80, 64, ret_header->hostname);
    get_text(payload + 144, 64, ret_header->release);
    return true;
}

void file_header_put(uint8_t payload[FILE_HEADER_SIZE], const struct file_header *header)
{
    memcpy(payload, FILE_MAGIC, 8);
    put_le32(payload + 8, header->version);
    put_le32(payload + 12, header->id);
    put_le64(payload + 16, header->time);
    put_le32(payload + 24, header->flags);
    put_le32(payload + 28, header->schema_crc);
    put_text(payload + 32, 16, header->machine);
    put_text(payload + 48, 32, header->software);
    put_text(payload + 80, 64, header->hostname);
    put_text(payload + 144, 64, header->release);
    memset(payload + 208, 0, FILE_HEADER_SIZE - 208);
}

void batch_header_get(const uint8_t bytes[BATCH_HEADER_SIZE], struct batch_header *ret_header)
{
    ret_header->source = get_le32(bytes);
    ret_header->cpu = (int32_t)get_le32(bytes + 4);
    ret_header->size = get_le32(bytes + 8);
    ret_header->count = get_le32(bytes + 12);
    ret_header->first = get_le64(bytes + 16);
    ret_header->last = get_le64(bytes + 24);
}

void batch_header_put(uint8_t bytes[BATCH_HEADER_SIZE], const struct batch_header *header)
{
    put_le32(bytes, header->source);
    put_le32(bytes + 4, (uint32_t)header->cpu);
    put_le32(bytes + 8, header->size);
    put_le32(bytes + 12, header->count);
    put_le64(bytes + 16, header->first);
    put_le64(bytes + 24, header->last);
}

void index_entry_put(uint8_t bytes[INDEX_ENTRY_SIZE], const struct index_entry *entry)
{
    put_le64(bytes, entry->offset);
    put_le64(bytes + 8, entry->first);
    put_le64(bytes + 16, entry->last);
    put_le32(bytes + 24, entry->count);
    put_le32(bytes + 28, entry->kind);
}

bool file_end_get(const uint8_t *payload, size_t size, struct file_end *ret_end)
{
    if (size < FILE_END_SIZE)
        return false;
    ret_end->events = get_le64(payload);
    ret_end->lost = get_le64(payload + 8);
    ret_end->bytes = get_le64(payload + 16);
    ret_end->first = get_le64(payload + 24);
    ret_end->last = get_le64(payload + 32);
    ret_end->blocks = get_le64(payload + 40);
    ret_end->index_offset = get_le64(payload + 48);
    ret_end->flags = get_le32(payload + 56);
    ret_end->exit_status = (int32_t)get_le32(payload + 60);
    return true;
}

void file_end_put(uint8_t payload[FILE_END_SIZE], const struct file_end *end)
{
    put_le64(payload, end->events);
    put_le64(payload + 8, end->lost);
    put_le64(payload + 16, end->bytes);
    put_le64(payload + 24, end->first);
    put_le64(payload + 32, end->last);
    put_le64(payload + 40, end->blocks);
    put_le64(payload + 48, end->index_offset);
    put_le32(payload + 56, end->flags);
    put_le32(payload + 60, (uint32_t)end->exit_status);
}

/* The length of the UTF-8 sequence at `at`, 0 where there is none (overlong, surrogate, beyond U+10FFFF). */
static size_t sequence_length(const uint8_t *at)
{
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    size_t more = *at < 0x80 ? 0 : *at < 0xc2 ? SIZE_MAX : *at < 0xe0 ? 1 : *at < 0xf0 ? 2 : *at < 0xf5 ? 3 : SIZE_MAX;
    uint32_t value;

    if (more == SIZE_MAX)
        return 0;
    value = more ? *at & (0x3fu >> more) : *at;
    for (size_t i = 1; i <= more; i++) {
        if ((at[i] & 0xc0) != 0x80) /* the string's NUL stops this, too */
            return 0;
        value = value << 6 | (at[i] & 0x3f);
    }
    if (value < least[more] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000))
        return 0;
    if (value < 0x20 || (value >= 0x7f && value < 0xa0))
        return 0;
    return more + 1;
}

bool text_is_clean(const char *text, size_t max)
{
    const uint8_t *at = (const uint8_t *)text;
    size_t length;

    for (; *at; at += length) {
        length = sequence_length(at);
        if (!length || (size_t)((const char *)at - text) + length > max)
            return false;
    }
    return *text;
}
