// SPDX-License-Identifier: Apache-2.0
#include "compare-kit.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/encode.h"
#include "decoder/stream.h"

struct telling ours, theirs;
static struct encoder encoder;

void kit_init(void)
{
    ours = theirs = (struct telling){.schema = sysfold_schema_builtin(), .backend = "test"};
}

void kit_finish(void)
{
    free(ours.records);
    free(theirs.records);
}

void anew(void)
{
    ours.size = theirs.size = 0;
}

static void put(const struct sysfold_row *row, const struct given *given)
{
    int index = sysfold_row_param_index(row, given->name);

    cr_assert_geq(index, 0, "%s has no %s", row->name, given->name);
    if (given->status)
        encoder_status(&encoder, (unsigned)index, given->status);
    else if (!given->bytes)
        encoder_integer(&encoder, (unsigned)index, given->number);
    else if (!row->params[index].type->variable)
        encoder_fixed(&encoder, (unsigned)index, given->bytes);
    else
        encoder_bytes(&encoder, (unsigned)index, given->bytes, given->size, given->size);
    if (given->cut) {
        encoder.flags |= SYSFOLD_EVENT_TRUNCATED;
        encoder.cut |= 1u << index;
    }
}

void tell(struct telling *telling, uint32_t tid, const char *name, const struct given *given)
{
    const struct sysfold_row *row = sysfold_schema_row_by_name(telling->schema, name);
    const uint8_t *record;
    size_t size;

    cr_assert(row, "there is no row %s", name);
    encoder_begin(&encoder, row, tid, 1000 + telling->size);
    for (unsigned i = 0; i < row->param_count; i++) { /* variable ones must come in their order */
        for (const struct given *at = given; at->name; at++) {
            if (!strcmp(at->name, row->params[i].name))
                put(row, at);
        }
    }
    for (const struct given *at = given; at->name; at++) {
        cr_assert_geq(sysfold_row_param_index(row, at->name), 0, "%s has no %s", name, at->name);
        if (!strcmp(at->name, "res") && at->number < 0 && at->number >= -4095)
            encoder_failed(&encoder);
    }
    record = encoder_finish(&encoder, &size);
    if (telling->size + size > telling->capacity) {
        telling->capacity = (telling->size + size) * 2;
        telling->records = realloc(telling->records, telling->capacity);
        cr_assert(telling->records);
    }
    memcpy(telling->records + telling->size, record, size);
    telling->size += size;
}

struct player {
    const struct telling *telling;
    bool played;
};

static int next_batch(void *data, int timeout_ms, struct batch *ret_batch, struct sysfold_error *error)
{
    struct player *player = data;

    (void)timeout_ms, (void)error;
    if (player->played || !player->telling->size)
        return 0;
    player->played = true;
    *ret_batch = (struct batch){.records = player->telling->records,
                                .size = player->telling->size,
                                .source = player->telling->source,
                                .cpu = -1};
    return 1;
}

static void close_nothing(void *data)
{
    (void)data;
}

struct sysfold_story *story_told(const struct telling *telling)
{
    struct player player = {.telling = telling};
    const struct feed feed = {.name = telling->backend,
                              .data = &player,
                              .schema = telling->schema,
                              .next_batch = next_batch,
                              .close = close_nothing};
    struct sysfold_stream *stream;
    struct sysfold_story *story;
    struct sysfold_error error = {0};

    cr_assert_eq(stream_create(&feed, false, false, &stream, &error), 0, "%s", error.message);
    cr_assert_eq(sysfold_story_read(stream, NULL, -1, &story, &error), 0, "%s", error.message);
    sysfold_stream_close(stream);
    return story;
}

static void add_line(struct judged *judged, const struct sysfold_comparison *comparison, size_t index)
{
    struct sysfold_line line = {.size = sizeof(line)};
    size_t used = strlen(judged->text);
    char texts[2][1024];

    cr_assert_eq(sysfold_comparison_line(comparison, index, &line), 0);
    if (line.kind == SYSFOLD_LINE_SAME)
        return;
    for (unsigned side = 0; side < 2; side++)
        sysfold_comparison_line_text(comparison, index, side, texts[side], sizeof(texts[side]));
    (void)snprintf(judged->text + used, sizeof(judged->text) - used, "\n%d %s %s: %s | %s", (int)line.kind, line.thread,
                   line.name, texts[0], texts[1]);
    for (size_t i = 0; i < line.difference_count; i++) {
        struct sysfold_difference difference = {.size = sizeof(difference)};

        cr_assert_eq(sysfold_comparison_difference(comparison, line.first_difference + i, &difference), 0);
        used = strlen(judged->text);
        (void)snprintf(judged->text + used, sizeof(judged->text) - used, "\n  %s: %s | %s", difference.param,
                       difference.reference, difference.other);
    }
}

struct judged judge(const char *ignore)
{
    const struct sysfold_compare_options options = {sizeof(options), ignore};
    struct sysfold_story *a = story_told(&ours), *b = story_told(&theirs);
    struct sysfold_comparison_counts counts = {.size = sizeof(counts)};
    struct sysfold_comparison *comparison;
    struct sysfold_error error = {0};
    struct judged judged = {0};

    cr_assert_eq(sysfold_compare(a, b, &options, &comparison, &error), 0, "%s", error.message);
    judged.verdict = sysfold_comparison_verdict(comparison);
    (void)snprintf(judged.reason, sizeof(judged.reason), "%s", sysfold_comparison_reason(comparison));
    cr_assert_eq(sysfold_comparison_counts(comparison, &counts), 0);
    memcpy(judged.lines, counts.lines, sizeof(judged.lines));
    for (size_t i = 0; i < sysfold_comparison_line_count(comparison); i++)
        add_line(&judged, comparison, i);
    sysfold_comparison_free(comparison);
    sysfold_story_free(a);
    sysfold_story_free(b);
    return judged;
}
