// SPDX-License-Identifier: Apache-2.0
/* A story: its memory, its order, and what the API asks of it. */

#include "story.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/error.h"
#include "decoder/stream.h"

#define CHUNK_SIZE ((size_t)1 << 20)

struct chunk {
    struct chunk *next;
    size_t used, size;
    uint8_t bytes[];
};

void *story_keep(struct sysfold_story *story, const void *bytes, size_t size)
{
    size_t aligned = (size + 7) & ~(size_t)7;
    struct chunk *chunk = story->chunks;
    void *kept;

    if (!chunk || chunk->size - chunk->used < aligned) {
        size_t room = aligned > CHUNK_SIZE ? aligned : CHUNK_SIZE;

        chunk = malloc(sizeof(*chunk) + room);
        if (!chunk)
            return NULL;
        *chunk = (struct chunk){.next = story->chunks, .size = room};
        story->chunks = chunk;
    }
    kept = chunk->bytes + chunk->used;
    if (size && bytes)
        memcpy(kept, bytes, size);
    chunk->used += aligned;
    return kept;
}

char *story_keep_text(struct sysfold_story *story, const char *text)
{
    return story_keep(story, text, strlen(text) + 1);
}

int story_grow(void *array, size_t count, size_t *room, size_t size)
{
    size_t wanted = *room ? *room * 2 : 16;
    void *old, *grown;

    if (count < *room)
        return 0;
    memcpy(&old, array, sizeof(old));
    grown = reallocarray(old, wanted, size);
    if (!grown)
        return -ENOMEM;
    memcpy(array, &grown, sizeof(grown));
    *room = wanted;
    return 0;
}

void story_record(const struct sysfold_story *story, const struct told *told, struct record *ret_record)
{
    /* It was read once already: it is a record. */
    (void)record_read(ret_record, &story->schema, told->record, RECORD_SIZE_MAX, story->swapped);
}

uint64_t story_hash(const void *bytes, size_t size, uint64_t seed)
{
    const uint8_t *at = bytes;
    uint64_t hash = seed ^ UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < size; i++)
        hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
    hash ^= hash >> 32;
    hash *= UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ hash >> 29;
}

bool story_freed_between(const struct sysfold_story *story, uint32_t a, uint32_t b)
{
    uint32_t from = a < b ? a : b, to = a < b ? b : a;
    size_t low = 0, high = story->freed_count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (story->freed[middle] < from)
            low = middle + 1;
        else
            high = middle;
    }
    return low < story->freed_count && story->freed[low] <= to;
}

static int compare_hashes(const void *a, const void *b)
{
    uint64_t x, y;

    memcpy(&x, a, sizeof(x));
    memcpy(&y, b, sizeof(y));
    return x < y ? -1 : x > y;
}

bool story_made_name(const struct sysfold_story *story, const uint8_t *run, size_t size)
{
    uint64_t hash = story_hash(run, size, 0);

    return story->made_count && bsearch(&hash, story->made_names, story->made_count, sizeof(hash), compare_hashes);
}

/* Order: the calls of each thread together, and the signals of each process. */

static void count_told(struct sysfold_story *story)
{
    for (uint32_t i = 0; i < story->count; i++) {
        const struct told *told = &story->events[i];
        struct teller *thread = &story->threads[told->thread];

        if (!story_tells(story, told))
            continue;
        if (told->flags & TOLD_SIGNAL)
            story->threads[thread->leader].signal_count++;
        else
            thread->count++;
        story->told_count++;
    }
}

static void place_told(struct sysfold_story *story)
{
    for (uint32_t i = 0; i < story->count; i++) {
        const struct told *told = &story->events[i];
        struct teller *thread = &story->threads[told->thread];

        if (!story_tells(story, told))
            continue;
        if (told->flags & TOLD_SIGNAL) {
            thread = &story->threads[thread->leader];
            story->signals[thread->first_signal + thread->signal_count++] = i;
        } else {
            story->order[thread->first + thread->count++] = i;
        }
    }
}

static int put_in_order(struct sysfold_story *story)
{
    uint32_t calls = 0, signals = 0;

    for (uint32_t i = 0; i < story->thread_count; i++)
        story->threads[i].count = story->threads[i].signal_count = 0;
    story->told_count = 0;
    count_told(story);
    free(story->order);
    free(story->signals);
    story->order = calloc((size_t)story->told_count + 1, sizeof(*story->order));
    story->signals = calloc((size_t)story->told_count + 1, sizeof(*story->signals));
    if (!story->order || !story->signals)
        return -ENOMEM;
    for (uint32_t i = 0; i < story->thread_count; i++) {
        struct teller *thread = &story->threads[i];

        thread->first = calls;
        thread->first_signal = signals;
        calls += thread->count;
        signals += thread->signal_count;
        thread->count = thread->signal_count = 0;
    }
    place_told(story);
    return 0;
}

