// SPDX-License-Identifier: Apache-2.0
#include "traced.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>

static int output = -1;

const char *program(const char *name)
{
    static char path[PATH_MAX];
    char self[PATH_MAX / 2];
    ssize_t size = readlink("/proc/self/exe", self, sizeof(self) - 1);

    self[size < 0 ? 0 : size] = '\0';
    *strrchr(self, '/') = '\0';
    snprintf(path, sizeof(path), "%s/../programs/program-%s", self, name);
    return path;
}

int trace_open(struct trace *trace, const struct sysfold_live_options *options, struct sysfold_stream **ret_stream)
{
    struct sysfold_error error = {0};
    int saved = dup(STDOUT_FILENO), r;

    *trace = (struct trace){.status = -1};
    output = memfd_create("output", MFD_CLOEXEC);
    dup2(output, STDOUT_FILENO);
    r = sysfold_live_open(options, ret_stream, &error);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    snprintf(trace->error, sizeof(trace->error), "%s", error.message);
    return r;
}

static void see(struct trace *trace, const struct sysfold_event *event)
{
    struct seen *seen;

    if (trace->count == trace->room) {
        trace->room = trace->room ? trace->room * 2 : 256;
        trace->events = realloc(trace->events, trace->room * sizeof(*trace->events));
        cr_assert_not_null(trace->events);
    }
    seen = &trace->events[trace->count++];
    *seen = (struct seen){.tid = sysfold_event_tid(event), .flags = sysfold_event_flags(event)};
    snprintf(seen->name, sizeof(seen->name), "%s", sysfold_event_name(event));
    seen->has_result = sysfold_event_result(event, &seen->result) == 0;
    sysfold_event_format(event, seen->text, sizeof(seen->text));
}

bool trace_read(struct trace *trace, struct sysfold_stream *stream, size_t most)
{
    const struct sysfold_event *event;
    struct sysfold_error error = {0};
    size_t before = trace->count;

    while ((trace->end = sysfold_stream_fetch(stream, -1, &error)) > 0 || trace->end == -EINTR) {
        while ((event = sysfold_stream_next(stream))) {
            see(trace, event);
            if (most && trace->count - before == most)
                return true;
        }
    }
    if (trace->end < 0)
        snprintf(trace->error, sizeof(trace->error), "%s", error.message);
    return false;
}

bool trace_await_output(void)
{
    struct stat stat = {0};

    for (int i = 0; i < 3000 && !stat.st_size; i++) {
        fstat(output, &stat);
        usleep(10000);
    }
    return stat.st_size > 0;
}

/* Whatever was traced: a thread's first event says where it comes from, its last that it ended. */
static void check_lives(const struct trace *trace)
{
    const uint32_t most = 4194304; /* the kernel's largest pid_max */
    uint8_t *life = calloc(most, 1);

    cr_assert_not_null(life);
    for (size_t i = 0; i < trace->count; i++) {
        const struct seen *seen = &trace->events[i];
        uint8_t *now = &life[seen->tid % most];

        if (!strcmp(seen->name, "lost") || !strcmp(seen->name, "process_exit"))
            continue;
        if (!strcmp(seen->name, "thread_start") || !strcmp(seen->name, "snap_thread")) {
            cr_assert_neq(*now, 1, "%u is born twice: %s", seen->tid, seen->text);
            *now = 1;
            continue;
        }
        cr_assert_eq(*now, 1, "%u does not live: %s", seen->tid, seen->text);
        if (!strcmp(seen->name, "thread_exit"))
            *now = 2;
    }
    free(life);
}

void trace_close(struct trace *trace, struct sysfold_stream *stream)
{
    struct sysfold_stats stats = {.size = sizeof(stats)};
    ssize_t size = pread(output, trace->output, sizeof(trace->output) - 1, 0);

    trace->output[size > 0 ? size : 0] = '\0';
    close(output);
    sysfold_stream_stats(stream, &stats);
    trace->lost = stats.lost;
    sysfold_stream_exit_status(stream, &trace->status);
    sysfold_stream_close(stream);
    if (!trace->lost)
        check_lives(trace);
}

void trace_run(struct trace *trace, const struct sysfold_live_options *options)
{
    struct sysfold_stream *stream = NULL;

    cr_assert_eq(trace_open(trace, options, &stream), 0, "%s", trace->error);
    trace_read(trace, stream, 0);
    cr_assert_eq(trace->end, 0, "%s", trace->error);
    trace_close(trace, stream);
    cr_assert_eq(trace->lost, 0);
}

void trace_finish(struct trace *trace)
{
    free(trace->events);
    *trace = (struct trace){0};
}

size_t trace_count(const struct trace *trace, const char *name)
{
    size_t count = 0;

    for (size_t i = 0; i < trace->count; i++)
        count += !strcmp(trace->events[i].name, name);
    return count;
}

size_t trace_count_result(const struct trace *trace, const char *name, int64_t result)
{
    size_t count = 0;

    for (size_t i = 0; i < trace->count; i++) {
        const struct seen *seen = &trace->events[i];

        count += !strcmp(seen->name, name) && seen->has_result && seen->result == result;
    }
    return count;
}

size_t trace_count_text(const struct trace *trace, const char *name, const char *text)
{
    size_t count = 0;

    for (size_t i = 0; i < trace->count; i++)
        count += !strcmp(trace->events[i].name, name) && strstr(trace->events[i].text, text);
    return count;
}

const struct seen *trace_nth(const struct trace *trace, const char *name, size_t n)
{
    for (size_t i = 0; i < trace->count; i++) {
        if (!strcmp(trace->events[i].name, name) && n-- == 0)
            return &trace->events[i];
    }
    cr_assert_fail("there are not so many %s", name);
    return NULL;
}
