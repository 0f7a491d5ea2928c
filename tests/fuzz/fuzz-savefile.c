// SPDX-License-Identifier: Apache-2.0
/* Any bytes as a capture file: opened, read to the end, everything in it looked at. */

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "decoder/savefile/block.h"
#include "fuzz.h"

#define EVENTS_MAX 5000 /* more of the same teaches nothing */
#define LOOKS_MAX 100

static const char *path_with(const uint8_t *data, size_t size)
{
    static char path[32];
    static int fd = -1;

    if (fd < 0) {
        fd = memfd_create("fuzz", MFD_CLOEXEC);
        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    }
    if (fd < 0 || ftruncate(fd, 0) < 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
        abort();
    return path;
}

static void on_damage(const char *message, void *data)
{
    (void)data;
    if (!*message)
        abort();
}

static bool visit(const struct sysfold_process *process, void *data)
{
    char sum = 0;
    int status;

    for (const char *name = sysfold_process_name(process); name && *name; name++)
        sum = (char)(sum ^ *name);
    *(volatile char *)data = sum;
    (void)sysfold_process_exit_status(process, &status);
    (void)sysfold_process_fd(process, 0);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sysfold_file_options options = {.size = sizeof(options), .keep_exited = true, .damage = on_damage};
    struct sysfold_stats stats = {.size = sizeof(stats)};
    struct sysfold_stream *stream;
    struct sysfold_error error = {0};
    const struct sysfold_event *event;
    size_t events = 0;
    char sink;
    int status;

    if (sysfold_file_open(path_with(data, size), &options, &stream, &error) < 0) {
        if (!*error.message)
            abort();
        return 0;
    }
    while (events < EVENTS_MAX && sysfold_stream_fetch(stream, -1, NULL) > 0) {
        while (events < EVENTS_MAX && (event = sysfold_stream_next(stream))) {
            if (events++ < LOOKS_MAX)
                look_at(event);
        }
    }
    sysfold_stream_each_process(stream, visit, &sink);
    (void)sysfold_stream_stats(stream, &stats);
    (void)sysfold_stream_exit_status(stream, &status);
    sysfold_stream_close(stream);
    return 0;
}

/* Follows the blocks' lengths as far as they lead, and makes the checksums agree. */
void fuzz_repair(uint8_t *data, size_t size)
{
    uint32_t id = size < 32 ? 0 : get_le32(data + BLOCK_HEADER_SIZE + 12);
    struct block_header header;
    size_t at = 0;

    while (at + BLOCK_HEADER_SIZE <= size && block_header_get(data + at, &header) &&
           header.stored <= size - at - BLOCK_HEADER_SIZE) {
        block_header_put(data + at, &header, id, data + at + BLOCK_HEADER_SIZE);
        at += BLOCK_HEADER_SIZE + header.stored;
    }
}
