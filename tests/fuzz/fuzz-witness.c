// SPDX-License-Identifier: Apache-2.0
/* Any bytes as a truth and as strace's output: opened, read to the end, everything in them looked at. */

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <sysfold/compare.h>

#include "fuzz.h"

#define LOOKS_MAX 100

typedef int witness_open(const char *path, struct sysfold_stream **ret_stream, struct sysfold_error *error);

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

static void read_all(witness_open *open, const char *path)
{
    struct sysfold_stats stats = {.size = sizeof(stats)};
    struct sysfold_stream *stream;
    struct sysfold_error error = {0};
    const struct sysfold_event *event;
    size_t events = 0;

    if (open(path, &stream, &error) < 0) {
        if (!*error.message)
            abort();
        return;
    }
    while (sysfold_stream_fetch(stream, -1, NULL) > 0) {
        while ((event = sysfold_stream_next(stream))) {
            if (events++ < LOOKS_MAX)
                look_at(event);
        }
    }
    (void)sysfold_stream_stats(stream, &stats);
    if (stats.damaged) /* our own records are good ones, whatever they are made of */
        abort();
    sysfold_stream_close(stream);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *path = path_with(data, size);

    read_all(sysfold_truth_open, path);
    read_all(sysfold_strace_open, path);
    return 0;
}
