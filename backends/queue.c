// SPDX-License-Identifier: Apache-2.0
#include "queue.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "common/encode.h"
#include "common/error.h"

/*
 *   struct shared        the ring              the ring again
 *   +-----------------+  +------------------+------------------+
 *   | head tail bells |  |  ...abcdef       |  ...abcdef       |
 *   +-----------------+  +------------------+------------------+
 *
 * The ring is mapped twice, one behind the other, so that a span that wraps is
 * still one span. Counters count bytes since the beginning and never wrap in
 * practice; modulo the size they are places.
 */

#define RING_MIN ((size_t)256 << 10)
#define RING_MAX ((size_t)1 << 36)
#define LINE 64
#define NEVER UINT64_MAX
#define GATHER_NS 2000000
#define PATIENCE_MS 1000
/* Kept free by every put, so that the end can always tell what was lost. */
#define LOST_ROOM 128

/* What both sides touch. Each line has one side that writes it while things go well. */
struct shared {
    alignas(LINE) _Atomic uint64_t head; /* bytes put */
    _Atomic uint64_t lost;
    _Atomic uint32_t ended;
    alignas(LINE) _Atomic uint64_t tail; /* bytes taken */
    /* Written when somebody goes to sleep or is woken, read all the time. */
    alignas(LINE) _Atomic uint64_t wake_at; /* the head at which the consumer wants to be woken */
    _Atomic uint32_t records_bell;          /* a futex: rung when there are records */
    alignas(LINE) _Atomic uint64_t room_at; /* the tail at which the producer wants to be woken */
    _Atomic uint32_t room_bell;             /* a futex: rung when there is room */
};

/* Private to each side, since it has a copy of its own after a fork and must not trust the other's. */
struct queue {
    struct shared *shared; /* first, as its head is: tests/unit/test-queue.c plays a mad producer */
    uint8_t *ring;
    size_t size;

    struct {
        alignas(LINE) uint64_t head;
        uint64_t tail; /* as it was when last looked at */
        uint64_t lost_count, lost_from, lost_to;
    } producer;
    struct {
        alignas(LINE) uint64_t tail;
        uint64_t taken; /* bytes of the span that the caller has */
        bool idle;      /* nothing came during the last nap */
    } consumer;
    alignas(LINE) struct encoder encoder; /* the producer's, for LOST records */
};

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Until the futex is no longer `seen`, the deadline passes (-ETIMEDOUT) or a signal comes (-EINTR).
 * Not FUTEX_PRIVATE_FLAG: the other side may be another process. */
static int futex_sleep(_Atomic uint32_t *futex, uint32_t seen, uint64_t deadline)
{
    struct timespec until = {.tv_sec = (time_t)(deadline / 1000000000), .tv_nsec = (long)(deadline % 1000000000)};

    if (syscall(SYS_futex, futex, FUTEX_WAIT_BITSET, seen, &until, NULL, FUTEX_BITSET_MATCH_ANY) == 0)
        return 0;
    return errno == EAGAIN ? 0 : -errno;
}

/* The sleeper reads the bell before it says when it wants to be woken, and here
 * that wish is cleared before the bell is rung: whoever's wish was cleared by
 * mistake finds the bell changed and does not sleep. */
