// SPDX-License-Identifier: Apache-2.0
#include "witness-kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/cleanup.h"

#define EVENT_TEXT_MAX 200000

static int log_file(const char *log, size_t size)
{
    int fd = memfd_create("log", MFD_CLOEXEC);

    cr_assert(fd >= 0);
    while (size) {
        ssize_t put = write(fd, log, size);

        cr_assert(put > 0);
        log += put;
        size -= (size_t)put;
    }
    return fd;
}

static void put_events(FILE *out, struct sysfold_stream *stream)
{
    cleanup_free char *text = malloc(EVENT_TEXT_MAX);
    const struct sysfold_event *event;

    cr_assert(text);
    while (sysfold_stream_fetch(stream, -1, NULL) > 0) {
        while ((event = sysfold_stream_next(stream))) {
            char *start;

            (void)sysfold_event_format(event, text, EVENT_TEXT_MAX);
            start = strstr(text, ", start_time="); /* of a birth: no more than the line's number */
            if (start)
                (void)strcpy(start, ")");
            (void)fprintf(out, "%u %s\n", sysfold_event_tid(event), text);
        }
    }
}

/* Without the path, which differs from run to run. */
static void put_error(FILE *out, int code, const struct sysfold_error *error, const char *path)
{
    const char *at = strstr(error->message, path);

    cr_expect_eq(error->code, code);
    (void)fprintf(out, "%s %.*s%s%s", strerrorname_np(-code), at ? (int)(at - error->message) : 0, error->message,
                  at ? "LOG" : "", at ? at + strlen(path) : error->message);
}

const char *told_of(witness_open *open, const char *log, size_t size)
{
    static char *told;
    cleanup_close int fd = log_file(log, size);
    struct sysfold_stream *stream = NULL;
    struct sysfold_error error = {0};
    char path[40];
    size_t length;
    FILE *out;
    int r;

    free(told);
    out = open_memstream(&told, &length);
    cr_assert(out);
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    r = open(path, &stream, &error);
    if (r < 0)
        put_error(out, r, &error, path);
    else
        put_events(out, stream);
    sysfold_stream_close(stream);
    (void)fclose(out);
    return told;
}
