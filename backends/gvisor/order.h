/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_GVISOR_ORDER_H
#define SYSFOLD_GVISOR_ORDER_H

/*
 * Records wait here until nothing older can come: a sandbox's threads stamp
 * their packets before they send them, so these arrive out of order.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct order_entry {
    uint64_t time;
    size_t at; /* in bytes */
};

/* Zero is empty. */
struct order {
    struct order_entry *entries; /* in order */
    size_t count, room;
    size_t taken; /* the first ones have been, the last of them are the caller's until the next call */
    uint8_t *bytes, *spare;
    size_t size, bytes_room, spare_room;
    const uint8_t **each;
    size_t each_room;
    uint64_t told; /* the time of the last one taken */
};

/* More than that must be taken, whatever is still to come. */
#define ORDER_BYTES_MAX ((size_t)8 << 20)

/* A copy of the record goes where its time belongs. What comes too late gets the time of what was told last.
 * -ENOMEM. */
int order_put(struct order *order, const uint8_t *record, size_t size);
/* Those of up to `horizon`, in order. Returns how many; 0 with less memory than it takes. */
size_t order_take(struct order *order, uint64_t horizon, const uint8_t *const **ret_records);
void order_finish(struct order *order);

static inline bool order_is_empty(const struct order *order)
{
    return order->count == order->taken;
}

static inline bool order_is_full(const struct order *order)
{
    return order->size >= ORDER_BYTES_MAX;
}

/* Of what waits; there must be something. */
static inline uint64_t order_first(const struct order *order)
{
    return order->entries[order->taken].time;
}

#endif