int story_finish(struct sysfold_story *story)
{
    int r;

    if (story->made_count)
        qsort(story->made_names, story->made_count, sizeof(*story->made_names), compare_hashes);
    r = story_sort_threads(story);
    if (!r)
        r = story_cut(story);
    if (!r)
        r = story_name_threads(story);
    if (r < 0)
        return r;
    story_drop_deadly_signals(story);
    r = story_merge_restarts(story);
    if (!r)
        r = put_in_order(story);
    return r ? r : story_sort_names(story);
}

/* Reading. */

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

static int read_batch(struct sysfold_story *story, struct sysfold_stream *stream, struct sysfold_error *error)
{
    const struct sysfold_event *event;

    if (!story->backend) {
        const char *backend = stream_source_backend(stream);

        if (backend && !(story->backend = story_keep_text(story, backend)))
            return error_system(error, -ENOMEM, "cannot read a story");
    }
    while ((event = sysfold_stream_next(stream))) {
        int r = story_add(story, event);

        if (r < 0)
            return error_system(error, r, "cannot read a story");
    }
    return 0;
}

static int read_all(struct sysfold_story *story, struct sysfold_stream *stream, int timeout_ms,
                    struct sysfold_error *error)
{
    int64_t deadline = timeout_ms < 0 ? -1 : now_ms() + timeout_ms;

    for (;;) {
        int64_t left = deadline < 0 ? -1 : deadline - now_ms();
        int r = sysfold_stream_fetch(stream, deadline < 0 ? -1 : left > 0 ? (int)left : 0, error);

        if (r == -EAGAIN)
            return error_set(error, -ETIMEDOUT, "the stream did not end in time");
        if (r <= 0)
            return r;
        r = read_batch(story, stream, error);
        if (r < 0)
            return r;
        if (deadline >= 0 && now_ms() >= deadline && left <= 0)
            return error_set(error, -ETIMEDOUT, "the stream did not end in time");
    }
}

static int story_create(const struct sysfold_story_options *options, struct sysfold_story **ret_story)
{
    struct sysfold_story *story = calloc(1, sizeof(*story));

    if (!story)
        return -ENOMEM;
    story->schema.by_number = story->rows;
    if ((options->name && !(story->name = story_keep_text(story, options->name))) ||
        (options->backend && !(story->backend = story_keep_text(story, options->backend)))) {
        sysfold_story_free(story);
        return -ENOMEM;
    }
    *ret_story = story;
    return 0;
}

static int complete_story(struct sysfold_story *story, const struct sysfold_stream *stream)
{
    struct sysfold_stats stats = {.size = sizeof(stats)};
    const char *backend = story->backend ? story->backend : sysfold_stream_backend(stream);

    (void)sysfold_stream_stats(stream, &stats);
    story->damaged = stats.damaged;
    if (stats.lost > story->lost)
        story->lost = stats.lost;
    if (!story->name && !(story->name = story_keep_text(story, backend ? backend : "")))
        return -ENOMEM;
    return story_finish(story);
}

int sysfold_story_read(struct sysfold_stream *stream, const struct sysfold_story_options *options, int timeout_ms,
                       struct sysfold_story **ret_story, struct sysfold_error *error)
{
    struct sysfold_story_options complete = {0};
    struct sysfold_story *story;
    int r;

    if (options && options->size < offsetof(struct sysfold_story_options, backend))
        return error_set(error, -EINVAL, "the options' size field is not set");
    if (options)
        memcpy(&complete, options, options->size < sizeof(complete) ? options->size : sizeof(complete));
    if (!stream_has_state(stream))
        return error_set(error, -EINVAL, "a story needs a stream with state");
    r = story_create(&complete, &story);
    if (r < 0)
        return error_system(error, r, "cannot read a story");
    r = read_all(story, stream, timeout_ms, error);
    if (!r) {
        r = complete_story(story, stream);
        if (r < 0)
            error_system(error, r, "cannot put a story into order");
    }
    if (r < 0) {
        sysfold_story_free(story);
        return r;
    }
    *ret_story = story;
    return 0;
}

void sysfold_story_free(struct sysfold_story *story)
{
    if (!story)
        return;
    while (story->chunks) {
        struct chunk *next = story->chunks->next;

        free(story->chunks);
        story->chunks = next;
    }
    story_free_listings(story);
    free(story->events);
    free(story->threads);
    free(story->by_id);
    free(story->by_name);
    free(story->latest);
    free(story->order);
    free(story->signals);
    free(story->freed);
    free(story->made_names);
    free(story);
}

const char *sysfold_story_name(const struct sysfold_story *story)
{
    return story->name;
}

uint64_t sysfold_story_events(const struct sysfold_story *story)
{
    return story->told_count;
}

uint64_t sysfold_story_threads(const struct sysfold_story *story)
{
    return story->named;
}

uint64_t sysfold_story_lost(const struct sysfold_story *story)
{
    return story->lost;
}
