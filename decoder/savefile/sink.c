// SPDX-License-Identifier: Apache-2.0
#include "sink.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "common/error.h"
#include "decoder/decode/record.h"
#include "decoder/savefile/schema.pb-c.h"
#include "decoder/savefile/version.h"
#include "schema.h"

#define NO_BATCH SIZE_MAX
#define SCHEMA_LEVEL 9 /* once for each capture, and most of a small one */

/* Writing whole blocks. */

/* A consumer that made its end of the pipe non-blocking made ours so, too. */
static int wait_writable(int fd)
{
    struct pollfd pollfd = {.fd = fd, .events = POLLOUT};

    return poll(&pollfd, 1, -1) < 0 && errno != EINTR ? -errno : 0;
}

static int write_all(int fd, struct iovec *parts, int count)
{
    int r = 0;

    while (count && r == 0) {
        ssize_t n = writev(fd, parts, count);

        if (n < 0 && errno == EAGAIN)
            r = wait_writable(fd);
        else if (n < 0 && errno != EINTR)
            r = -errno;
        for (; n >= 0 && count && (size_t)n >= parts->iov_len; parts++, count--)
            n -= (ssize_t)parts->iov_len;
        if (n > 0) {
            parts->iov_base = (uint8_t *)parts->iov_base + n;
            parts->iov_len -= (size_t)n;
        }
    }
    return r;
}

/* Compresses into sink->stored; the size, or `size` where that would not make it smaller. */
static uint32_t compress_payload(struct sink *sink, const uint8_t *payload, size_t size)
{
    z_stream *stream = &sink->deflate;

    if (!sink->level || size < 2 || size > sink->raw_capacity || deflateReset(stream) != Z_OK)
        return (uint32_t)size;
    stream->next_in = (uint8_t *)(uintptr_t)payload;
    stream->avail_in = (uInt)size;
    stream->next_out = sink->stored;
    stream->avail_out = (uInt)(size - 1);
    return deflate(stream, Z_FINISH) == Z_STREAM_END ? (uint32_t)stream->total_out : (uint32_t)size;
}

static int write_block(struct sink *sink, uint32_t kind, const uint8_t *payload, size_t size, bool as_it_is,
                       struct sysfold_error *error)
{
    uint8_t bytes[BLOCK_HEADER_SIZE];
    struct block_header header = {.kind = kind, .stored = (uint32_t)size, .raw = (uint32_t)size};
    struct iovec parts[2] = {{bytes, sizeof(bytes)}, {(uint8_t *)(uintptr_t)payload, size}};
    int r;

    if (!as_it_is)
        header.stored = compress_payload(sink, payload, size);
    if (header.stored < header.raw)
        parts[1] = (struct iovec){sink->stored, header.stored};
    block_header_put(bytes, &header, sink->id, parts[1].iov_base);
    r = write_all(sink->fd, parts, 2);
    if (r < 0) {
        sink->failed = true;
        if (sink->ours && ftruncate(sink->fd, (off_t)sink->offset) < 0)
            return error_system(error, r, "cannot write %s (it ends in the middle of a block)", sink->path);
        return error_system(error, r, "cannot write %s", sink->path);
    }
    __atomic_store_n(&sink->offset, sink->offset + sizeof(bytes) + header.stored, __ATOMIC_RELAXED);
    return 0;
}

/* The preamble. */

static uint32_t random_id(uint64_t time)
{
    uint32_t id;

    if (getrandom(&id, sizeof(id), GRND_NONBLOCK) != (ssize_t)sizeof(id))
        id = (uint32_t)(time ^ time >> 32) * 2654435761u ^ (uint32_t)getpid();
    return id;
}

