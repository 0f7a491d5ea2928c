// SPDX-License-Identifier: Apache-2.0
/*
 * The consumer's side of the kernel's ring buffers, read in place:
 *
 *   page 0      page 1      pages 2 ...             ... once more
 *   +----------+-----------+-----------------------+-----------------------+
 *   | consumer | producer  |  data                 |  the same data        |
 *   +----------+-----------+-----------------------+-----------------------+
 *     we write    we read
 *
 * A sample is a word with its length and two flags, a word of the kernel's,
 * and the bytes, up to a multiple of eight.
 */

#include <errno.h>
#include <linux/bpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "backends/ebpf/internal.h"
#include "common/error.h"
#include "common/record.h"

static size_t page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

/* The largest power of two of pages within its share; at least one page. */
static size_t ring_size(size_t buffer_size, unsigned count)
{
    size_t size = page_size(), most = (size_t)1 << 30;

    while (size * 2 <= buffer_size / count && size < most)
        size *= 2;
    return size;
}

static int ring_map(struct ring *ring)
{
    void *memory = mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, 0);

    if (memory == MAP_FAILED)
        return -errno;
    ring->consumer = memory;
    memory = mmap(NULL, page_size() + 2 * ring->size, PROT_READ, MAP_SHARED, ring->fd, (off_t)page_size());
    if (memory == MAP_FAILED)
        return -errno;
    ring->producer = memory;
    ring->data = (const uint8_t *)memory + page_size();
    return 0;
}

static int ring_create(struct ring *ring, size_t size)
{
    *ring = (struct ring){.size = size};
    ring->fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "sysfold_ring", 0, 0, (uint32_t)size, NULL);
    return ring->fd < 0 ? ring->fd : ring_map(ring);
}

int rings_create(struct rings *rings, size_t buffer_size, struct sysfold_error *error)
{
    int cpus = libbpf_num_possible_cpus();
    unsigned wanted = cpus < 1 ? 1 : cpus > EBPF_RINGS_MAX ? EBPF_RINGS_MAX : (unsigned)cpus;
    size_t size = ring_size(buffer_size, wanted);

    while (rings->count < wanted) {
        int r = ring_create(&rings->each[rings->count], size);

        rings->fds[rings->count] = rings->each[rings->count].fd;
        rings->count++;
        if (r < 0)
            return error_system(error, r, "ebpf: cannot make a ring buffer of %zu bytes", size);
    }
    return 0;
}

void rings_finish(struct rings *rings)
{
    for (unsigned i = 0; i < rings->count; i++) {
        struct ring *ring = &rings->each[i];

        if (ring->producer)
            munmap((void *)(uintptr_t)ring->producer, page_size() + 2 * ring->size);
        if (ring->consumer)
            munmap(ring->consumer, page_size());
        if (ring->fd >= 0)
            close(ring->fd);
    }
    rings->count = 0;
}

static size_t span_of(uint32_t word)
{
    size_t length = word & ~(uint32_t)(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);

    return (length + BPF_RINGBUF_HDR_SZ + 7) & ~(size_t)7;
}

/* Looks at the next sample, over those that were given up. What is still being written ends the look: so the
 * records of a ring stay in their order. */
static void ring_look(struct ring *ring)
{
    uint64_t end = __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE);

    ring->head = NULL;
    while (ring->at < end) {
        const uint8_t *sample = ring->data + (ring->at & (ring->size - 1));
        uint32_t word = __atomic_load_n((const uint32_t *)(const void *)sample, __ATOMIC_ACQUIRE);

        if (word & BPF_RINGBUF_BUSY_BIT)
            return;
        if (!(word & BPF_RINGBUF_DISCARD_BIT)) {
            ring->head = sample + BPF_RINGBUF_HDR_SZ;
            ring->head_time = load_u64(ring->head + offsetof(struct record_header, time), false);
            ring->head_span = span_of(word);
            return;
        }
        ring->at += span_of(word);
    }
}

void rings_next(struct ring *ring)
{
    ring->at += ring->head_span;
    ring_look(ring);
}

struct ring *rings_oldest(struct rings *rings)
{
    struct ring *oldest = NULL;

    for (unsigned i = 0; i < rings->count; i++) {
        struct ring *ring = &rings->each[i];

        if (ring->head && (!oldest || ring->head_time < oldest->head_time))
            oldest = ring;
    }
    return oldest;
}

void rings_turn(struct rings *rings)
{
    for (unsigned i = 0; i < rings->count; i++) {
        struct ring *ring = &rings->each[i];

        if (!ring->head)
            ring_look(ring);
        if (ring->at != *ring->consumer)
            __atomic_store_n(ring->consumer, ring->at, __ATOMIC_RELEASE);
    }
}

uint64_t rings_used(const struct rings *rings)
{
    uint64_t used = 0;

    for (unsigned i = 0; i < rings->count; i++)
        used += __atomic_load_n(rings->each[i].producer, __ATOMIC_RELAXED) - rings->each[i].at;
    return used;
}
