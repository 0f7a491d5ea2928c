// SPDX-License-Identifier: Apache-2.0
#include "savefile-kit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "common/encode.h"
#include "decoder/savefile/block.h"
#include "decoder/stream.h"

void bytes_add(struct bytes *bytes, const void *data, size_t size)
{
    if (bytes->size + size > bytes->capacity) {
        bytes->capacity = (bytes->size + size) * 2;
        bytes->data = realloc(bytes->data, bytes->capacity);
        cr_assert(bytes->data);
    }
    if (size)
        memcpy(bytes->data + bytes->size, data, size);
    bytes->size += size;
}

void bytes_free(struct bytes *bytes)
{
    free(bytes->data);
    *bytes = (struct bytes){0};
}

struct bytes bytes_of_file(const char *path)
{
    struct bytes bytes = {0};
    char chunk[65536];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n;

    cr_assert(fd >= 0);
    while ((n = read(fd, chunk, sizeof(chunk))) > 0)
        bytes_add(&bytes, chunk, (size_t)n);
    close(fd);
    return bytes;
}

struct kit_file kit_file_new(void)
{
    struct kit_file file = {.fd = memfd_create("capture", MFD_CLOEXEC)};

    cr_assert(file.fd >= 0);
    (void)snprintf(file.path, sizeof(file.path), "/proc/self/fd/%d", file.fd);
    return file;
}

void kit_file_set(struct kit_file *file, const uint8_t *data, size_t size)
{
    cr_assert_eq(ftruncate(file->fd, 0), 0);
    cr_assert_eq(pwrite(file->fd, data, size, 0), (ssize_t)size);
}

struct kit_file kit_file_of(const struct bytes *bytes)
{
    struct kit_file file = kit_file_new();

    kit_file_set(&file, bytes->data, bytes->size);
    return file;
}

void kit_file_free(struct kit_file *file)
{
    close(file->fd);
}

/* Scripts. */

void script_add(struct script *script, const uint8_t *record, size_t size, uint32_t source)
{
    if (!(script->count & (script->count - 1))) {
        size_t room = script->count ? script->count * 2 : 1;

        script->at = realloc(script->at, (room + 1) * sizeof(*script->at));
        script->sources = realloc(script->sources, room * sizeof(*script->sources));
        cr_assert(script->at && script->sources);
    }
    script->at[script->count] = script->records.size;
    script->sources[script->count++] = source;
    bytes_add(&script->records, record, size);
    script->at[script->count] = script->records.size;
}

static struct encoder encoder;

static void encode_call(size_t i, size_t data)
{
    static uint8_t payload[60000];
    uint64_t random = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
    size_t size = data ? (random >> 33) % (data + 1) : 0;

    for (size_t k = 0; k < size; k++)
        payload[k] = (uint8_t)((random >> k % 48) + k * i);
    if (i % 64 == 63) {
        encoder_begin(&encoder, row_builtin(ROW_LOST), 0, 1000 + i);
        encoder_integer(&encoder, P_LOST_count, (int64_t)(i % 7 + 1));
        encoder_string(&encoder, P_LOST_cause, "a test");
    } else if (i % 3) {
        encoder_begin(&encoder, row_builtin(ROW_READ), (uint32_t)i % 5 + 1, 1000 + i);
        encoder_integer(&encoder, P_READ_res, (int64_t)size);
        encoder_integer(&encoder, P_READ_fd, (int64_t)i % 100);
        encoder_bytes(&encoder, P_READ_data, payload, size, sizeof(payload));
    } else {
        encoder_begin(&encoder, row_builtin(ROW_CLOSE), (uint32_t)i % 5 + 1, 1000 + i);
        encoder_integer(&encoder, P_CLOSE_res, -EBADF);
        encoder_integer(&encoder, P_CLOSE_fd, (int64_t)i % 100);
        encoder_failed(&encoder);
    }
}

