// SPDX-License-Identifier: Apache-2.0
/* A capture file as a feed: header and schema first, then batches in place. */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "blocks.h"
#include "common/cleanup.h"
#include "common/error.h"
#include "decoder/savefile/schema.pb-c.h"
#include "decoder/stream.h"
#include "schema.h"

#define SOURCES_MAX 32768 /* each costs a move of the others, should their numbers come in falling order */
#define SOURCE_NAME_MAX 255
#define PREAMBLE_WAIT_MS 5000 /* how long a followed file may take to get its header */

struct named_source {
    uint32_t number;
    char *name;
    char *backend; /* NULL: the file does not say */
};

struct reader {
    struct blocks blocks;
    z_stream inflate;
    uint8_t *raw; /* a decompressed payload */
    size_t raw_capacity;
    struct file_schema *schema; /* NULL: the built-in one */
    const uint8_t *builtin;     /* the built-in one, packed */
    size_t builtin_size;
    bool builtin_matches; /* the header promises it */
    bool has_schema;
    struct named_source *sources; /* sorted by number */
    size_t source_count;
    const uint8_t *batches; /* of the current block */
    size_t batches_size;
    uint64_t block_offset;
    bool swapped;
    bool ended;
    bool has_status;
    int32_t exit_status;
};

/* Payloads. */

static int grow_raw(struct reader *reader, size_t size)
{
    uint8_t *grown;

    if (size <= reader->raw_capacity)
        return 0;
    grown = realloc(reader->raw, size);
    if (!grown)
        return -ENOMEM;
    reader->raw = grown;
    reader->raw_capacity = size;
    return 0;
}

/* The payload as it was before compression: in place where it was stored raw.
 * 0; -EBADMSG after a report; -ENOMEM. */
static int unpack_payload(struct reader *reader, const struct block *block, const uint8_t **ret_payload)
{
    z_stream *stream = &reader->inflate;
    int r;

    *ret_payload = block->payload;
    if (block->stored == block->raw)
        return 0;
    r = grow_raw(reader, block->raw);
    if (r < 0)
        return r;
    if (inflateReset(stream) != Z_OK)
        return -ENOMEM;
    stream->next_in = (uint8_t *)(uintptr_t)block->payload;
    stream->avail_in = block->stored;
    stream->next_out = reader->raw;
    stream->avail_out = block->raw;
    r = inflate(stream, Z_FINISH);
    if (r == Z_MEM_ERROR)
        return -ENOMEM;
    if (r != Z_STREAM_END || stream->avail_in || stream->avail_out) {
        blocks_report(&reader->blocks, "the block at %" PRIu64 " (%s) is damaged (its compressed bytes make no sense)",
                      block->offset, block_kind_name(block->kind));
        return -EBADMSG;
    }
    *ret_payload = reader->raw;
    return 0;
}

/* Sources. */

