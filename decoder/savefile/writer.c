// SPDX-License-Identifier: Apache-2.0
/*
 * A capture file in the making. The caller's thread copies records into a ring
 * (no lock, no system call while there is room); a thread of the writer's own
 * takes them out, compresses and writes.
 */

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sysfold/writer.h>

#include "common/cleanup.h"
#include "common/error.h"
#include "decoder/decode/event.h"
#include "ring.h"
#include "sink.h"

#define BLOCK_SIZE_DEFAULT (256u << 10)
#define BLOCK_SIZE_MIN (4u << 10)
#define BLOCK_SIZE_MAX (16u << 20)
#define RING_SIZE_MIN (1u << 20)
#define FLUSH_MS_DEFAULT 1000

/* An entry of the ring is a record, or (told by a length that no record has)
 * this: records from now on are of another source. Its name follows. */
struct source_entry {
    uint16_t unused;
    uint16_t length; /* 0 */
    uint32_t source;
    uint32_t swapped;
};
static_assert(offsetof(struct source_entry, length) == offsetof(struct record_header, length), "as in a record");

struct sysfold_writer {
    const struct sysfold_stream *stream;
    const char *backend;
    char *path;
    struct ring ring;
    struct sink sink; /* the thread's */
    uint32_t flush_ms;
    pthread_t thread;

    /* The caller's. */
    size_t threshold; /* bytes in the ring that are worth waking the thread for */
    size_t unsignalled;
    uint32_t source;
    bool swapped;
    bool has_source;

    pthread_mutex_t mutex;
    pthread_cond_t wake;  /* for the thread: something is to be done */
    pthread_cond_t drain; /* for the caller: there is room, it has begun, or it has failed */
    bool begun;
    bool starving; /* the caller waits for room */
    bool closing;
    bool has_status;
    int exit_status;
    int failure; /* read without the lock */
    struct sysfold_error error;
};

/* The thread. */

static int take_source(struct sysfold_writer *writer, const uint8_t *entry, struct sysfold_error *error)
{
    struct source_entry source;

    memcpy(&source, entry, sizeof(source));
    return sink_source(&writer->sink, source.source, (const char *)entry + sizeof(source), writer->backend,
                       source.swapped, error);
}

static int take_entry(struct sysfold_writer *writer, const uint8_t *entry, size_t size, struct sysfold_error *error)
{
    if (!load_u16(entry + offsetof(struct source_entry, length), false))
        return take_source(writer, entry, error);
    return sink_record(&writer->sink, entry, size, error);
}

static void give_back(struct sysfold_writer *writer)
{
    ring_give_back(&writer->ring);
    pthread_mutex_lock(&writer->mutex);
    writer->starving = false;
    pthread_cond_signal(&writer->drain);
    pthread_mutex_unlock(&writer->mutex);
}

/* Everything that is in the ring, into blocks. */
static int drain(struct sysfold_writer *writer, struct sysfold_error *error)
{
    const uint8_t *entry;
    size_t size, taken = 0;
    int r = 0;

    while (r == 0 && (entry = ring_next(&writer->ring, &size))) {
        r = take_entry(writer, entry, size, error);
        taken += size;
        if (taken >= writer->threshold) {
            give_back(writer);
            taken = 0;
        }
    }
    give_back(writer);
    return r;
}

static struct timespec time_after(uint32_t ms)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    time.tv_sec += ms / 1000;
    time.tv_nsec += (long)(ms % 1000) * 1000000;
    if (time.tv_nsec >= 1000000000) {
        time.tv_sec++;
        time.tv_nsec -= 1000000000;
    }
    return time;
}

static bool has_work(const struct sysfold_writer *writer)
{
    return writer->closing || writer->starving || ring_used(&writer->ring) >= writer->threshold;
}

/* Waits for work, at most until `until`; true: that was reached. */
static bool wait_for_work(struct sysfold_writer *writer, const struct timespec *until, bool *ret_closing)
{
    int r = 0;

    pthread_mutex_lock(&writer->mutex);
    while (!has_work(writer) && r != ETIMEDOUT)
        r = pthread_cond_timedwait(&writer->wake, &writer->mutex, until);
    *ret_closing = writer->closing;
    pthread_mutex_unlock(&writer->mutex);
    return r == ETIMEDOUT;
}

