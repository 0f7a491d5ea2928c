/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_SAVEFILE_RING_H
#define SYSFOLD_SAVEFILE_RING_H

/*
 * Entries on their way from the thread that adds events to the one that
 * writes them: a byte ring without locks. An entry lies in one piece; where it
 * does not fit before the ring's end, the rest of the lap is left empty.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring {
    uint8_t *bytes;
    size_t capacity; /* a power of two */

    uint64_t written; /* the producer's; positions only grow */
    uint64_t tail_seen;
    uint8_t apart[64]; /* so that the two threads do not share a cache line */
    uint64_t head;     /* shared: all before it is written */
    uint8_t further_apart[64];
    uint64_t tail; /* shared: all before it is read */
    uint64_t read; /* the consumer's */
};

/* At least `size` bytes; an entry may have half of them. -ENOMEM. */
int ring_init(struct ring *ring, size_t size);
void ring_finish(struct ring *ring);

/* Producer: adds an entry made of two parts (the second may be empty). false: there is no room now. */
bool ring_put(struct ring *ring, const void *first, size_t first_size, const void *second, size_t second_size);

/* Consumer: the next entry, in place until ring_give_back(); NULL when there is none. */
const uint8_t *ring_next(struct ring *ring, size_t *ret_size);
/* Consumer: the room of all entries got so far may be used again. */
void ring_give_back(struct ring *ring);

/* Bytes waiting, for either thread. */
size_t ring_used(const struct ring *ring);

#endif
