// SPDX-License-Identifier: Apache-2.0
/*
 * The consumer's side of the rings (layout.h), read in place and merged by
 * time: a heap of those that have something to read, the oldest on top.
 *
 * When is a record surely the oldest? A program says that it is writing before
 * it looks at the clock, and until its record can be seen. So of a ring where
 * nobody writes, whatever comes later is younger than the moment we looked.
 */

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "backends/ebpf/internal.h"
#include "common/error.h"
#include "common/record.h"

/* A record takes less than a microsecond to write, unless its cpu is taken away. */
#define LOOKS_MAX 100
/* Clocks of two cpus may differ by so much, and a store may take so long to be seen. */
#define SLACK_NS 100000

#define PAGE 4096
/* What a cpu gets by default: enough for a tenth of a second of its busiest, unless there are very many. */
#define DEFAULT_SIZE ((size_t)8 << 20)
#define DEFAULT_TOTAL ((size_t)256 << 20)
/* Where kernels before 6.5 end a map's value. */
#define OLD_VALUE_MAX ((size_t)4 << 20)

size_t rings_size(const struct capture_options *options, unsigned cpus, bool old_kernel)
{
    size_t size = options->live.buffer_size / cpus / PAGE * PAGE;

    if (options->default_buffer)
        size = DEFAULT_TOTAL / cpus < DEFAULT_SIZE ? DEFAULT_TOTAL / cpus / PAGE * PAGE : DEFAULT_SIZE;
    if (old_kernel && size > OLD_VALUE_MAX - rings_value_size(0))
        size = OLD_VALUE_MAX - rings_value_size(0);
    return size < PAGE ? PAGE : size;
}

size_t rings_value_size(size_t size)
{
    return sizeof(struct ebpf_ring) + size + EBPF_OVERRUN;
}

int rings_init(struct rings *rings, int map, size_t size, unsigned cpus, struct sysfold_error *error)
{
    size_t value_size = rings_value_size(size);

    rings->each = calloc(cpus, sizeof(*rings->each));
    rings->heap = calloc(cpus, sizeof(struct ring *));
    if (!rings->each || !rings->heap)
        return error_system(error, -ENOMEM, "ebpf: cannot read the rings");
    rings->memory_size = cpus * value_size;
    rings->memory = mmap(NULL, rings->memory_size, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);
    if (rings->memory == MAP_FAILED) {
        int r = -errno;

        rings->memory = NULL;
        return error_system(error, r, "ebpf: cannot map the rings, %zu bytes", rings->memory_size);
    }
    rings->size = size;
    rings->count = cpus;
    for (unsigned i = 0; i < cpus; i++)
        rings->each[i].shared = (struct ebpf_ring *)(void *)((uint8_t *)rings->memory + i * value_size);
    return 0;
}

void rings_finish(struct rings *rings)
{
    if (rings->memory)
        munmap(rings->memory, rings->memory_size);
    free(rings->each);
    free((void *)rings->heap);
    *rings = (struct rings){0};
}

void rings_set_clock(struct rings *rings, uint64_t offset)
{
    for (unsigned i = 0; i < rings->count; i++)
        __atomic_store_n(&rings->each[i].shared->clock_offset, offset, __ATOMIC_RELAXED);
}

static size_t span_of(const uint8_t *record)
{
    return ((size_t)load_u16(record + offsetof(struct record_header, length), false) + 7) & ~(size_t)7;
}

/* Looks at the next record, if there is one. */
static void ring_peek(struct ring *ring)
{
    ring->head = NULL;
    if (ring->read == ring->seen)
        return;
    ring->head = ring->shared->data + ring->at;
    ring->head_time = load_u64(ring->head + offsetof(struct record_header, time), false);
}

static void ring_pop(struct ring *ring, size_t size)
{
    size_t span = span_of(ring->head);

    ring->read += span;
    ring->at = ring->at + span >= size ? 0 : ring->at + span;
    ring_peek(ring);
}