struct script script_make(size_t count, size_t data, uint32_t sources)
{
    struct script script = {.source_count = sources, .schema = sysfold_schema_builtin()};

    for (size_t i = 0; i < count; i++) {
        const uint8_t *record;
        size_t size;

        encode_call(i, data);
        record = encoder_finish(&encoder, &size);
        script_add(&script, record, size, (uint32_t)(i / 10) % sources);
    }
    return script;
}

void script_free(struct script *script)
{
    bytes_free(&script->records);
    free(script->at);
    free(script->sources);
}

struct player {
    const struct script *script;
    size_t next;
};

static int player_next_batch(void *data, int timeout_ms, struct batch *ret_batch, struct sysfold_error *error)
{
    struct player *player = data;
    const struct script *script = player->script;
    size_t first = player->next;

    (void)timeout_ms;
    (void)error;
    if (first == script->count)
        return 0;
    while (player->next < script->count && script->sources[player->next] == script->sources[first])
        player->next++;
    *ret_batch = (struct batch){
        .records = script->records.data + script->at[first],
        .size = script->at[player->next] - script->at[first],
        .source = script->sources[first],
        .cpu = -1,
        .swapped = script->swapped,
    };
    return 1;
}

static const char *player_source_name(void *data, uint32_t source)
{
    static const char *const names[] = {"host", "sandbox one", "sandbox \xc3\xa9", "another"};

    (void)data;
    return names[source % 4];
}

static int player_exit_status(void *data, int *ret_status)
{
    const struct player *player = data;

    if (!player->script->has_status)
        return -ENODATA;
    *ret_status = player->script->status;
    return 0;
}

struct sysfold_stream *script_stream(const struct script *script)
{
    struct player *player = calloc(1, sizeof(*player));
    struct feed feed = {
        .name = "player",
        .data = player,
        .schema = script->schema,
        .next_batch = player_next_batch,
        .source_name = player_source_name,
        .exit_status = player_exit_status,
        .close = free,
    };
    struct sysfold_stream *stream;

    cr_assert(player);
    player->script = script;
    cr_assert_eq(stream_create(&feed, true, false, &stream, NULL), 0);
    return stream;
}

const struct sysfold_event *next_event(struct sysfold_stream *stream)
{
    const struct sysfold_event *event = sysfold_stream_next(stream);

    if (!event && sysfold_stream_fetch(stream, -1, NULL) > 0)
        event = sysfold_stream_next(stream);
    return event;
}

void script_record(const struct script *script, const char *path, int compression, uint32_t block_size)
{
    struct sysfold_writer_options options = {sizeof(options), compression, block_size, 0};
    struct sysfold_stream *stream = script_stream(script);
    const struct sysfold_event *event;
    struct sysfold_writer *writer;
    struct sysfold_error error = {0};

    cr_assert_eq(sysfold_writer_open(path, stream, &options, &writer, &error), 0, "%s", error.message);
    while (sysfold_stream_fetch(stream, -1, NULL) > 0) {
        while ((event = sysfold_stream_next(stream)))
            cr_assert_eq(sysfold_writer_put(writer, event, &error), 0, "%s", error.message);
    }
    cr_assert_eq(sysfold_writer_close(writer, &error), 0, "%s", error.message);
    sysfold_stream_close(stream);
}

/* Outcomes. */

static void on_damage(const char *message, void *data)
{
    bytes_add(data, message, strlen(message));
    bytes_add(data, "\n", 1);
}

struct outcome outcome_of(const char *path)
{
    struct outcome outcome = {.stats = {.size = sizeof(outcome.stats)}};
    struct sysfold_file_options options = {
        .size = sizeof(options), .no_state = true, .damage = on_damage, .damage_data = &outcome.damage};
    struct sysfold_stream *stream;
    const struct sysfold_event *event;

