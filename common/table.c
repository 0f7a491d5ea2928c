// SPDX-License-Identifier: Apache-2.0
#include "common/table.h"

#include <errno.h>
#include <stdlib.h>

#define TABLE_ROOM_MIN 64

void table_init(struct table *table, uint64_t seed)
{
    *table = (struct table){.seed = seed};
}

void table_finish(struct table *table)
{
    free(table->entries);
}

/* Two rounds of multiply and shift: every bit of key and seed reaches the low bits. */
static size_t home(const struct table *table, uint64_t key)
{
    uint64_t hash = (key ^ table->seed) * UINT64_C(0x9e3779b97f4a7c15);

    hash = (hash ^ hash >> 32 ^ table->seed >> 17) * UINT64_C(0xd6e8feb86659fd93);
    return (size_t)(hash >> 32) & (table->room - 1);
}

static size_t next(const struct table *table, size_t at)
{
    return (at + 1) & (table->room - 1);
}

void *table_get(const struct table *table, uint64_t key)
{
    if (!table->used)
        return NULL;
    for (size_t at = home(table, key); table->entries[at].value; at = next(table, at)) {
        if (table->entries[at].key == key)
            return table->entries[at].value;
    }
    return NULL;
}

void table_put(struct table *table, uint64_t key, void *value)
{
    size_t at = home(table, key);

    while (table->entries[at].value)
        at = next(table, at);
    table->entries[at] = (struct table_entry){key, value};
    table->used++;
}

int table_reserve(struct table *table)
{
    struct table larger = {.room = table->room ? table->room * 2 : TABLE_ROOM_MIN, .seed = table->seed};

    if ((table->used + 1) * 3 <= table->room * 2)
        return 0;
    larger.entries = calloc(larger.room, sizeof(*larger.entries));
    if (!larger.entries)
        return -ENOMEM;
    for (size_t at = 0; at < table->room; at++) {
        if (table->entries[at].value)
            table_put(&larger, table->entries[at].key, table->entries[at].value);
    }
    free(table->entries);
    *table = larger;
    return 0;
}

/* Moves into the gap whatever behind it would not be found any more past it. */
static void close_gap(struct table *table, size_t gap)
{
    for (size_t at = next(table, gap); table->entries[at].value; at = next(table, at)) {
        size_t distance = (at - home(table, table->entries[at].key)) & (table->room - 1);

        if (distance < ((at - gap) & (table->room - 1)))
            continue;
        table->entries[gap] = table->entries[at];
        gap = at;
    }
    table->entries[gap] = (struct table_entry){0};
}

void table_remove(struct table *table, uint64_t key)
{
    if (!table->used)
        return;
    for (size_t at = home(table, key); table->entries[at].value; at = next(table, at)) {
        if (table->entries[at].key == key) {
            table->used--;
            close_gap(table, at);
            return;
        }
    }
}