static int write_until_closed(struct sysfold_writer *writer, struct sysfold_error *error)
{
    struct timespec flush_at = time_after(writer->flush_ms);
    bool closing = false;
    int r = 0;

    while (r == 0 && !closing) {
        bool due = wait_for_work(writer, &flush_at, &closing);

        r = drain(writer, error);
        if (r == 0 && due) {
            r = sink_flush(&writer->sink, error);
            flush_at = time_after(writer->flush_ms);
        }
    }
    if (r < 0)
        return r;
    return sink_end(&writer->sink, writer->has_status ? &writer->exit_status : NULL, error);
}

static void tell(struct sysfold_writer *writer, int failure, const struct sysfold_error *error)
{
    pthread_mutex_lock(&writer->mutex);
    writer->begun = true;
    if (failure) {
        writer->error = *error;
        __atomic_store_n(&writer->failure, failure, __ATOMIC_RELEASE);
    }
    pthread_cond_signal(&writer->drain);
    pthread_mutex_unlock(&writer->mutex);
}

static void *run(void *data)
{
    struct sysfold_writer *writer = data;
    struct sysfold_error error = {0};
    int r = sink_begin(&writer->sink, sysfold_stream_schema(writer->stream), &error);

    if (r == 0) {
        tell(writer, 0, NULL);
        r = write_until_closed(writer, &error);
    }
    if (r < 0)
        tell(writer, r, &error);
    return NULL;
}

/* All signals are the caller's; and a write to a closed pipe or beyond a file size limit is an error, not a signal. */
static int start_thread(struct sysfold_writer *writer)
{
    sigset_t all, before;
    int r;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    r = pthread_create(&writer->thread, NULL, run, writer);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return -r;
}

/* The caller. */

static int check_options(const struct sysfold_writer_options *options, struct sysfold_writer_options *ret_options,
                         struct sysfold_error *error)
{
    struct sysfold_writer_options complete = {0};

    if (options && options->size < sizeof(complete.size))
        return error_set(error, -EINVAL, "the options' size field is not set");
    if (options)
        memcpy(&complete, options, options->size < sizeof(complete) ? options->size : sizeof(complete));
    if (complete.compression < -1 || complete.compression > 9)
        return error_set(error, -EINVAL, "there is no compression level %d (1 to 9, or -1 for none)",
                         complete.compression);
    complete.compression = complete.compression < 0 ? 0 : complete.compression ? complete.compression : 1;
    complete.block_size = complete.block_size ? complete.block_size : BLOCK_SIZE_DEFAULT;
    if (complete.block_size < BLOCK_SIZE_MIN || complete.block_size > BLOCK_SIZE_MAX)
        return error_set(error, -EINVAL, "a block of %u bytes is not between %u and %u", complete.block_size,
                         BLOCK_SIZE_MIN, BLOCK_SIZE_MAX);
    complete.flush_ms = complete.flush_ms ? complete.flush_ms : FLUSH_MS_DEFAULT;
    *ret_options = complete;
    return 0;
}

static void init_locks(struct sysfold_writer *writer)
{
    pthread_condattr_t attributes;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&writer->mutex, NULL);
    pthread_cond_init(&writer->wake, &attributes);
    pthread_cond_init(&writer->drain, NULL);
    pthread_condattr_destroy(&attributes);
}

static void writer_free(struct sysfold_writer *writer)
{
    pthread_cond_destroy(&writer->wake);
    pthread_cond_destroy(&writer->drain);
    pthread_mutex_destroy(&writer->mutex);
    ring_finish(&writer->ring);
    free(writer->path);
    free(writer);
}

static int writer_create(const char *path, const struct sysfold_stream *stream,
                         const struct sysfold_writer_options *options, struct sysfold_writer **ret_writer)
{
    struct sysfold_writer *writer = calloc(1, sizeof(*writer));
    size_t ring_size = RING_SIZE_MIN;

    if (!writer)
        return -ENOMEM;
    init_locks(writer);
    if (ring_size < 2 * (size_t)options->block_size)
        ring_size = 2 * (size_t)options->block_size;
    writer->stream = stream;
    writer->backend = sysfold_stream_backend(stream);
    writer->flush_ms = options->flush_ms;
    writer->threshold = options->block_size < RING_SIZE_MIN / 4 ? options->block_size : RING_SIZE_MIN / 4;
    writer->path = strdup(path);
    if (!writer->path || ring_init(&writer->ring, ring_size) < 0) {
        writer_free(writer);
        return -ENOMEM;
    }
    *ret_writer = writer;
    return 0;
}