static int write_headers(struct sink *sink, uint32_t schema_crc, struct sysfold_error *error)
{
    struct file_header header = {.version = FILE_VERSION, .schema_crc = schema_crc, .software = SAVEFILE_SOFTWARE};
    uint8_t payload[FILE_HEADER_SIZE];
    struct utsname name;
    struct timespec time;
    int r = 0;

    clock_gettime(CLOCK_REALTIME, &time);
    header.time = (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
    header.flags = BLOCK_RECORDS_NATIVE == BLOCK_RECORDS_BIG ? FILE_BIG_ENDIAN : 0;
    header.id = sink->id = random_id(header.time);
    if (uname(&name) == 0) {
        memcpy(header.machine, name.machine, strnlen(name.machine, sizeof(header.machine) - 1));
        memcpy(header.hostname, name.nodename, strnlen(name.nodename, sizeof(header.hostname) - 1));
        memcpy(header.release, name.release, strnlen(name.release, sizeof(header.release) - 1));
    }
    file_header_put(payload, &header);
    for (int i = 0; i < FILE_HEADER_COPIES && r == 0; i++)
        r = write_block(sink, BLOCK_HEADER, payload, sizeof(payload), true, error);
    return r;
}

int sink_begin(struct sink *sink, const struct sysfold_schema *schema, struct sysfold_error *error)
{
    uint8_t *bytes;
    size_t size;
    int r = schema_pack(schema, &bytes, &size);

    if (r < 0)
        return error_system(error, r, "cannot write %s", sink->path);
    if (size > BLOCK_META_MAX)
        r = error_set(error, -EMSGSIZE, "cannot write %s: its schema takes %zu bytes", sink->path, size);
    if (r == 0)
        r = write_headers(sink, (uint32_t)crc32(0, bytes, (uInt)size), error);
    if (r == 0)
        r = write_block(sink, BLOCK_SCHEMA, bytes, size, false, error);
    free(bytes);
    if (r == 0 && (deflateReset(&sink->deflate) != Z_OK ||
                   deflateParams(&sink->deflate, sink->level_of_records, Z_DEFAULT_STRATEGY) != Z_OK))
        r = error_system(error, -ENOMEM, "cannot write %s", sink->path);
    sink->level = sink->level_of_records;
    return r;
}

/* Sources. */

/* Remembers that the source is known from now on. 1: it was already. */
static int remember_source(struct sink *sink, uint32_t number)
{
    size_t low = 0, high = sink->source_count;
    uint32_t *grown;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (sink->sources[middle] == number)
            return 1;
        if (sink->sources[middle] < number)
            low = middle + 1;
        else
            high = middle;
    }
    grown = realloc(sink->sources, (sink->source_count + 1) * sizeof(*grown));
    if (!grown)
        return -ENOMEM;
    memmove(grown + low + 1, grown + low, (sink->source_count - low) * sizeof(*grown));
    grown[low] = number;
    sink->sources = grown;
    sink->source_count++;
    return 0;
}

static int write_source(struct sink *sink, uint32_t number, const char *name, const char *backend,
                        struct sysfold_error *error)
{
    Sfold__Source source = SFOLD__SOURCE__INIT;
    uint8_t bytes[1024];

    source.number = number;
    source.name = (char *)(uintptr_t)name;
    source.backend = (char *)(uintptr_t)backend;
    if (sfold__source__get_packed_size(&source) > sizeof(bytes))
        return error_set(error, -ENAMETOOLONG, "cannot write %s: the name of source %u is too long", sink->path,
                         number);
    return write_block(sink, BLOCK_SOURCE, bytes, sfold__source__pack(&source, bytes), true, error);
}

static void close_batch(struct sink *sink)
{
    if (sink->batch_at == NO_BATCH)
        return;
    batch_header_put(sink->raw + sink->batch_at, &sink->batch);
    sink->batch_at = NO_BATCH;
}

int sink_source(struct sink *sink, uint32_t number, const char *name, const char *backend, bool swapped,
                struct sysfold_error *error)
{
    int r;

    close_batch(sink);
    if (swapped != sink->swapped) {
        r = sink_flush(sink, error);
        if (r < 0)
            return r;
        sink->swapped = swapped;
    }
    sink->batch = (struct batch_header){.source = number, .cpu = -1};
    r = remember_source(sink, number);
    if (r < 0)
        return error_system(error, r, "cannot write %s", sink->path);
    return r ? 0 : write_source(sink, number, name, backend, error);
}

/* Records. */

static void open_batch(struct sink *sink)
{
    sink->batch_at = sink->raw_size;
    sink->raw_size += BATCH_HEADER_SIZE;
    sink->batch = (struct batch_header){.source = sink->batch.source, .cpu = -1, .first = UINT64_MAX};
}

static void widen(uint64_t *first, uint64_t *last, uint64_t time)
{
    if (time < *first)
        *first = time;
    if (time > *last)
        *last = time;
}

static void count_lost(struct sink *sink, const uint8_t *bytes, size_t size)
{
    struct record record;

    if (record_read(&record, sysfold_schema_builtin(), bytes, size, sink->swapped) > 0)
        sink->totals.lost += (uint64_t)record_integer(&record, P_LOST_count, 0);
}

int sink_record(struct sink *sink, const uint8_t *record, size_t size, struct sysfold_error *error)
{
    uint64_t time = load_u64(record + 8, sink->swapped);

    if (sink->raw_size && sink->raw_size + BATCH_HEADER_SIZE + size > sink->raw_limit) {
        int r = sink_flush(sink, error);

        if (r < 0)
            return r;
    }
    if (sink->batch_at == NO_BATCH)
        open_batch(sink);
    memcpy(sink->raw + sink->raw_size, record, size);
    sink->raw_size += size;
    sink->batch.size += (uint32_t)size;
    sink->batch.count++;
    sink->block.count++;
    widen(&sink->batch.first, &sink->batch.last, time);
    widen(&sink->block.first, &sink->block.last, time);
    sink->totals.bytes += size;
    if ((load_u16(record, sink->swapped) & RECORD_NUMBER_MASK) == ROW_LOST)
        count_lost(sink, record, size);
    else
        sink->totals.events++;
    return 0;
}

