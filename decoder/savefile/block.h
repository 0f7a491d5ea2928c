/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_SAVEFILE_BLOCK_H
#define SYSFOLD_SAVEFILE_BLOCK_H

/*
 * What a capture file is made of (docs/format.md has it for other readers):
 *
 *   0        4        8        12       16
 *   +--------+--------+--------+--------+-----------------------+
 *   |  kind  | stored |  raw   | crc32  | payload: stored bytes |
 *   +--------+--------+--------+--------+-----------------------+
 *
 * Little-endian. kind is "Sf" and two letters, so that a reader that lost its
 * way can look for the next one. A payload is a zlib stream where stored is
 * less than raw, and as it is where they are equal. The crc is over the first
 * 12 bytes and the payload; for all but the header it goes on from the
 * capture's id, so that a capture within a capture (somebody traced `cat
 * x.sfold`) is never taken for a part of it.
 */

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define BLOCK_KIND(a, b) ((uint32_t)'S' | (uint32_t)'f' << 8 | (uint32_t)(a) << 16 | (uint32_t)(b) << 24)

enum block_kind {
    BLOCK_HEADER = BLOCK_KIND('H', 'd'),
    BLOCK_SCHEMA = BLOCK_KIND('S', 'c'),
    BLOCK_SOURCE = BLOCK_KIND('S', 'o'),
    BLOCK_RECORDS_LITTLE = BLOCK_KIND('R', 'l'),
    BLOCK_RECORDS_BIG = BLOCK_KIND('R', 'b'),
    BLOCK_CHECKPOINT_LITTLE = BLOCK_KIND('C', 'l'),
    BLOCK_CHECKPOINT_BIG = BLOCK_KIND('C', 'b'),
    BLOCK_INDEX = BLOCK_KIND('I', 'x'),
    BLOCK_END = BLOCK_KIND('E', 'n'),
};

#define BLOCK_HEADER_SIZE 16
#define BLOCK_RAW_MAX (64u << 20)
#define BLOCK_META_MAX (1u << 20) /* of every kind that does not hold records */

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define BLOCK_RECORDS_NATIVE BLOCK_RECORDS_LITTLE
#define BLOCK_RECORDS_SWAPPED BLOCK_RECORDS_BIG
#else
#define BLOCK_RECORDS_NATIVE BLOCK_RECORDS_BIG
#define BLOCK_RECORDS_SWAPPED BLOCK_RECORDS_LITTLE
#endif

struct block_header {
    uint32_t kind;
    uint32_t stored;
    uint32_t raw;
    uint32_t crc;
};

/*
 * The header block's payload:
 *
 *   0        8        12       16       24       28       32        48         80         144       208        240
 *   +--------+--------+--------+--------+--------+--------+---------+----------+----------+---------+----------+
 *   | magic  |version |   id   |  time  | flags  | schema | machine | software | hostname | release | reserved |
 *   +--------+--------+--------+--------+--------+--------+---------+----------+----------+---------+----------+
 */
#define FILE_MAGIC "sfold\r\n\x1a"
#define FILE_VERSION 1
#define FILE_BIG_ENDIAN 1u /* flag: so is the machine that recorded */
#define FILE_HEADER_SIZE 240
#define FILE_HEADER_COPIES 2 /* without one nothing can be read, so there is a spare */

struct file_header {
    uint32_t version;
    uint32_t id;
    uint64_t time; /* ns since the epoch when recording began */
    uint32_t flags;
    uint32_t schema_crc; /* of the schema block's raw payload */
    char machine[17];    /* uname -m */
    char software[33];
    char hostname[65];
    char release[65]; /* of the kernel */
};

/* Before each span of records in a records block; then `size` bytes of records. */
#define BATCH_HEADER_SIZE 32

struct batch_header {
    uint32_t source;
    int32_t cpu;
    uint32_t size;
    uint32_t count;
    uint64_t first; /* the least and the greatest timestamp within */
    uint64_t last;
};

/* An index block: where the index block before it is (0: there is none), how many entries follow, the entries. */
#define INDEX_HEADER_SIZE 16
#define INDEX_ENTRY_SIZE 32
#define INDEX_ENTRIES_MAX 32760
static_assert(INDEX_HEADER_SIZE + INDEX_ENTRIES_MAX * INDEX_ENTRY_SIZE <= BLOCK_META_MAX, "an index fits its block");

struct index_entry {
    uint64_t offset;
    uint64_t first;
    uint64_t last;
    uint32_t count;
    uint32_t kind;
};

/* The end block's payload: the counts, then where the last index block is and how the command ended. */
#define FILE_END_SIZE 64
#define FILE_END_HAS_STATUS 1u

struct file_end {
    uint64_t events; /* loss records not counted */
    uint64_t lost;   /* events the loss records tell of */
    uint64_t bytes;  /* of all records */
    uint64_t first;
    uint64_t last;
    uint64_t blocks; /* of records */
    uint64_t index_offset;
    uint32_t flags;
    int32_t exit_status; /* raw wait status */
};

static inline uint32_t get_le32(const uint8_t *from)
{
    uint32_t value;

    memcpy(&value, from, sizeof(value));
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? value : __builtin_bswap32(value);
}

static inline uint64_t get_le64(const uint8_t *from)
{
    uint64_t value;

    memcpy(&value, from, sizeof(value));
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? value : __builtin_bswap64(value);
}

static inline void put_le32(uint8_t *to, uint32_t value)
{
    value = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? value : __builtin_bswap32(value);
    memcpy(to, &value, sizeof(value));
}

static inline void put_le64(uint8_t *to, uint64_t value)
{
    value = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? value : __builtin_bswap64(value);
    memcpy(to, &value, sizeof(value));
}

/* false: no block begins like this. */
bool block_header_get(const uint8_t bytes[BLOCK_HEADER_SIZE], struct block_header *ret_header);
/* Lays the header before a payload, with its crc. */
void block_header_put(uint8_t bytes[BLOCK_HEADER_SIZE], const struct block_header *header, uint32_t id,
                      const uint8_t *payload);
/* Does this library know what is in it? */
bool block_kind_is_known(uint32_t kind);
const char *block_kind_name(uint32_t kind);
/* Does the checksum of the block whose header lies at `bytes`, with its payload behind it, agree? */
bool block_is_intact(const uint8_t *bytes, const struct block_header *header, uint32_t id);

bool file_header_get(const uint8_t *payload, size_t size, struct file_header *ret_header);
void file_header_put(uint8_t payload[FILE_HEADER_SIZE], const struct file_header *header);
void batch_header_get(const uint8_t bytes[BATCH_HEADER_SIZE], struct batch_header *ret_header);
void batch_header_put(uint8_t bytes[BATCH_HEADER_SIZE], const struct batch_header *header);
void index_entry_put(uint8_t bytes[INDEX_ENTRY_SIZE], const struct index_entry *entry);
bool file_end_get(const uint8_t *payload, size_t size, struct file_end *ret_end);
void file_end_put(uint8_t payload[FILE_END_SIZE], const struct file_end *end);

/* Is it UTF-8 without control characters, 1 to `max` bytes? */
bool text_is_clean(const char *text, size_t max);

#endif