/* Sees what is new in a ring, and notes since when nothing older can come. A cpu that was taken away while it wrote is
 * waited for until the window is over. */
static void ring_look(struct ring *ring, uint64_t now)
{
    uint64_t first = __atomic_load_n(&ring->shared->produced, __ATOMIC_ACQUIRE);
    bool settled = false;

    for (int i = 0; i < LOOKS_MAX && !settled; i++) {
        bool writing = __atomic_load_n(&ring->shared->writing, __ATOMIC_ACQUIRE);

        ring->seen = __atomic_load_n(&ring->shared->produced, __ATOMIC_ACQUIRE);
        settled = !writing || ring->seen != first;
    }
    if (settled)
        ring->complete_to = now;
    else if (now - ring->complete_to > EBPF_WINDOW_NS)
        ring->complete_to = now - EBPF_WINDOW_NS;
    if (!ring->head)
        ring_peek(ring);
}

static void sift_down(struct rings *rings, unsigned i)
{
    struct ring *ring = rings->heap[i];

    for (;;) {
        unsigned child = 2 * i + 1;

        if (child >= rings->heap_count)
            break;
        if (child + 1 < rings->heap_count && rings->heap[child + 1]->head_time < rings->heap[child]->head_time)
            child++;
        if (ring->head_time <= rings->heap[child]->head_time)
            break;
        rings->heap[i] = rings->heap[child];
        i = child;
    }
    rings->heap[i] = ring;
}

static void make_heap(struct rings *rings)
{
    rings->heap_count = 0;
    for (unsigned i = 0; i < rings->count; i++) {
        if (rings->each[i].head)
            rings->heap[rings->heap_count++] = &rings->each[i];
    }
    for (unsigned i = rings->heap_count / 2; i-- > 0;)
        sift_down(rings, i);
}

uint64_t rings_turn(struct rings *rings, uint64_t now)
{
    uint64_t complete_to = now;

    for (unsigned i = 0; i < rings->count; i++) {
        struct ring *ring = &rings->each[i];

        __atomic_store_n(&ring->shared->consumed, ring->read, __ATOMIC_RELEASE);
        ring_look(ring, now);
        if (ring->complete_to < complete_to)
            complete_to = ring->complete_to;
    }
    make_heap(rings);
    return complete_to - SLACK_NS;
}

const uint8_t *rings_oldest(const struct rings *rings, uint64_t *ret_time)
{
    if (!rings->heap_count)
        return NULL;
    *ret_time = rings->heap[0]->head_time;
    return rings->heap[0]->head;
}

void rings_pop(struct rings *rings)
{
    ring_pop(rings->heap[0], rings->size);
    if (!rings->heap[0]->head)
        rings->heap[0] = rings->heap[--rings->heap_count];
    if (rings->heap_count)
        sift_down(rings, 0);
}

bool rings_await(struct rings *rings, bool idle)
{
    bool nothing = true;

    for (unsigned i = 0; i < rings->count; i++) {
        struct ring *ring = &rings->each[i];
        uint64_t wake_at = idle ? ring->seen : ring->read + rings->size / 2;

        __atomic_store_n(&ring->shared->wake_at, wake_at, __ATOMIC_SEQ_CST);
    }
    /* What was written before it could know of that. */
    for (unsigned i = 0; i < rings->count; i++) {
        const struct ring *ring = &rings->each[i];

        nothing = nothing && __atomic_load_n(&ring->shared->produced, __ATOMIC_SEQ_CST) == ring->seen && !ring->head;
    }
    return nothing;
}

uint64_t rings_used(const struct rings *rings)
{
    uint64_t used = 0;

    for (unsigned i = 0; i < rings->count; i++)
        used += __atomic_load_n(&rings->each[i].shared->produced, __ATOMIC_RELAXED) - rings->each[i].read;
    return used;
}
