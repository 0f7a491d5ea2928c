// SPDX-License-Identifier: Apache-2.0
/* Open addressing, at most half full. Of what was told the hash is kept: nobody here means to collide. */

#include "backends/ebpf/told.h"

#include <stdlib.h>
#include <string.h>

#include "backends/ebpf/body.h"
#include "common/rows.h"

struct last {
    uint64_t key; /* pid and descriptor, and a bit; 0: free */
    uint64_t hash;
};

struct told {
    struct last *slots;
    size_t room, used;
};

struct told *told_create(void)
{
    return calloc(1, sizeof(struct told));
}

void told_destroy(struct told *told)
{
    if (told)
        free(told->slots);
    free(told);
}

void told_forget(struct told *told)
{
    if (told->slots)
        memset(told->slots, 0, told->room * sizeof(*told->slots));
    told->used = 0;
}

/* FNV-1a */
static uint64_t hash_of(uint64_t hash, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static struct last *find(const struct told *told, uint64_t key)
{
    size_t at = (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 20);

    while (told->slots[at & (told->room - 1)].key && told->slots[at & (told->room - 1)].key != key)
        at++;
    return &told->slots[at & (told->room - 1)];
}

static bool grow(struct told *told)
{
    struct told larger = {.room = told->room ? 2 * told->room : 4096, .used = told->used};

    if (told->room && told->used < told->room / 2)
        return true;
    larger.slots = calloc(larger.room, sizeof(*larger.slots));
    if (!larger.slots)
        return false;
    for (size_t i = 0; i < told->room; i++) {
        if (told->slots[i].key)
            *find(&larger, told->slots[i].key) = told->slots[i];
    }
    free(told->slots);
    *told = larger;
    return true;
}

/* A SNAP_FD record's, which always says which descriptor it is of. */
static uint64_t key_of(const uint8_t *record)
{
    const struct sysfold_row *row = row_builtin(ROW_SNAP_FD);
    const uint8_t *fd = record_body(record) + row->params[P_SNAP_FD_fd].place;
    uint32_t pid = load_u32(record + offsetof(struct record_header, tid), false);

    return UINT64_C(1) << 63 | (uint64_t)pid << 32 | load_u32(fd, false);
}

bool told_before(struct told *told, const uint8_t *record, size_t size)
{
    const size_t time_end = offsetof(struct record_header, time) + sizeof(uint64_t);
    uint64_t hash = hash_of(UINT64_C(0xcbf29ce484222325), record, offsetof(struct record_header, time));
    struct last *last;

    hash = hash_of(hash, record + time_end, size - time_end);
    if (!grow(told))
        return false;
    last = find(told, key_of(record));
    if (last->key && last->hash == hash)
        return true;
    told->used += !last->key;
    *last = (struct last){.key = key_of(record), .hash = hash};
    return false;
}
