/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_COMPARE_CANONICAL_H
#define SYSFOLD_COMPARE_CANONICAL_H

/*
 * What of a value counts. Most of it is exact; some is the same only up to a
 * renaming, some not at all. docs/comparing.md says so in words.
 */

#include "story.h"

enum identity {
    IDENTITY_EXACT,
    IDENTITY_REMOVED, /* there or not there: a time, a remaining time, a machine's business */
    IDENTITY_INHERITED, /* what is around the thread, not its own: not a value here, told or not */
    IDENTITY_ADDRESS, /* NULL or not NULL */
    IDENTITY_WORD,    /* a number or an address, nobody knows: large ones may differ; so may ids of the same thread */
    IDENTITY_THREAD,  /* pids and tids, negative ones for groups: the thread's name, or a renaming */
    IDENTITY_INODE,   /* these are equal up to a renaming */
    IDENTITY_DEVICE,
    IDENTITY_PORT,
    IDENTITY_OPAQUE, /* numbers the kernel makes up: of System V IPC, keys, mounts */
    IDENTITY_NAME,   /* strings, with names in them (names.h) */
    IDENTITY_COUNT
};

/* Part of a value made of bytes that is not exact. */
struct span {
    uint16_t at;
    uint16_t size; /* 2: in the network's order; 4; 8; of a name any */
    enum identity identity;
};

#define SPANS_MAX 12
#define ADDRESSES_ROOM 272

struct canonical {
    enum sysfold_status status;
    bool truncated;
    bool is_number;
    enum identity identity; /* of a number, or of bytes that are one name */
    uint64_t number;
    const uint8_t *data;
    size_t size;
    struct span spans[SPANS_MAX];
    unsigned span_count;
    size_t stride;                /* the spans are there again every so many bytes; 0: once */
    uint8_t room[ADDRESSES_ROOM]; /* socket addresses without what is not theirs */
};

struct exception;

/* What is known of a row's parameters, looked up once. */
struct rules {
    const struct exception *exceptions[ROW_PARAM_MAX];
    uint8_t identities[ROW_PARAM_MAX];
    uint8_t types[ROW_PARAM_MAX]; /* enum type */
    bool is_generic;              /* its numbers are of no known kind */
    bool tells_credentials;       /* getsockopt */
};

/* Kept by the story; NULL: no memory. */
const struct rules *rules_of(struct sysfold_story *story, const struct sysfold_row *row);

/* The canonical value of parameter `index`, which exists. */
void canonical_param(const struct sysfold_story *story, const struct record *record, unsigned index,
                     struct canonical *ret_value);
/* Is this parameter what the kernel fills in, rather than what the program passes? */
bool param_is_filled_in(const struct sysfold_row *row, const struct sysfold_param *param);
/* The number in a span that is no name. */
uint64_t span_number(const uint8_t *data, const struct span *span);

/* Numbers below are no addresses on any machine: nothing is mapped there. */
#define ADDRESS_MIN 0x400000
bool word_is_address(uint64_t word);

#endif