static size_t find_source(const struct reader *reader, uint32_t number)
{
    size_t low = 0, high = reader->source_count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (reader->sources[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int add_source(struct reader *reader, uint32_t number, const char *name, const char *backend)
{
    size_t at = find_source(reader, number);
    struct named_source *grown, added = {.number = number};

    if (at < reader->source_count && reader->sources[at].number == number)
        return 0; /* the first name stays: events may have been shown with it */
    if (reader->source_count == SOURCES_MAX)
        return -EBADMSG;
    grown = realloc(reader->sources, (reader->source_count + 1) * sizeof(*grown));
    if (!grown)
        return -ENOMEM;
    reader->sources = grown;
    added.name = strdup(name);
    added.backend = backend ? strdup(backend) : NULL;
    if (!added.name || (backend && !added.backend)) {
        free(added.name);
        free(added.backend);
        return -ENOMEM;
    }
    memmove(grown + at + 1, grown + at, (reader->source_count - at) * sizeof(*grown));
    grown[at] = added;
    reader->source_count++;
    return 0;
}

static int read_source(struct reader *reader, const struct block *block, const uint8_t *payload)
{
    Sfold__Source *source = sfold__source__unpack(NULL, block->raw, payload);
    int r = -EBADMSG;

    if (source && text_is_clean(source->name, SOURCE_NAME_MAX))
        r = add_source(reader, source->number, source->name,
                       text_is_clean(source->backend, SOURCE_NAME_MAX) ? source->backend : NULL);
    if (r == -EBADMSG)
        blocks_report(&reader->blocks, "the block at %" PRIu64 " is damaged (it describes no source)", block->offset);
    if (source)
        sfold__source__free_unpacked(source, NULL);
    return r;
}

static const char *reader_source_name(void *data, uint32_t number)
{
    const struct reader *reader = data;
    size_t at = find_source(reader, number);

    if (at < reader->source_count && reader->sources[at].number == number)
        return reader->sources[at].name;
    return "unknown";
}

static const char *reader_source_backend(void *data, uint32_t number)
{
    const struct reader *reader = data;
    size_t at = find_source(reader, number);

    return at < reader->source_count && reader->sources[at].number == number ? reader->sources[at].backend : NULL;
}

/* Schema. */

static int read_schema(struct reader *reader, const struct block *block, const uint8_t *payload,
                       struct sysfold_error *error)
{
    int r = 0;

    if (reader->has_schema)
        return 0; /* a file has one; what follows it depends on it */
    if (block->raw != reader->builtin_size || memcmp(payload, reader->builtin, reader->builtin_size))
        r = schema_unpack(payload, block->raw, &reader->schema, error);
    reader->has_schema = r == 0;
    return r;
}

/* Records. */

static int batch_is_bad(struct reader *reader)
{
    blocks_report(&reader->blocks, "the block at %" PRIu64 " is damaged (a batch does not lie within it)",
                  reader->block_offset);
    reader->batches_size = 0;
    return 0;
}

/* The current block's next batch. Its counts and times are for those who seek; they are not needed here. */
static int next_in_block(struct reader *reader, struct batch *ret_batch)
{
    struct batch_header header = {0};

    while (reader->batches_size) {
        if (reader->batches_size < BATCH_HEADER_SIZE)
            return batch_is_bad(reader);
        batch_header_get(reader->batches, &header);
        if (header.size > reader->batches_size - BATCH_HEADER_SIZE)
            return batch_is_bad(reader);
        *ret_batch = (struct batch){
            .records = reader->batches + BATCH_HEADER_SIZE,
            .size = header.size,
            .source = header.source,
            .cpu = header.cpu,
            .swapped = reader->swapped,
        };
        reader->batches += BATCH_HEADER_SIZE + header.size;
        reader->batches_size -= BATCH_HEADER_SIZE + header.size;
        if (header.size)
            return 1;
    }
    return 0;
}

static void read_end(struct reader *reader, const struct block *block, const uint8_t *payload)
{
    struct file_end end;

    if (!file_end_get(payload, block->raw, &end)) {
        blocks_report(&reader->blocks, "the block at %" PRIu64 " is damaged (it is no end block)", block->offset);
        return;
    }
    reader->ended = true;
    reader->has_status = end.flags & FILE_END_HAS_STATUS;
    reader->exit_status = end.exit_status;
}

static void read_records(struct reader *reader, const struct block *block, const uint8_t *payload)
{
    reader->batches = payload;
    reader->batches_size = block->raw;
    reader->block_offset = block->offset;
    reader->swapped = block->kind == BLOCK_RECORDS_SWAPPED;
}

static int read_block(struct reader *reader, const struct block *block, struct sysfold_error *error)
{
    const uint8_t *payload;
    int r;

    switch (block->kind) {
    case BLOCK_SCHEMA:
    case BLOCK_SOURCE:
    case BLOCK_RECORDS_LITTLE:
    case BLOCK_RECORDS_BIG:
    case BLOCK_END:
        break;
    default:
        return 0;
    }
    r = unpack_payload(reader, block, &payload);
    if (r == 0 && block->kind == BLOCK_SCHEMA)
        return read_schema(reader, block, payload, error);
    if (r == 0 && block->kind == BLOCK_SOURCE)
        r = read_source(reader, block, payload);
    else if (r == 0 && block->kind == BLOCK_END)
        read_end(reader, block, payload);
    else if (r == 0)
        read_records(reader, block, payload);
    if (r == -ENOMEM)
        return error_system(error, r, "cannot read the block at %" PRIu64, block->offset);
    return 0;
}

static int reader_next_batch(void *data, int timeout_ms, struct batch *ret_batch, struct sysfold_error *error)
{
    struct reader *reader = data;
    struct block block;
    int r;

    input_set_timeout(&reader->blocks.input, timeout_ms);
    while (!next_in_block(reader, ret_batch)) {
        if (reader->ended)
            return 0;
        r = blocks_next(&reader->blocks, &block, error);
        if (r <= 0)
            return r;
        r = read_block(reader, &block, error);
        if (r < 0)
            return r;
    }
    return 1;
}

/* Opening. */

static int reader_exit_status(void *data, int *ret_status)
{
    const struct reader *reader = data;

    if (!reader->has_status)
        return -ENODATA;
    *ret_status = reader->exit_status;
    return 0;
}

static void reader_stats(void *data, struct sysfold_stats *stats)
{
    const struct reader *reader = data;

    stats->damaged += reader->blocks.damaged;
}

static void reader_close(void *data)
{
    struct reader *reader = data;

    for (size_t i = 0; i < reader->source_count; i++) {
        free(reader->sources[i].name);
        free(reader->sources[i].backend);
    }
    free(reader->sources);
    file_schema_destroy(reader->schema);
    free(reader->raw);
    (void)inflateEnd(&reader->inflate);
    input_close(&reader->blocks.input);
    free(reader);
}

static int reader_create(const char *path, const struct sysfold_file_options *options, struct reader **ret_reader,
                         struct sysfold_error *error)
{
    cleanup_free struct reader *reader = calloc(1, sizeof(*reader));
    int r;

    if (!reader || schema_builtin_bytes(&reader->builtin, &reader->builtin_size) < 0)
        return error_system(error, -ENOMEM, "cannot open %s", path);
    r = input_open(&reader->blocks.input, path, options->follow, error);
    if (r == 0 && inflateInit(&reader->inflate) != Z_OK) {
        input_close(&reader->blocks.input);
        r = error_system(error, -ENOMEM, "cannot open %s", path);
    }
    if (r < 0)
        return r;
    reader->blocks.damage = options->damage;
    reader->blocks.damage_data = options->damage_data;
    *ret_reader = steal_pointer(&reader);
    return 0;
}

/* Is the header whose copy number `copy` should be there a good one? The window holds all copies, or all of the
 * file. */
static bool header_copy(const struct input *input, size_t copy, struct file_header *ret_header)
{
    size_t at = copy * (BLOCK_HEADER_SIZE + FILE_HEADER_SIZE);
    const uint8_t *bytes = input_bytes(input) + at;
    struct block_header block;

    if (input_size(input) < at + BLOCK_HEADER_SIZE + FILE_HEADER_SIZE)
        return false;
    return block_header_get(bytes, &block) && block.kind == BLOCK_HEADER && block.stored == FILE_HEADER_SIZE &&
           block.raw == FILE_HEADER_SIZE && block_is_intact(bytes, &block, 0) &&
           file_header_get(bytes + BLOCK_HEADER_SIZE, FILE_HEADER_SIZE, ret_header);
}

static int no_header(const struct input *input, const char *path, struct sysfold_error *error)
{
    if (!input_size(input))
        return error_set(error, -EBADMSG, "%s is empty: not a sysfold capture", path);
    if (input_size(input) < 4 || memcmp(input_bytes(input), "SfHd", 4))
        return error_set(error, -EBADMSG, "%s is not a sysfold capture", path);
    return error_set(error, -EBADMSG, "%s begins like a sysfold capture, but its header is %s", path,
                     input->ended ? "cut short" : "damaged");
}

static int read_header(struct reader *reader, const char *path, struct sysfold_error *error)
{
    struct input *input = &reader->blocks.input;
    size_t size = FILE_HEADER_COPIES * (size_t)(BLOCK_HEADER_SIZE + FILE_HEADER_SIZE);
    struct file_header header;
    size_t copy = 0;
    int r = input_need(input, size, error);

    if (r < 0 && r != -EAGAIN)
        return error_system(error, r, "cannot read %s", path);
    while (copy < FILE_HEADER_COPIES && !header_copy(input, copy, &header))
        copy++;
    if (copy == FILE_HEADER_COPIES)
        return no_header(input, path, error);
    if (header.version != FILE_VERSION)
        return error_set(error, -EBADMSG, "%s is of format %u; this version reads format %u", path, header.version,
                         FILE_VERSION);
    reader->blocks.id = header.id;
    reader->builtin_matches = header.schema_crc == (uint32_t)crc32(0, reader->builtin, (uInt)reader->builtin_size);
    return 0;
}

/* Reads on until records can be understood. */
static int read_schema_block(struct reader *reader, struct sysfold_error *error)
{
    struct block block;
    int r;

    while (!reader->has_schema) {
        r = blocks_next(&reader->blocks, &block, error);
        if (r == 0)
            return error_set(error, -EBADMSG, "it ends before its schema: there is nothing to be read");
        if (r > 0)
            r = read_block(reader, &block, error);
        if (r < 0)
            return r;
        if (reader->has_schema || !(reader->batches_size || reader->ended))
            continue;
        if (!reader->builtin_matches)
            return error_set(error, -EBADMSG, "its schema is damaged: its records cannot be understood");
        reader->has_schema = true; /* the header tells which it was */
    }
    return 0;
}

static int read_preamble(struct reader *reader, const char *path, struct sysfold_error *error)
{
    int r;

    input_set_timeout(&reader->blocks.input, reader->blocks.input.waits ? PREAMBLE_WAIT_MS : -1);
    r = read_header(reader, path, error);
    if (r < 0)
        return r;
    r = read_schema_block(reader, error);
    if (r == -EAGAIN || r == -EINTR)
        return error_system(error, r, "cannot read the schema of %s", path);
    return r < 0 ? error_prefix(error, r, "%s", path) : 0;
}

int sysfold_file_open(const char *path, const struct sysfold_file_options *options, struct sysfold_stream **ret_stream,
                      struct sysfold_error *error)
{
    struct sysfold_file_options complete = {0};
    struct reader *reader = NULL;
    struct feed feed = {
        .name = "file",
        .next_batch = reader_next_batch,
        .source_name = reader_source_name,
        .source_backend = reader_source_backend,
        .exit_status = reader_exit_status,
        .stats = reader_stats,
        .close = reader_close,
    };
    int r;

    if (options && options->size < offsetof(struct sysfold_file_options, damage))
        return error_set(error, -EINVAL, "the options' size field is not set");
    if (options)
        memcpy(&complete, options, options->size < sizeof(complete) ? options->size : sizeof(complete));
    r = reader_create(path, &complete, &reader, error);
    if (r < 0)
        return r;
    r = read_preamble(reader, path, error);
    if (r < 0) {
        reader_close(reader);
        return r;
    }
    feed.data = reader;
    feed.schema = reader->schema ? file_schema_rows(reader->schema) : sysfold_schema_builtin();
    return stream_create(&feed, complete.no_state, complete.keep_exited, ret_stream, error);
}
