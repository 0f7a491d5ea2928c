// SPDX-License-Identifier: Apache-2.0
#include "queue.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
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
 * practice; modulo the size they are places. All of it is one memfd, a page and
 * the ring, which whoever was not forked from us can be given.
 */

#define RING_MIN ((size_t)256 << 10)
#define RING_MAX ((size_t)1 << 36)
#define LINE 64
#define PAGE 4096
#define NEVER UINT64_MAX
#define GATHER_NS 2000000
#define PATIENCE_MS 1000
/* Kept free by every put, so that the end can always tell what was lost. */
#define LOST_ROOM 128
/* A bell's word: who rings because of records adds BELL_STEP, bell_ring() sets the bit below. */
#define BELL_CALLED 1U
#define BELL_STEP 2U

#ifndef MFD_NOEXEC_SEAL /* Linux 6.3, where vm.memfd_noexec may ask for it */
#define MFD_NOEXEC_SEAL 8U
#endif

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
static_assert(sizeof(struct shared) <= PAGE, "in front of the ring");

/* Private to each side, since it has a copy of its own after a fork and must not trust the other's. */
struct queue {
    struct shared *shared; /* first, as its head is: tests/unit/test-queue.c plays a mad producer */
    uint8_t *ring;
    size_t size;
    int fd;                 /* the memory's; -1 where it was attached to */
    pid_t owner;            /* whose descriptor that is: after a fork another file may have its number */
    _Atomic uint32_t *bell; /* rung when there are records: the shared page's, or that of many */

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
    atomic_fetch_add(bell, BELL_STEP);
    syscall(SYS_futex, bell, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

static int make_memory(size_t size, int *ret_fd)
{
    cleanup_close int fd = memfd_create("sysfold-queue", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);

    if (fd < 0 && errno == EINVAL)
        fd = memfd_create("sysfold-queue", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0 || ftruncate(fd, (off_t)(PAGE + size)) < 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
        return -errno;
    *ret_fd = steal_fd(&fd);
    return 0;
}

static int map_memory(struct queue *queue, int fd)
{
    void *shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    uint8_t *base;

    if (shared == MAP_FAILED)
        return -errno;
    queue->shared = shared;
    base = mmap(NULL, 2 * queue->size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED)
        return -errno;
    queue->ring = base;
    for (unsigned i = 0; i < 2; i++) {
        if (mmap(base + i * queue->size, queue->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, PAGE) ==
            MAP_FAILED)
            return -errno;
    }
    queue->bell = &queue->shared->records_bell;
    return 0;
}

static struct queue *queue_alloc(size_t size)
{
    struct queue *queue = aligned_alloc(LINE, sizeof(*queue));

    if (!queue)
        return NULL;
    memset(queue, 0, offsetof(struct queue, encoder));
    queue->size = size;
    queue->fd = -1;
    return queue;
}

int queue_create(size_t size, struct queue **ret_queue, struct sysfold_error *error)
{
    size_t rounded = RING_MIN;
    struct queue *queue;
    int r;

    if (size > RING_MAX)
        return error_set(error, -EINVAL, "a buffer of %zu bytes is more than %zu", size, RING_MAX);
    while (rounded < size)
        rounded *= 2;
    queue = queue_alloc(rounded);
    if (!queue)
        return error_system(error, -ENOMEM, "cannot make a buffer of %zu bytes", size);
    queue->owner = getpid();
    r = make_memory(rounded, &queue->fd);
    if (r == 0)
        r = map_memory(queue, queue->fd);
    if (r < 0) {
        error_system(error, r, "cannot map a buffer of %zu bytes", rounded);
        queue_destroy(queue);
        return r;
    }
    atomic_init(&queue->shared->wake_at, NEVER);
    atomic_init(&queue->shared->room_at, NEVER);
    *ret_queue = queue;
    return 0;
}

int queue_fd(const struct queue *queue)
{
    return queue->fd;
}

/* What can shrink could be taken away from under us. */
static bool is_queue_memory(int fd, size_t *ret_size)
{
    int seals = fcntl(fd, F_GET_SEALS);
    struct stat stat;
    uint64_t size;

    if (seals < 0 || !(seals & F_SEAL_SHRINK) || !(seals & F_SEAL_GROW) || fstat(fd, &stat) < 0 || stat.st_size < PAGE)
        return false;
    size = (uint64_t)stat.st_size - PAGE;
    *ret_size = (size_t)size;
    return size >= RING_MIN && size <= RING_MAX && (size & (size - 1)) == 0;
}

int queue_attach(int fd, struct queue **ret_queue, struct sysfold_error *error)
{
    struct queue *queue;
    size_t size;
    int r;

    if (!is_queue_memory(fd, &size))
        return error_set(error, -EBADF, "a descriptor is not that of a queue's memory");
    queue = queue_alloc(size);
    if (!queue)
        return error_system(error, -ENOMEM, "cannot attach to a buffer of %zu bytes", size);
    r = map_memory(queue, fd);
    if (r < 0) {
        error_system(error, r, "cannot map a buffer of %zu bytes", size);
        queue_destroy(queue);
        return r;
    }
    queue->consumer.tail = queue->producer.tail = atomic_load(&queue->shared->tail);
    queue->producer.head = atomic_load(&queue->shared->head);
    *ret_queue = queue;
    return 0;
}

void queue_share_bell(struct queue *queue, _Atomic uint32_t *bell)
{
    queue->bell = bell;
}

void queue_destroy(struct queue *queue)
{
    if (!queue)
        return;
    if (queue->ring)
        munmap(queue->ring, 2 * queue->size);
    if (queue->shared)
        munmap(queue->shared, PAGE);
    if (queue->fd >= 0 && queue->owner == getpid())
        close(queue->fd);
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
        ring_bell(&shared->wake_at, queue->bell);
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
    ring_bell(&shared->wake_at, queue->bell);
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

/* What a consumer sleeps for. */
struct sleeper {
    struct queue *const *queues; /* each with the same bell */
    size_t count;
    _Atomic uint32_t *bell;
    uint32_t heeds; /* BELL_CALLED: by bell_ring() it is woken too */
};

static uint64_t enough(const struct queue *queue, bool quarter)
{
    return quarter ? queue->size / 4 : 1;
}

static bool is_any_filled(const struct sleeper *sleeper, bool quarter)
{
    for (size_t i = 0; i < sleeper->count; i++) {
        const struct queue *queue = sleeper->queues[i];

        if (waiting(queue) >= enough(queue, quarter) || atomic_load(&queue->shared->ended))
            return true;
    }
    return atomic_load(sleeper->bell) & sleeper->heeds;
}

static void wish(const struct sleeper *sleeper, bool quarter)
{
    for (size_t i = 0; i < sleeper->count; i++) {
        struct queue *queue = sleeper->queues[i];

        atomic_store(&queue->shared->wake_at, queue->consumer.tail + enough(queue, quarter));
    }
}

/* Until some queue has a record, or a quarter of what it can have, some queue has ended, or the deadline passes. */
static int sleep_until_filled(const struct sleeper *sleeper, bool quarter, uint64_t deadline)
{
    int r = 0;

    while (r == 0) {
        uint32_t seen = atomic_load(sleeper->bell);

        wish(sleeper, quarter);
        if (is_any_filled(sleeper, quarter))
            break;
        r = futex_sleep(sleeper->bell, seen, deadline);
    }
    for (size_t i = 0; i < sleeper->count; i++)
        atomic_store(&sleeper->queues[i]->shared->wake_at, NEVER);
    return r;
}

static bool are_idle(const struct sleeper *sleeper)
{
    bool idle = true;

    for (size_t i = 0; i < sleeper->count; i++)
        idle = idle && sleeper->queues[i]->consumer.idle;
    return idle;
}

/* A queue that was busy a moment ago naps until it is a quarter full, and
 * nobody has to wake it; only after a nap in which nothing came does it ask to be
 * woken by the next record, and then gives more of them a moment to come. */
static int await_records(const struct sleeper *sleeper, int timeout_ms)
{
    uint64_t deadline = deadline_after(timeout_ms);
    uint64_t nap = now_ns() + GATHER_NS;
    int r = -ETIMEDOUT;

    if (!are_idle(sleeper))
        r = sleep_until_filled(sleeper, true, nap < deadline ? nap : deadline);
    if (r == -ETIMEDOUT && !is_any_filled(sleeper, false)) {
        for (size_t i = 0; i < sleeper->count; i++)
            sleeper->queues[i]->consumer.idle = true;
        r = sleep_until_filled(sleeper, false, deadline);
        if (r == 0)
            r = sleep_until_filled(sleeper, true, now_ns() + GATHER_NS);
    }
    return r;
}

int queue_wait_any(struct queue *const *queues, size_t count, _Atomic uint32_t *bell, int timeout_ms)
{
    struct sleeper sleeper = {.queues = queues, .count = count, .bell = bell, .heeds = BELL_CALLED};
    int r = -ETIMEDOUT;

    for (size_t i = 0; i < count; i++)
        give_back(queues[i]);
    if (!is_any_filled(&sleeper, false) && timeout_ms != 0)
        r = await_records(&sleeper, timeout_ms);
    if (is_any_filled(&sleeper, false)) {
        /* Whatever it was rung for, the caller looks now; who rings from here on is heard by the next wait. */
        if (atomic_load(bell) & BELL_CALLED)
            atomic_fetch_and(bell, ~BELL_CALLED);
        return 0;
    }
    return r == -EINTR ? -EINTR : -ETIMEDOUT;
}

void bell_ring(_Atomic uint32_t *bell)
{
    atomic_fetch_or(bell, BELL_CALLED);
    syscall(SYS_futex, bell, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

int queue_get(struct queue *queue, int timeout_ms, const uint8_t **ret_records, size_t *ret_size)
{
    struct sleeper sleeper = {.queues = &queue, .count = 1, .bell = queue->bell};
    uint64_t size;
    bool ended;
    int r = 0;

    give_back(queue);
    if (!waiting(queue) && !atomic_load(&queue->shared->ended) && timeout_ms != 0)
        r = await_records(&sleeper, timeout_ms);
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
