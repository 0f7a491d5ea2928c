// SPDX-License-Identifier: Apache-2.0
/*
 * recorder FILE [PID]...: records every process of the machine, or these, with the eBPF backend, as by default, until
 * its standard input ends. Says "recording" once it does, and at the end how many events there were and how many were
 * lost.
 */

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sysfold/sysfold.h>

#define PIDS_MAX 8

static bool is_over(void)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};

    return poll(&input, 1, 0) > 0;
}

static int write_events(struct sysfold_stream *stream, struct sysfold_writer *writer, struct sysfold_error *error)
{
    const struct sysfold_event *event;
    bool stopped = false;
    int r;

    while ((r = sysfold_stream_fetch(stream, 100, error)) != 0) {
        if (r < 0 && r != -EAGAIN && r != -EINTR)
            return r;
        while (r > 0 && (event = sysfold_stream_next(stream))) {
            r = sysfold_writer_put(writer, event, error);
            if (r < 0)
                return r;
            r = 1;
        }
        if (!stopped && is_over()) {
            sysfold_stream_stop(stream);
            stopped = true;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    pid_t pids[PIDS_MAX];
    struct sysfold_live_options options = {.size = sizeof(options), .backend = "ebpf", .pids = pids};
    const struct sysfold_writer_options written = {.size = sizeof(written)};
    struct sysfold_stats stats = {.size = sizeof(stats)};
    struct sysfold_stream *stream = NULL;
    struct sysfold_writer *writer = NULL;
    struct sysfold_error error = {0};
    int r = -EINVAL;

    for (int i = 2; i < argc && options.pid_count < PIDS_MAX; i++)
        pids[options.pid_count++] = (pid_t)strtol(argv[i], NULL, 10);
    options.system_wide = options.pid_count == 0;
    if (argc > 1)
        r = sysfold_live_open(&options, &stream, &error);
    if (r == 0)
        r = sysfold_writer_open(argv[1], stream, &written, &writer, &error);
    if (r == 0) {
        puts("recording");
        (void)fflush(stdout);
        r = write_events(stream, writer, &error);
    }
    if (r == 0)
        r = sysfold_writer_close(writer, &error);
    else
        (void)sysfold_writer_close(writer, NULL);
    if (r < 0)
        printf("failed: %s\n", error.message);
    else if (sysfold_stream_stats(stream, &stats) == 0)
        printf("events %" PRIu64 " lost %" PRIu64 "\n", stats.events, stats.lost);
    sysfold_stream_close(stream);
    return r < 0;
}
