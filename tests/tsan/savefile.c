// SPDX-License-Identifier: Apache-2.0
/* A capture that is read while it is written: the writer's two threads and a reader that follows. A plain program,
 * for ThreadSanitizer. Exit status 0: every event came through, in order. */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <sysfold/sysfold.h>

#include "common/encode.h"
#include "decoder/stream.h"

#define EVENTS 100000

static char path[64];
static struct encoder encoder;
static uint64_t made;

static void fail(const char *what)
{
    (void)fprintf(stderr, "%s\n", what);
    exit(1);
}

static int next_batch(void *data, int timeout_ms, struct batch *ret_batch, struct sysfold_error *error)
{
    static const uint8_t zeroes[2000];

    (void)data;
    (void)timeout_ms;
    (void)error;
    if (made == EVENTS)
        return 0;
    encoder_begin(&encoder, row_builtin(ROW_READ), 1, ++made);
    encoder_integer(&encoder, P_READ_res, 1);
    encoder_bytes(&encoder, P_READ_data, zeroes, made * 7 % sizeof(zeroes), 60000);
    *ret_batch = (struct batch){.source = (uint32_t)(made / 1000 % 3), .cpu = -1};
    ret_batch->records = encoder_finish(&encoder, &ret_batch->size);
    return 1;
}

static void nothing(void *data)
{
    (void)data;
}

static void *follow(void *data)
{
    const struct sysfold_file_options options = {.size = sizeof(options), .no_state = true, .follow = true};
    const struct sysfold_event *event;
    struct sysfold_stream *stream;
    uint64_t seen = 0;

    (void)data;
    if (sysfold_file_open(path, &options, &stream, NULL) < 0)
        fail("cannot open the file");
    while (sysfold_stream_fetch(stream, -1, NULL) > 0) {
        while ((event = sysfold_stream_next(stream))) {
            if (sysfold_event_time(event) != ++seen)
                fail("an event is missing or out of order");
        }
    }
    if (seen != EVENTS)
        fail("events are missing at the end");
    sysfold_stream_close(stream);
    return NULL;
}

int main(void)
{
    const struct sysfold_writer_options options = {.size = sizeof(options), .block_size = 8192, .flush_ms = 1};
    struct feed feed = {.name = "test", .schema = sysfold_schema_builtin(), .next_batch = next_batch, .close = nothing};
    const struct sysfold_event *event;
    struct sysfold_stream *stream;
    struct sysfold_writer *writer;
    uint64_t bytes = 0;
    pthread_t reader;
    int fd = memfd_create("capture", MFD_CLOEXEC);

    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (stream_create(&feed, true, false, &stream, NULL) < 0 ||
        sysfold_writer_open(path, stream, &options, &writer, NULL) < 0)
        fail("cannot begin");
    if (pthread_create(&reader, NULL, follow, NULL))
        fail("cannot make a thread");
    while (sysfold_stream_fetch(stream, -1, NULL) > 0) {
        while ((event = sysfold_stream_next(stream))) {
            if (sysfold_writer_put(writer, event, NULL) < 0 || sysfold_writer_bytes(writer) < bytes)
                fail("cannot put an event");
            bytes = sysfold_writer_bytes(writer);
        }
    }
    if (sysfold_writer_close(writer, NULL) < 0)
        fail("cannot close the writer");
    pthread_join(reader, NULL);
    sysfold_stream_close(stream);
    close(fd);
    return 0;
}
