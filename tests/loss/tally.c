// SPDX-License-Identifier: Apache-2.0
/*
 * tally FILE PID...: what the main threads of these processes read and wrote, a line each descriptor: PID CALL FD CALLS
 * BYTES. Of connections that were accepted FD is "accepted", for all together. The last line is of the whole capture:
 * events N lost N.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sysfold/sysfold.h>

#define PIDS_MAX 8
#define FDS_MAX 1024
#define ACCEPTED FDS_MAX
#define CALL_COUNT 3

static const char *const calls[CALL_COUNT] = {"read", "write", "writev"};

struct sum {
    uint64_t calls, bytes;
};

struct process {
    uint32_t pid;
    bool accepted[FDS_MAX];
    struct sum sums[CALL_COUNT][FDS_MAX + 1];
};

static struct process processes[PIDS_MAX];
static int process_count;

static struct process *process_of(const struct sysfold_event *event)
{
    for (int i = 0; i < process_count; i++) {
        if (processes[i].pid == sysfold_event_tid(event))
            return &processes[i];
    }
    return NULL;
}

static void note_transfer(struct process *process, int call, const struct sysfold_event *event, int64_t result)
{
    struct sysfold_value fd = {.status = SYSFOLD_ABSENT};
    struct sum *sum;

    if (result < 0 || sysfold_event_param_by_name(event, "fd", &fd) < 0 || fd.u >= FDS_MAX)
        return;
    sum = &process->sums[call][process->accepted[fd.u] ? ACCEPTED : fd.u];
    sum->calls++;
    sum->bytes += (uint64_t)result;
}

static void note_event(struct process *process, const struct sysfold_event *event)
{
    const char *name = sysfold_event_name(event);
    struct sysfold_value fd = {.status = SYSFOLD_ABSENT};
    int64_t result = -ENODATA;

    if (sysfold_event_result(event, &result) < 0)
        return;
    for (int i = 0; i < CALL_COUNT; i++) {
        if (!strcmp(name, calls[i]))
            note_transfer(process, i, event, result);
    }
    if (!strncmp(name, "accept", 6) && result >= 0 && result < FDS_MAX)
        process->accepted[result] = true;
    else if (!strcmp(name, "close") && sysfold_event_param_by_name(event, "fd", &fd) == 0 && fd.u < FDS_MAX)
        process->accepted[fd.u] = false;
}

static void print_sums(const struct process *process)
{
    for (int call = 0; call < CALL_COUNT; call++) {
        for (int fd = 0; fd <= ACCEPTED; fd++) {
            const struct sum *sum = &process->sums[call][fd];
            char number[16];

            (void)snprintf(number, sizeof(number), "%d", fd);
            if (sum->calls)
                printf("%u %s %s %" PRIu64 " %" PRIu64 "\n", process->pid, calls[call],
                       fd == ACCEPTED ? "accepted" : number, sum->calls, sum->bytes);
        }
    }
}

int main(int argc, char **argv)
{
    const struct sysfold_file_options options = {.size = sizeof(options), .no_state = true};
    struct sysfold_stats stats = {.size = sizeof(stats)};
    const struct sysfold_event *event;
    struct sysfold_stream *stream = NULL;
    struct sysfold_error error = {0};
    int r;

    for (int i = 2; i < argc && process_count < PIDS_MAX; i++)
        processes[process_count++].pid = (uint32_t)strtoul(argv[i], NULL, 10);
    r = argc > 2 ? sysfold_file_open(argv[1], &options, &stream, &error) : -EINVAL;
    while (r >= 0 && (r = sysfold_stream_fetch(stream, -1, &error)) > 0) {
        while ((event = sysfold_stream_next(stream))) {
            struct process *process = process_of(event);

            if (process)
                note_event(process, event);
        }
    }
    if (r < 0 || sysfold_stream_stats(stream, &stats) < 0) {
        (void)fprintf(stderr, "tally: %s\n", error.message);
        return 1;
    }
    for (int i = 0; i < process_count; i++)
        print_sums(&processes[i]);
    printf("events %" PRIu64 " lost %" PRIu64 "\n", stats.events, stats.lost);
    sysfold_stream_close(stream);
    return 0;
}
