/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_COMMON_RECORD_H
#define SYSFOLD_COMMON_RECORD_H

/*
 * The record, as backends write it and files keep it:
 *
 *   0        2        4                 8                16
 *   +--------+--------+-----------------+----------------+----------+--------+-------+----------+-------+----------
 *   |  type  | length |       tid       | timestamp (ns) | [status] | [cut]  | [race]|[duration]| fixed | variable
 *   |  u16   |  u16   |       u32       |      u64       |   u64    |  u32   |  u32  |   u64    | params| params
 *   +--------+--------+-----------------+----------------+----------+--------+-------+----------+-------+----------
 *                                          ABSENT          TRUNCATED  RACED    TIMED
 *
 * type      row number in the low 11 bits, SYSFOLD_EVENT_* flags above
 * length    of the whole record, so that unknown rows can be skipped
 * status    only with ABSENT: 2 bits a parameter (enum sysfold_status), parameter 0 lowest
 * cut       only with TRUNCATED: a bit for each parameter that was cut at its limit
 * race      only with RACED: a bit for each parameter whose user memory changed during the call
 * duration  only with TIMED: ns between entry and exit
 * fixed     packed, in row order, nothing in between; the result first. An absent one still takes its bytes
 * variable  in row order: u16 length, then the bytes
 *
 * Everything is in the byte order of the machine that wrote it, nothing is
 * aligned. A parameter read on success only (its row says so) is absent from
 * a record with the FAILED flag without a status bit.
 */

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define RECORD_HEADER_SIZE 16
#define RECORD_PREFIX_MAX (RECORD_HEADER_SIZE + 8 + 4 + 4 + 8)
#define RECORD_FIXED_MAX 1024
#define RECORD_SIZE_MAX 65535
#define RECORD_NUMBER_MASK 0x07ff

/* Limits on variable parameters. */
#define PATH_BYTES_MAX 4096
#define SNAPLEN_DEFAULT 80
#define SNAPLEN_MAX 60000
#define STRING_VECTOR_DEFAULT 16384
#define STRING_VECTOR_MAX 24576

struct record_header {
    uint16_t type;
    uint16_t length;
    uint32_t tid;
    uint64_t time;
};
static_assert(sizeof(struct record_header) == RECORD_HEADER_SIZE, "the header is 16 bytes");
static_assert(offsetof(struct record_header, length) == 2, "length at 2");
static_assert(offsetof(struct record_header, tid) == 4, "tid at 4");
static_assert(offsetof(struct record_header, time) == 8, "time at 8");

static inline uint16_t load_u16(const uint8_t *from, bool swapped)
{
    uint16_t value;

    memcpy(&value, from, sizeof(value));
    return swapped ? __builtin_bswap16(value) : value;
}

static inline uint32_t load_u32(const uint8_t *from, bool swapped)
{
    uint32_t value;

    memcpy(&value, from, sizeof(value));
    return swapped ? __builtin_bswap32(value) : value;
}

static inline uint64_t load_u64(const uint8_t *from, bool swapped)
{
    uint64_t value;

    memcpy(&value, from, sizeof(value));
    return swapped ? __builtin_bswap64(value) : value;
}

#endif