static void ring_bell(_Atomic uint64_t *wish, _Atomic uint32_t *bell)
{
    atomic_store(wish, NEVER);
    atomic_fetch_add(bell, 1);
    syscall(SYS_futex, bell, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/* One mapping of all of it twice: mremap() of nothing duplicates a shared mapping. */
static int map_ring(struct queue *queue)
{
    uint8_t *base = mmap(NULL, 2 * queue->size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (base == MAP_FAILED)
        return -errno;
    queue->ring = base;
    if (mmap(base, queue->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
        return -errno;
    if (mremap(base, 0, queue->size, MREMAP_MAYMOVE | MREMAP_FIXED, base + queue->size) == MAP_FAILED)
        return -errno;
    return 0;
}

static int map_shared(struct queue *queue)
{
    struct shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (shared == MAP_FAILED)
        return -errno;
    atomic_init(&shared->wake_at, NEVER);
    atomic_init(&shared->room_at, NEVER);
    queue->shared = shared;
    return 0;
}

int queue_create(size_t size, struct queue **ret_queue, struct sysfold_error *error)
{
    struct queue *queue;
    int r;

    if (size > RING_MAX)
        return error_set(error, -EINVAL, "a buffer of %zu bytes is more than %zu", size, RING_MAX);
    queue = aligned_alloc(LINE, sizeof(*queue));
    if (!queue)
        return error_system(error, -ENOMEM, "cannot make a buffer of %zu bytes", size);
    memset(queue, 0, offsetof(struct queue, encoder));
    for (queue->size = RING_MIN; queue->size < size;)
        queue->size *= 2;
    r = map_shared(queue);
    if (r == 0)
        r = map_ring(queue);
    if (r < 0) {
        error_system(error, r, "cannot map a buffer of %zu bytes", queue->size);
        queue_destroy(queue);
        return r;
    }
    *ret_queue = queue;
    return 0;
}

void queue_destroy(struct queue *queue)
{
    if (!queue)
        return;
    if (queue->ring)
        munmap(queue->ring, 2 * queue->size);
    if (queue->shared)
        munmap(queue->shared, sizeof(*queue->shared));
    free(queue);
}

/* Is there room for that much, and a last LOST record? Looks at the consumer's counter only when it must. */
static bool has_room(struct queue *queue, size_t size)
{
    uint64_t wanted = queue->producer.head + size + LOST_ROOM;

    if (wanted - queue->producer.tail <= queue->size)
        return true;
    queue->producer.tail = atomic_load_explicit(&queue->shared->tail, memory_order_acquire);
    return wanted - queue->producer.tail <= queue->size;
}

static void lay(struct queue *queue, const uint8_t *record, size_t size)
{
    memcpy(queue->ring + (queue->producer.head & (queue->size - 1)), record, size);
    queue->producer.head += size;
}

/* The stores and loads of head and wake_at are all sequentially consistent:
 * either we see the consumer's wish, or it sees our record and does not sleep. */
static void publish(struct queue *queue)
{
    struct shared *shared = queue->shared;

    atomic_store(&shared->head, queue->producer.head);
    if (queue->producer.head >= atomic_load(&shared->wake_at))
        ring_bell(&shared->wake_at, &shared->records_bell);
}

static void lay_lost(struct queue *queue)
{
    struct encoder *encoder = &queue->encoder;
    const uint8_t *record;
    size_t size;

    encoder_begin(encoder, row_builtin(ROW_LOST), 0, queue->producer.lost_to);
    encoder_integer(encoder, P_LOST_count, (int64_t)queue->producer.lost_count);
    encoder_integer(encoder, P_LOST_from, (int64_t)queue->producer.lost_from);
    encoder_integer(encoder, P_LOST_to, (int64_t)queue->producer.lost_to);
    encoder_string(encoder, P_LOST_cause, "buffer full");
    record = encoder_finish(encoder, &size);
    assert(size <= LOST_ROOM);
    lay(queue, record, size);
    queue->producer.lost_count = 0;
}

static size_t room_needed(const struct queue *queue, size_t size)
{
    return queue->producer.lost_count ? size + LOST_ROOM : size;
}

bool queue_put(struct queue *queue, const uint8_t *record, size_t size)
{
    if (!has_room(queue, room_needed(queue, size)))
        return false;
    if (queue->producer.lost_count)
        lay_lost(queue);
    lay(queue, record, size);
    publish(queue);
    return true;
}

static uint64_t deadline_after(int timeout_ms)
{
    return now_ns() + (uint64_t)(timeout_ms < 0 ? PATIENCE_MS : timeout_ms) * 1000000;
}

int queue_wait_room(struct queue *queue, size_t size, int timeout_ms)
{
    struct shared *shared = queue->shared;
    size_t needed = room_needed(queue, size);
    uint64_t deadline;

    if (needed > queue->size - LOST_ROOM)
        return -EMSGSIZE;
    if (has_room(queue, needed))
        return 0;
    deadline = deadline_after(timeout_ms);
    for (;;) {
        uint32_t seen = atomic_load(&shared->room_bell);
        int r;

        atomic_store(&shared->room_at, queue->producer.head + needed + LOST_ROOM - queue->size);
        queue->producer.tail = atomic_load(&shared->tail);
        r = has_room(queue, needed) ? 0 : futex_sleep(&shared->room_bell, seen, deadline);
        if (has_room(queue, needed))
            r = 0;
        else if (r == 0)
            continue;
        atomic_store(&shared->room_at, NEVER);
        return r;
    }
}

void queue_lose(struct queue *queue, uint64_t time)
{
    if (queue->producer.lost_count == 0)
        queue->producer.lost_from = time;
    queue->producer.lost_to = time;
    queue->producer.lost_count++;
    atomic_fetch_add_explicit(&queue->shared->lost, 1, memory_order_relaxed);
}

void queue_end(struct queue *queue)
{
    struct shared *shared = queue->shared;

    if (atomic_load(&shared->ended))
        return;
    if (queue->producer.lost_count) {
        lay_lost(queue);
        atomic_store(&shared->head, queue->producer.head);
    }
    atomic_store(&shared->ended, 1);
    ring_bell(&shared->wake_at, &shared->records_bell);
}

static void give_back(struct queue *queue)
{
    struct shared *shared = queue->shared;

    if (!queue->consumer.taken)
        return;
    queue->consumer.tail += queue->consumer.taken;
    queue->consumer.taken = 0;
    atomic_store(&shared->tail, queue->consumer.tail);
    if (queue->consumer.tail >= atomic_load(&shared->room_at))
        ring_bell(&shared->room_at, &shared->room_bell);
}

/* How many bytes are there? More than there can be: NEVER. */
static uint64_t waiting(const struct queue *queue)
{
    uint64_t size = atomic_load(&queue->shared->head) - queue->consumer.tail;

    return size <= queue->size ? size : NEVER;
}

/* Until so many bytes are there, the queue has ended, or the deadline passes. */
static int sleep_until_filled(struct queue *queue, uint64_t size, uint64_t deadline)
{
    struct shared *shared = queue->shared;
    int r = 0;

    while (r == 0) {
        uint32_t seen = atomic_load(&shared->records_bell);

        atomic_store(&shared->wake_at, queue->consumer.tail + size);
        if (waiting(queue) >= size || atomic_load(&shared->ended))
            break;
        r = futex_sleep(&shared->records_bell, seen, deadline);
    }
    atomic_store(&shared->wake_at, NEVER);
    return r;
}

/* A queue that was busy a moment ago naps until it is a quarter full, and
 * nobody has to wake it; only after a nap in which nothing came does it ask to be
 * woken by the next record, and then gives more of them a moment to come. */
static int await_records(struct queue *queue, int timeout_ms)
{
    uint64_t quarter = queue->size / 4;
    uint64_t deadline = deadline_after(timeout_ms);
    uint64_t nap = now_ns() + GATHER_NS;
    int r = -ETIMEDOUT;

    if (!queue->consumer.idle)
        r = sleep_until_filled(queue, quarter, nap < deadline ? nap : deadline);
    if (r == -ETIMEDOUT && !waiting(queue) && !atomic_load(&queue->shared->ended)) {
        queue->consumer.idle = true;
        r = sleep_until_filled(queue, 1, deadline);
        if (r == 0)
            r = sleep_until_filled(queue, quarter, now_ns() + GATHER_NS);
    }
    return r;
}

int queue_get(struct queue *queue, int timeout_ms, const uint8_t **ret_records, size_t *ret_size)
{
    uint64_t size;
    bool ended;
    int r = 0;

    give_back(queue);
    if (!waiting(queue) && !atomic_load(&queue->shared->ended) && timeout_ms != 0)
        r = await_records(queue, timeout_ms);
    ended = atomic_load(&queue->shared->ended); /* before the head: what came before the end is not missed */
    size = waiting(queue);
    if (size == NEVER)
        return -EBADMSG;
    if (size == 0)
        return ended ? 0 : r == -EINTR ? -EINTR : -EAGAIN;
    queue->consumer.idle = false;
    queue->consumer.taken = size;
    *ret_records = queue->ring + (queue->consumer.tail & (queue->size - 1));
    *ret_size = size;
    return 1;
}

uint64_t queue_lost(const struct queue *queue)
{
    return atomic_load_explicit(&queue->shared->lost, memory_order_relaxed);
}

uint64_t queue_used(const struct queue *queue)
{
    uint64_t tail = atomic_load_explicit(&queue->shared->tail, memory_order_relaxed);
    uint64_t used = atomic_load_explicit(&queue->shared->head, memory_order_relaxed) - tail;

    return used <= queue->size ? used : 0;
}