static int write_index(struct sink *sink, struct sysfold_error *error)
{
    uint64_t offset = sink->offset;
    int r;

    if (!sink->index_count)
        return 0;
    put_le64(sink->index, sink->totals.index_offset);
    put_le64(sink->index + 8, sink->index_count);
    r = write_block(sink, BLOCK_INDEX, sink->index, INDEX_HEADER_SIZE + sink->index_count * INDEX_ENTRY_SIZE, false,
                    error);
    sink->index_count = 0;
    sink->totals.index_offset = offset;
    return r;
}

static int add_to_index(struct sink *sink, struct sysfold_error *error)
{
    size_t count = sink->index_count;
    uint8_t *grown;

    if (!(count & (count - 1))) { /* grows when it is a power of two: doubles */
        grown = realloc(sink->index, INDEX_HEADER_SIZE + (count ? count * 2 : 1) * INDEX_ENTRY_SIZE);
        if (!grown)
            return error_system(error, -ENOMEM, "cannot write %s", sink->path);
        sink->index = grown;
    }
    index_entry_put(sink->index + INDEX_HEADER_SIZE + count * INDEX_ENTRY_SIZE, &sink->block);
    sink->index_count++;
    return sink->index_count == INDEX_ENTRIES_MAX ? write_index(sink, error) : 0;
}

int sink_flush(struct sink *sink, struct sysfold_error *error)
{
    int r;

    if (!sink->raw_size)
        return 0;
    close_batch(sink);
    sink->block.offset = sink->offset;
    sink->block.kind = sink->swapped ? BLOCK_RECORDS_SWAPPED : BLOCK_RECORDS_NATIVE;
    r = write_block(sink, sink->block.kind, sink->raw, sink->raw_size, false, error);
    if (r < 0)
        return r;
    if (!sink->totals.blocks++)
        sink->totals.first = UINT64_MAX;
    widen(&sink->totals.first, &sink->totals.last, sink->block.first);
    widen(&sink->totals.first, &sink->totals.last, sink->block.last);
    r = add_to_index(sink, error);
    sink->raw_size = 0;
    sink->block = (struct index_entry){.first = UINT64_MAX};
    return r;
}

int sink_end(struct sink *sink, const int *exit_status, struct sysfold_error *error)
{
    uint8_t payload[FILE_END_SIZE];
    int r = sink_flush(sink, error);

    if (r == 0)
        r = write_index(sink, error);
    if (r < 0)
        return r;
    if (exit_status) {
        sink->totals.flags = FILE_END_HAS_STATUS;
        sink->totals.exit_status = *exit_status;
    }
    file_end_put(payload, &sink->totals);
    return write_block(sink, BLOCK_END, payload, sizeof(payload), true, error);
}

/* Opening and closing. */

static int open_fd(struct sink *sink, struct sysfold_error *error)
{
    bool standard = !strcmp(sink->path, "-");
    struct stat status;

    if (standard) {
        sink->path = "standard output";
        if (isatty(STDOUT_FILENO))
            return error_set(error, -EINVAL, "a capture is not for a terminal: redirect standard output");
        sink->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    } else {
        /* A capture holds what its processes read and wrote: nobody else's business. */
        sink->fd = open(sink->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0600);
    }
    if (sink->fd < 0)
        return error_system(error, -errno, "cannot create %s", sink->path);
    sink->ours = !standard && fstat(sink->fd, &status) == 0 && S_ISREG(status.st_mode);
    return 0;
}

static void release(struct sink *sink)
{
    (void)deflateEnd(&sink->deflate);
    free(sink->raw);
    free(sink->stored);
    free(sink->sources);
    free(sink->index);
}

int sink_open(struct sink *sink, const char *path, const struct sink_options *options, struct sysfold_error *error)
{
    int r;

    *sink = (struct sink){
        .path = path,
        .level = SCHEMA_LEVEL,
        .level_of_records = options->compression,
        .raw_limit = options->block_size,
        .raw_capacity = options->block_size + BATCH_HEADER_SIZE + RECORD_SIZE_MAX,
        .batch_at = NO_BATCH,
        .block = {.first = UINT64_MAX},
    };
    if (sink->raw_capacity < BLOCK_META_MAX) /* so that an index or a schema can be compressed, too */
        sink->raw_capacity = BLOCK_META_MAX;
    sink->raw = malloc(sink->raw_capacity);
    sink->stored = malloc(sink->raw_capacity);
    if (!sink->raw || !sink->stored || deflateInit(&sink->deflate, sink->level) != Z_OK) {
        free(sink->raw);
        free(sink->stored);
        return error_system(error, -ENOMEM, "cannot create %s", path);
    }
    r = open_fd(sink, error);
    if (r < 0)
        release(sink);
    return r;
}

int sink_close(struct sink *sink, struct sysfold_error *error)
{
    int r = close(sink->fd) < 0 ? -errno : 0;

    if (r < 0 && r != -EINTR && !sink->failed)
        (void)error_system(error, r, "cannot write %s", sink->path);
    else
        r = 0;
    release(sink);
    return r;
}
