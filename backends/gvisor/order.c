// SPDX-License-Identifier: Apache-2.0
#include "backends/gvisor/order.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/record.h"

/* A sandbox that lies about its times may not make us search for ever. */
#define STEPS_MAX 4096

static int make_room(struct order *order, size_t size)
{
    if (order->count == order->room) {
        size_t room = order->room ? 2 * order->room : 256;
        struct order_entry *grown = reallocarray(order->entries, room, sizeof(*grown));

        if (!grown)
            return -ENOMEM;
        order->entries = grown;
        order->room = room;
    }
    if (order->size + size > order->bytes_room) {
        size_t room = 2 * (order->size + size);
        uint8_t *grown = realloc(order->bytes, room);

        if (!grown)
            return -ENOMEM;
        order->bytes = grown;
        order->bytes_room = room;
    }
    return 0;
}

static size_t size_at(const struct order *order, const struct order_entry *entry)
{
    return load_u16(order->bytes + entry->at + offsetof(struct record_header, length), false);
}

static int make_spare(struct order *order)
{
    uint8_t *grown;

    if (order->spare_room >= order->size)
        return 0;
    grown = realloc(order->spare, order->size);
    if (!grown)
        return -ENOMEM;
    order->spare = grown;
    order->spare_room = order->size;
    return 0;
}

static void swap_spare(struct order *order)
{
    uint8_t *bytes = order->bytes;
    size_t room = order->bytes_room;

    order->bytes = order->spare;
    order->bytes_room = order->spare_room;
    order->spare = bytes;
    order->spare_room = room;
}

/* What was taken is the caller's no more; it goes once it is most of what is there. */
static int forget_taken(struct order *order)
{
    size_t left = order->count - order->taken, size = 0;

    if (order->taken <= left)
        return 0;
    if (left && make_spare(order) < 0)
        return -ENOMEM;
    for (size_t i = 0; i < left; i++) {
        struct order_entry *entry = &order->entries[order->taken + i];
        size_t one = size_at(order, entry);

        memcpy(order->spare + size, order->bytes + entry->at, one);
        order->entries[i] = (struct order_entry){entry->time, size};
        size += one;
    }
    if (left)
        swap_spare(order);
    order->count = left;
    order->taken = 0;
    order->size = size;
    return 0;
}

static uint64_t settle(struct order *order, uint64_t time)
{
    size_t place = order->count, lowest = order->taken;

    if (place - lowest > STEPS_MAX)
        lowest = place - STEPS_MAX;
    if (time < order->told)
        time = order->told;
    while (place > lowest && order->entries[place - 1].time > time) {
        order->entries[place] = order->entries[place - 1];
        place--;
    }
    if (place > order->taken && order->entries[place - 1].time > time)
        time = order->entries[place - 1].time;
    order->entries[place] = (struct order_entry){time, order->size};
    order->count++;
    return time;
}

int order_put(struct order *order, const uint8_t *record, size_t size)
{
    uint64_t time = load_u64(record + offsetof(struct record_header, time), false);
    int r = forget_taken(order);

    if (r == 0)
        r = make_room(order, size);
    if (r < 0)
        return r;
    time = settle(order, time);
    memcpy(order->bytes + order->size, record, size);
    memcpy(order->bytes + order->size + offsetof(struct record_header, time), &time, sizeof(time));
    order->size += size;
    return 0;
}

size_t order_take(struct order *order, uint64_t horizon, const uint8_t *const **ret_records)
{
    size_t first, count = 0;

    if (forget_taken(order) < 0)
        return 0;
    first = order->taken;
    if (order->each_room < order->count) {
        const uint8_t **grown = reallocarray(order->each, order->room, sizeof(*grown));

        if (!grown)
            return 0;
        order->each = grown;
        order->each_room = order->room;
    }
    while (first + count < order->count && order->entries[first + count].time <= horizon) {
        order->each[count] = order->bytes + order->entries[first + count].at;
        count++;
    }
    if (count)
        order->told = order->entries[first + count - 1].time;
    order->taken += count;
    *ret_records = order->each;
    return count;
}

void order_finish(struct order *order)
{
    free(order->entries);
    free(order->bytes);
    free(order->spare);
    free(order->each);
    *order = (struct order){0};
}
