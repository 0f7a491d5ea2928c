// SPDX-License-Identifier: Apache-2.0
#include "ring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Every entry begins with its size; positions are multiples of that, so that it always fits. */
#define PREFIX sizeof(uint32_t)
#define REST_IS_EMPTY UINT32_MAX

int ring_init(struct ring *ring, size_t size)
{
    *ring = (struct ring){.capacity = 4096};
    while (ring->capacity < size)
        ring->capacity *= 2;
    ring->bytes = malloc(ring->capacity);
    return ring->bytes ? 0 : -ENOMEM;
}

void ring_finish(struct ring *ring)
{
    free(ring->bytes);
}

size_t ring_used(const struct ring *ring)
{
    return (size_t)(__atomic_load_n(&ring->head, __ATOMIC_ACQUIRE) - __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE));
}

static bool has_room(struct ring *ring, size_t size)
{
    if (ring->written + size - ring->tail_seen <= ring->capacity)
        return true;
    ring->tail_seen = __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE);
    return ring->written + size - ring->tail_seen <= ring->capacity;
}

static void lay_prefix(struct ring *ring, size_t at, uint32_t size)
{
    memcpy(ring->bytes + at, &size, sizeof(size));
}

bool ring_put(struct ring *ring, const void *first, size_t first_size, const void *second, size_t second_size)
{
    size_t size = (PREFIX + first_size + second_size + PREFIX - 1) & ~(PREFIX - 1);
    size_t at = (size_t)ring->written & (ring->capacity - 1);
    size_t skipped = ring->capacity - at < size ? ring->capacity - at : 0;

    if (!has_room(ring, skipped + size))
        return false;
    if (skipped) {
        lay_prefix(ring, at, REST_IS_EMPTY);
        at = 0;
    }
    lay_prefix(ring, at, (uint32_t)(first_size + second_size));
    memcpy(ring->bytes + at + PREFIX, first, first_size);
    if (second_size)
        memcpy(ring->bytes + at + PREFIX + first_size, second, second_size);
    ring->written += skipped + size;
    __atomic_store_n(&ring->head, ring->written, __ATOMIC_RELEASE);
    return true;
}

const uint8_t *ring_next(struct ring *ring, size_t *ret_size)
{
    uint64_t head = __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE);
    size_t at = (size_t)ring->read & (ring->capacity - 1);
    uint32_t size;

    if (ring->read == head)
        return NULL;
    memcpy(&size, ring->bytes + at, sizeof(size));
    if (size == REST_IS_EMPTY) {
        ring->read += ring->capacity - at;
        at = 0;
        memcpy(&size, ring->bytes, sizeof(size));
    }
    ring->read += (PREFIX + size + PREFIX - 1) & ~(PREFIX - 1);
    *ret_size = size;
    return ring->bytes + at + PREFIX;
}

void ring_give_back(struct ring *ring)
{
    __atomic_store_n(&ring->tail, ring->read, __ATOMIC_RELEASE);
}
