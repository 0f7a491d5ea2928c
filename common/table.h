/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_COMMON_TABLE_H
#define SYSFOLD_COMMON_TABLE_H

/*
 * From a 64-bit key to a pointer. Open addressing with linear probing, at most
 * two thirds full; removal closes the gap, so that there are no tombstones.
 * Keys come from outside: a seed keeps a file from choosing keys that collide.
 */

#include <stddef.h>
#include <stdint.h>

struct table_entry {
    uint64_t key;
    void *value; /* NULL: free */
};

struct table {
    struct table_entry *entries;
    size_t room; /* a power of two, or 0 */
    size_t used;
    uint64_t seed;
};

void table_init(struct table *table, uint64_t seed);
void table_finish(struct table *table);

void *table_get(const struct table *table, uint64_t key);
/* Makes room for one more, so that the next table_put() cannot fail. -ENOMEM. */
int table_reserve(struct table *table);
/* The key must not be there yet. */
void table_put(struct table *table, uint64_t key, void *value);
void table_remove(struct table *table, uint64_t key);

#endif
