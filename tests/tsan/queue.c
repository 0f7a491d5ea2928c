// SPDX-License-Identifier: Apache-2.0
/*
 * The queue under load, as a program of its own because Criterion does not run
 * under ThreadSanitizer: two threads, then two processes, millions of bytes in
 * records of random sizes, with the producer waiting for room and without.
 * What comes out is what went in, and what is missing is told.
 */

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "backends/queue.h"
#include "common/encode.h"
#include "decoder/decode/record.h"

#define RECORDS 200000

#define EXPECT(condition)                                                                                              \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            (void)fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                              \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

struct run {
    struct queue *queue;
    bool patient; /* waits for room, rather than lose */
    bool slow;    /* pauses now and then, so that the consumer goes to sleep */
    uint32_t seed;
};

static uint32_t next_random(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

static void pause_for(long ns)
{
    struct timespec time = {.tv_nsec = ns};

    nanosleep(&time, NULL);
}

/* Record `number`: its size and bytes follow from the number and the seed alone. */
static size_t make_record(uint8_t *to, uint64_t number, uint32_t seed)
{
    uint32_t random = (uint32_t)number * 2654435761U ^ seed;
    size_t size = 16 + next_random(&random) % (number % 97 ? 200 : 20000);
    struct record_header header = {.type = ROW_MARKER, .length = (uint16_t)size, .time = number};

    memcpy(to, &header, sizeof(header));
    memset(to + sizeof(header), (int)(random & 0xff), size - sizeof(header));
    return size;
}

static void put(const struct run *run, uint64_t number)
{
    static _Thread_local uint8_t record[RECORD_SIZE_MAX];
    size_t size = make_record(record, number, run->seed);

    while (!queue_put(run->queue, record, size)) {
        if (!run->patient) {
            queue_lose(run->queue, number);
            return;
        }
        (void)queue_wait_room(run->queue, size, -1);
    }
}

static void *produce(void *data)
{
    const struct run *run = data;

    for (uint64_t number = 0; number < RECORDS; number++) {
        put(run, number);
        if (run->slow && number % 5000 == 0)
            pause_for(4000000);
    }
    queue_end(run->queue);
    return NULL;
}

struct seen {
    uint64_t next, lost;
};

static void see_lost(struct seen *seen, const uint8_t *bytes, size_t size)
{
    struct record record;
    struct sysfold_value count, from;

    EXPECT(record_read(&record, sysfold_schema_builtin(), bytes, size, false) > 0);
    EXPECT(record_param(&record, P_LOST_count, &count) == 0 && record_param(&record, P_LOST_from, &from) == 0);
    EXPECT(from.u == seen->next);
    EXPECT(record.time == seen->next + count.u - 1);
    seen->next += count.u;
    seen->lost += count.u;
}

static void see_span(const struct run *run, struct seen *seen, const uint8_t *bytes, size_t size)
{
    static uint8_t expected[RECORD_SIZE_MAX];

    while (size) {
        struct record_header header;

        EXPECT(size >= sizeof(header));
        memcpy(&header, bytes, sizeof(header));
        EXPECT(header.length <= size);
        if (header.type == ROW_MARKER) {
            EXPECT(make_record(expected, seen->next++, run->seed) == header.length);
            EXPECT(memcmp(expected, bytes, header.length) == 0);
        } else {
            see_lost(seen, bytes, size);
        }
        bytes += header.length;
        size -= header.length;
    }
}

static void consume(const struct run *run)
{
    struct seen seen = {0};
    const uint8_t *bytes;
    size_t size;
    int r;

    /* However slow the producer is, something is lost. */
    while (!run->patient && !queue_lost(run->queue))
        pause_for(1000000);
    while ((r = queue_get(run->queue, 500, &bytes, &size)) != 0) {
        EXPECT(r == 1 || r == -EAGAIN);
        if (r != 1)
            continue;
        see_span(run, &seen, bytes, size);
        if (!run->patient)
            pause_for(1000000); /* so that more is lost */
    }
    EXPECT(seen.next == RECORDS);
    EXPECT(seen.lost == queue_lost(run->queue));
    EXPECT(!run->patient == (seen.lost > 0));
    EXPECT(queue_used(run->queue) == 0);
}

static void run_threads(struct run *run)
{
    pthread_t producer;

    EXPECT(pthread_create(&producer, NULL, produce, run) == 0);
    consume(run);
    EXPECT(pthread_join(producer, NULL) == 0);
}

static void run_processes(struct run *run)
{
    pid_t child = fork();
    int status;

    EXPECT(child >= 0);
    if (child == 0) {
        produce(run);
        _exit(0);
    }
    consume(run);
    EXPECT(waitpid(child, &status, 0) == child && status == 0);
}

/* Several producers, one consumer that sleeps for all of them, and somebody who wakes it for another reason. */

#define SEVERAL 4
#define CALLS 300

static _Atomic uint32_t bell;
static _Atomic unsigned called;

static void *call(void *data)
{
    (void)data;
    for (unsigned i = 0; i < CALLS; i++) {
        called++;
        bell_ring(&bell);
        pause_for(1000000);
    }
    return NULL;
}

/* False: it has ended. */
static bool take(const struct run *run, struct seen *seen)
{
    const uint8_t *bytes;
    size_t size;
    int r = queue_get(run->queue, 0, &bytes, &size);

    EXPECT(r == 1 || r == 0 || r == -EAGAIN);
    if (r == 1)
        see_span(run, seen, bytes, size);
    return r != 0;
}

/* All that was called for is seen when the waiting ends, so that nobody sleeps on a call that was not heard. */
static void consume_several(struct run *runs)
{
    struct queue *queues[SEVERAL];
    struct seen seen[SEVERAL] = {0};
    size_t count = SEVERAL;
    unsigned heard = 0;

    for (size_t i = 0; i < SEVERAL; i++)
        queues[i] = runs[i].queue;
    while (count || heard < CALLS) {
        /* Nobody leaves us without news for so long. */
        EXPECT(queue_wait_any(queues, count, &bell, 60000) == 0);
        heard = called;
        for (size_t i = 0, next = 0; i < SEVERAL && next < count; i++) {
            if (runs[i].queue != queues[next])
                continue;
            if (take(&runs[i], &seen[i]))
                next++;
            else
                memmove(&queues[next], &queues[next + 1], (--count - next) * sizeof(queues[0]));
        }
    }
    for (size_t i = 0; i < SEVERAL; i++)
        EXPECT(seen[i].next == RECORDS && seen[i].lost == 0);
}

/* In every kind of run one producer is busy, and the others have pauses. */
static void run_several(void)
{
    struct run runs[SEVERAL];
    pthread_t threads[SEVERAL], caller;

    for (unsigned i = 0; i < SEVERAL; i++) {
        runs[i] = (struct run){.patient = true, .slow = i > 0, .seed = i + 20};
        EXPECT(queue_create(0, &runs[i].queue, NULL) == 0);
        queue_share_bell(runs[i].queue, &bell);
    }
    for (unsigned i = 0; i < SEVERAL; i++)
        EXPECT(pthread_create(&threads[i], NULL, produce, &runs[i]) == 0);
    EXPECT(pthread_create(&caller, NULL, call, NULL) == 0);
    consume_several(runs);
    for (unsigned i = 0; i < SEVERAL; i++) {
        EXPECT(pthread_join(threads[i], NULL) == 0);
        queue_destroy(runs[i].queue);
    }
    EXPECT(pthread_join(caller, NULL) == 0);
}

int main(void)
{
    run_several();
    for (unsigned kind = 0; kind < 8; kind++) {
        struct run run = {.patient = kind & 1, .slow = kind & 2, .seed = kind + 1};

        EXPECT(queue_create(0, &run.queue, NULL) == 0);
        if (kind & 4)
            run_processes(&run);
        else
            run_threads(&run);
        queue_destroy(run.queue);
    }
    return 0;
}
