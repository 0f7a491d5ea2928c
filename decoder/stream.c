// SPDX-License-Identifier: Apache-2.0
/* A stream: batches from a feed, one event after another, each with its state. */

#include "decoder/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "decoder/state/state.h"

struct sysfold_stream {
    struct feed feed;
    struct state *state; /* NULL without state */
    struct batch batch;  /* what is left of it */
    const char *source_name;
    struct sysfold_event event;
    struct sysfold_stats stats;
    int failure; /* met within a batch, reported by the next fetch */
};

int stream_create(const struct feed *feed, bool no_state, bool keep_exited, struct sysfold_stream **ret_stream,
                  struct sysfold_error *error)
{
    struct sysfold_stream *stream = calloc(1, sizeof(*stream));
    int r = stream ? 0 : -ENOMEM;

    if (!r && !no_state)
        r = state_create(feed->schema, keep_exited, &stream->state);
    if (r < 0) {
        free(stream);
        feed->close(feed->data);
        return error_system(error, r, "cannot open a stream");
    }
    stream->feed = *feed;
    *ret_stream = stream;
    return 0;
}

void sysfold_stream_close(struct sysfold_stream *stream)
{
    if (!stream)
        return;
    state_destroy(stream->state);
    stream->feed.close(stream->feed.data);
    free(stream);
}

int sysfold_stream_fetch(struct sysfold_stream *stream, int timeout_ms, struct sysfold_error *error)
{
    int r;

    if (stream->failure)
        return error_system(error, stream->failure, "cannot follow the stream's state");
    if (stream->batch.size || stream->batch.count)
        return 1;
    r = stream->feed.next_batch(stream->feed.data, timeout_ms, &stream->batch, error);
    if (r <= 0)
        return r;
    stream->source_name =
        stream->feed.source_name ? stream->feed.source_name(stream->feed.data, stream->batch.source) : "host";
    return 1;
}

static void count(struct sysfold_stream *stream, const struct record *record)
{
    if (!stream->stats.first_time)
        stream->stats.first_time = record->time;
    if (record->time > stream->stats.last_time)
        stream->stats.last_time = record->time;
    stream->stats.bytes += record->size;
    if (record->number == ROW_LOST)
        stream->stats.lost += (uint64_t)record_integer(record, P_LOST_count, 0);
    else
        stream->stats.events++;
}

/* Of a span that is not what it should be, the rest cannot be trusted. */
static bool read_from_span(struct sysfold_stream *stream, struct batch *batch)
{
    int size = record_read(&stream->event.record, stream->feed.schema, batch->records, batch->size, batch->swapped);

    if (size < 0) {
        stream->stats.damaged++;
        batch->size = 0;
        return false;
    }
    batch->records += size;
    batch->size -= (size_t)size;
    return true;
}

/* The next of those that lie apart. They come from a live backend, which writes them whole. */
static bool read_each(struct sysfold_stream *stream, struct batch *batch)
{
    while (batch->count) {
        const uint8_t *record = *batch->each++;

        batch->count--;
        if (record_read(&stream->event.record, stream->feed.schema, record, RECORD_SIZE_MAX, batch->swapped) >= 0)
            return true;
        stream->stats.damaged++;
    }
    return false;
}

static bool read_next(struct sysfold_stream *stream)
{
    struct batch *batch = &stream->batch;

    if (batch->size)
        return read_from_span(stream, batch);
    return batch->count && read_each(stream, batch);
}

const struct sysfold_event *sysfold_stream_next(struct sysfold_stream *stream)
{
    struct sysfold_event *event = &stream->event;

    if (!read_next(stream))
        return NULL;
    event->number++;
    event->source = stream->batch.source;
    event->source_name = stream->source_name;
    event->thread = NULL;
    event->fd = NULL;
    count(stream, &event->record);
    if (stream->state)
        stream->failure = state_apply(stream->state, event);
    return event;
}

void sysfold_stream_stop(struct sysfold_stream *stream)
{
    if (stream->feed.stop)
        stream->feed.stop(stream->feed.data);
}

int sysfold_stream_exit_status(const struct sysfold_stream *stream, int *ret_status)
{
    return stream->feed.exit_status ? stream->feed.exit_status(stream->feed.data, ret_status) : -ENODATA;
}

int sysfold_stream_stats(const struct sysfold_stream *stream, struct sysfold_stats *ret_stats)
{
    struct sysfold_stats stats = stream->stats;
    size_t size = ret_stats->size;

    if (size < offsetof(struct sysfold_stats, damaged))
        return -EINVAL;
    if (stream->feed.stats)
        stream->feed.stats(stream->feed.data, &stats);
    if (size > sizeof(stats))
        size = sizeof(stats);
    stats.size = size;
    memcpy(ret_stats, &stats, size);
    return 0;
}

int sysfold_stream_program(const struct sysfold_stream *stream, size_t index, struct sysfold_program *ret_program)
{
    struct sysfold_program program = {0};
    size_t size = ret_program->size;
    int r;

    if (size < offsetof(struct sysfold_program, missed))
        return -EINVAL;
    r = stream->feed.program ? stream->feed.program(stream->feed.data, index, &program) : -ENOENT;
    if (r < 0)
        return r;
    program.size = size < sizeof(program) ? size : sizeof(program);
    memcpy(ret_program, &program, program.size);
    return 0;
}

const struct sysfold_schema *sysfold_stream_schema(const struct sysfold_stream *stream)
{
    return stream->feed.schema;
}

const char *sysfold_stream_backend(const struct sysfold_stream *stream)
{
    return stream->feed.name;
}

void sysfold_stream_each_process(const struct sysfold_stream *stream,
                                 bool (*visit)(const struct sysfold_process *process, void *data), void *data)
{
    if (stream->state)
        state_each_process(stream->state, visit, data);
}

bool stream_has_state(const struct sysfold_stream *stream)
{
    return stream->state;
}

const char *stream_source_backend(const struct sysfold_stream *stream)
{
    if (!stream->feed.source_backend)
        return stream->feed.name;
    return stream->feed.source_backend(stream->feed.data, stream->batch.source);
}