static int report_failure(struct sysfold_writer *writer, struct sysfold_error *error)
{
    int failure = __atomic_load_n(&writer->failure, __ATOMIC_ACQUIRE);

    if (failure && error)
        *error = writer->error;
    return failure;
}

static int wait_begun(struct sysfold_writer *writer, struct sysfold_error *error)
{
    pthread_mutex_lock(&writer->mutex);
    while (!writer->begun)
        pthread_cond_wait(&writer->drain, &writer->mutex);
    pthread_mutex_unlock(&writer->mutex);
    return report_failure(writer, error);
}

int sysfold_writer_open(const char *path, const struct sysfold_stream *stream,
                        const struct sysfold_writer_options *options, struct sysfold_writer **ret_writer,
                        struct sysfold_error *error)
{
    struct sysfold_writer_options complete = {0};
    struct sink_options sink_options;
    struct sysfold_writer *writer;
    int r = check_options(options, &complete, error);

    if (r < 0)
        return r;
    r = writer_create(path, stream, &complete, &writer);
    if (r < 0)
        return error_system(error, r, "cannot create %s", path);
    sink_options = (struct sink_options){.compression = complete.compression, .block_size = complete.block_size};
    r = sink_open(&writer->sink, writer->path, &sink_options, error);
    if (r < 0) {
        writer_free(writer);
        return r;
    }
    r = start_thread(writer);
    if (r < 0) {
        (void)sink_close(&writer->sink, NULL);
        writer_free(writer);
        return error_system(error, r, "cannot start a thread that writes %s", path);
    }
    r = wait_begun(writer, error);
    if (r < 0) {
        (void)sysfold_writer_close(writer, NULL);
        return r;
    }
    *ret_writer = writer;
    return 0;
}

static void wait_for_room(struct sysfold_writer *writer)
{
    pthread_mutex_lock(&writer->mutex);
    writer->starving = true;
    pthread_cond_signal(&writer->wake);
    while (writer->starving && !writer->failure)
        pthread_cond_wait(&writer->drain, &writer->mutex);
    pthread_mutex_unlock(&writer->mutex);
}

static int add_entry(struct sysfold_writer *writer, const void *first, size_t first_size, const void *second,
                     size_t second_size, struct sysfold_error *error)
{
    int r = report_failure(writer, error);

    while (r == 0 && !ring_put(&writer->ring, first, first_size, second, second_size)) {
        wait_for_room(writer);
        r = report_failure(writer, error);
    }
    writer->unsignalled += first_size + second_size;
    if (writer->unsignalled < writer->threshold)
        return r;
    writer->unsignalled = 0;
    pthread_mutex_lock(&writer->mutex);
    pthread_cond_signal(&writer->wake);
    pthread_mutex_unlock(&writer->mutex);
    return r;
}

static int change_source(struct sysfold_writer *writer, const struct sysfold_event *event, struct sysfold_error *error)
{
    struct source_entry entry = {.source = event->source, .swapped = event->record.swapped};
    const char *name = event->source_name ? event->source_name : "unknown";

    writer->has_source = true;
    writer->source = event->source;
    writer->swapped = event->record.swapped;
    return add_entry(writer, &entry, sizeof(entry), name, strlen(name) + 1, error);
}

int sysfold_writer_put(struct sysfold_writer *writer, const struct sysfold_event *event, struct sysfold_error *error)
{
    if (!writer->has_source || writer->source != event->source || writer->swapped != event->record.swapped) {
        int r = change_source(writer, event, error);

        if (r < 0)
            return r;
    }
    return add_entry(writer, event->record.bytes, event->record.size, NULL, 0, error);
}

uint64_t sysfold_writer_bytes(const struct sysfold_writer *writer)
{
    return __atomic_load_n(&writer->sink.offset, __ATOMIC_RELAXED);
}

int sysfold_writer_close(struct sysfold_writer *writer, struct sysfold_error *error)
{
    int r, closed;

    if (!writer)
        return 0;
    pthread_mutex_lock(&writer->mutex);
    writer->has_status = sysfold_stream_exit_status(writer->stream, &writer->exit_status) == 0;
    writer->closing = true;
    pthread_cond_signal(&writer->wake);
    pthread_mutex_unlock(&writer->mutex);
    pthread_join(writer->thread, NULL);
    r = report_failure(writer, error);
    closed = sink_close(&writer->sink, r < 0 ? NULL : error);
    writer_free(writer);
    return r < 0 ? r : closed;
}
