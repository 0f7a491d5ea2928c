// SPDX-License-Identifier: Apache-2.0
/*
 * Runs a command and prints what it does, one event a line; or prints a capture
 * file. Everything it needs is <sysfold/sysfold.h>, as C99 or as C++:
 *
 *     cc -std=c99 print-events.c $(pkg-config --cflags --libs sysfold) -o print-events
 *     ./print-events true
 *     ./print-events -r capture.sfold
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sysfold/sysfold.h>

static void print_event(const struct sysfold_event *event)
{
    const struct sysfold_process *process = sysfold_event_process(event);
    const struct sysfold_fd *fd = sysfold_event_fd(event);
    char text[1000];

    sysfold_event_format(event, text, sizeof(text));
    printf("%s %s", process && sysfold_process_name(process) ? sysfold_process_name(process) : "?", text);
    if (fd && sysfold_fd_name(fd))
        printf("  [%s]", sysfold_fd_name(fd));
    printf("\n");
}

static int print_stream(struct sysfold_stream *stream, struct sysfold_error *error)
{
    struct sysfold_stats stats;
    const struct sysfold_event *event;
    int r;

    do {
        r = sysfold_stream_fetch(stream, -1, error);
        while (r > 0 && (event = sysfold_stream_next(stream)) != NULL)
            print_event(event);
    } while (r > 0 || r == -EINTR || r == -EAGAIN);
    if (r < 0)
        return r;
    stats.size = sizeof(stats);
    sysfold_stream_stats(stream, &stats);
    printf("%llu events, %llu lost\n", (unsigned long long)stats.events, (unsigned long long)stats.lost);
    return 0;
}

static int open_stream(char **argv, struct sysfold_stream **ret_stream, struct sysfold_error *error)
{
    struct sysfold_live_options options;

    if (strcmp(argv[1], "-r") == 0)
        return sysfold_file_open(argv[2] ? argv[2] : "-", NULL, ret_stream, error);
    memset(&options, 0, sizeof(options));
    options.size = sizeof(options);
    options.argv = argv + 1;
    return sysfold_live_open(&options, ret_stream, error);
}

int main(int argc, char **argv)
{
    struct sysfold_error error;
    struct sysfold_stream *stream = NULL;
    int r;

    if (argc < 2) {
        fprintf(stderr, "usage: print-events CMD [ARG...] | -r FILE\n");
        return 2;
    }
    r = open_stream(argv, &stream, &error);
    if (r == 0)
        r = print_stream(stream, &error);
    sysfold_stream_close(stream);
    if (r < 0) {
        fprintf(stderr, "print-events: %s\n", error.message);
        return 1;
    }
    return 0;
}