    outcome.opened = sysfold_file_open(path, &options, &stream, &outcome.error);
    if (outcome.opened == 0) {
        while ((outcome.ended = sysfold_stream_fetch(stream, -1, &outcome.error)) > 0) {
            while ((event = sysfold_stream_next(stream))) {
                size_t size;
                const uint8_t *record = sysfold_event_record(event, &size);
                uint32_t source = sysfold_event_source(event);

                script_add(&outcome.got, record, size, source);
                (void)snprintf(outcome.names[source % 4], sizeof(outcome.names[0]), "%s",
                               sysfold_event_source_name(event));
            }
        }
        cr_assert_eq(sysfold_stream_stats(stream, &outcome.stats), 0);
        outcome.has_status = sysfold_stream_exit_status(stream, &outcome.status);
        sysfold_stream_close(stream);
    }
    bytes_add(&outcome.damage, "", 1);
    return outcome;
}

void outcome_free(struct outcome *outcome)
{
    script_free(&outcome->got);
    bytes_free(&outcome->damage);
}

size_t missing_events(const struct script *script, const struct outcome *outcome)
{
    size_t at = 0;

    for (size_t i = 0; i < outcome->got.count; i++, at++) {
        const uint8_t *record = outcome->got.records.data + outcome->got.at[i];
        size_t size = outcome->got.at[i + 1] - outcome->got.at[i];

        while (at < script->count && (script->at[at + 1] - script->at[at] != size ||
                                      memcmp(script->records.data + script->at[at], record, size) ||
                                      script->sources[at] != outcome->got.sources[i]))
            at++;
        cr_assert_lt(at, script->count, "event %zu was never recorded, or is out of order", i);
    }
    return script->count - outcome->got.count;
}

void expect_everything(const struct script *script, const struct outcome *outcome)
{
    cr_assert_eq(outcome->opened, 0, "%s", outcome->error.message);
    cr_assert_eq(outcome->ended, 0, "%s", outcome->error.message);
    cr_assert_str_eq((const char *)outcome->damage.data, "");
    cr_assert_eq(missing_events(script, outcome), 0);
    cr_assert_eq(outcome->stats.damaged, 0);
}

/* Files made by hand. */

size_t count_blocks(const struct bytes *file, uint32_t kind)
{
    struct block_header header;
    size_t count = 0;

    for (size_t at = 0; at < file->size; at += BLOCK_HEADER_SIZE + header.stored) {
        cr_assert(block_header_get(file->data + at, &header));
        count += header.kind == kind;
    }
    return count;
}

struct bytes preamble_of(const struct sysfold_schema *schema, uint32_t *ret_id)
{
    struct script nothing = {.schema = schema};
    struct kit_file file = kit_file_new();
    struct bytes bytes;

    script_record(&nothing, file.path, 0, 0);
    bytes = bytes_of_file(file.path);
    kit_file_free(&file);
    bytes.size -= BLOCK_HEADER_SIZE + FILE_END_SIZE;
    *ret_id = get_le32(bytes.data + BLOCK_HEADER_SIZE + 12);
    return bytes;
}

void add_block(struct bytes *file, uint32_t id, uint32_t kind, const void *payload, size_t size, size_t raw)
{
    struct block_header header = {.kind = kind, .stored = (uint32_t)size, .raw = (uint32_t)(raw ? raw : size)};
    uint8_t bytes[BLOCK_HEADER_SIZE];

    block_header_put(bytes, &header, id, payload);
    bytes_add(file, bytes, sizeof(bytes));
    bytes_add(file, payload, size);
}

void add_batch(struct bytes *payload, uint32_t source, const void *records, size_t size)
{
    struct batch_header header = {.source = source, .cpu = -1, .size = (uint32_t)size, .count = 1};
    uint8_t bytes[BATCH_HEADER_SIZE];

    batch_header_put(bytes, &header);
    bytes_add(payload, bytes, sizeof(bytes));
    bytes_add(payload, records, size);
}

void add_end(struct bytes *file, uint32_t id)
{
    uint8_t payload[FILE_END_SIZE] = {0};

    add_block(file, id, BLOCK_END, payload, sizeof(payload), 0);
}
