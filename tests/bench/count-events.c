// SPDX-License-Identifier: Apache-2.0
/*
 * count-events [--no-state] [--no-data] [--program-stats] [--only=CALLS] --system-wide | COMMAND [ARGUMENT]...: records
 * the command, or the machine until SIGTERM, by the eBPF backend and does nothing with the events but count them. Says
 * "ready" once it records the machine, and at the end in JSON how many there were, how much cpu that took since the
 * start, and with --program-stats what the programs in the kernel did.
 */

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include <sysfold/sysfold.h>

static struct sysfold_stream *stream;

static void on_signal(int signo)
{
    (void)signo;
    sysfold_stream_stop(stream);
}

static uint64_t cpu_ns(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return ((uint64_t)usage.ru_utime.tv_sec + (uint64_t)usage.ru_stime.tv_sec) * 1000000000 +
           ((uint64_t)usage.ru_utime.tv_usec + (uint64_t)usage.ru_stime.tv_usec) * 1000;
}

static int count(uint64_t *ret_events, struct sysfold_error *error)
{
    uint64_t events = 0;
    int r;

    while ((r = sysfold_stream_fetch(stream, -1, error)) > 0 || r == -EINTR) {
        while (sysfold_stream_next(stream))
            events++;
    }
    *ret_events = events;
    return r;
}

static void print_programs(void)
{
    struct sysfold_program program = {.size = sizeof(program)};

    printf(", \"programs\": [");
    for (size_t i = 0; sysfold_stream_program(stream, i, &program) == 0; i++, program.size = sizeof(program))
        printf("%s{\"name\": \"%s\", \"runs\": %" PRIu64 ", \"ns\": %" PRIu64 "}", i ? ", " : "", program.name,
               program.runs, program.ns);
    printf("]");
}

static char **take_options(char **arguments, struct sysfold_live_options *options)
{
    for (; *arguments && !strncmp(*arguments, "--", 2); arguments++) {
        options->no_state |= !strcmp(*arguments, "--no-state");
        options->no_data |= !strcmp(*arguments, "--no-data");
        options->program_stats |= !strcmp(*arguments, "--program-stats");
        options->system_wide |= !strcmp(*arguments, "--system-wide");
        if (!strncmp(*arguments, "--only=", 7))
            options->syscalls = *arguments + 7;
    }
    return arguments;
}

int main(int argc, char **argv)
{
    struct sysfold_live_options options = {.size = sizeof(options), .backend = "ebpf"};
    struct sysfold_stats stats = {.size = sizeof(stats)};
    struct sysfold_error error = {0};
    uint64_t events = 0, before;
    int r;

    if (argc < 2)
        return 2;
    argv = take_options(argv + 1, &options);
    options.argv = options.system_wide ? NULL : argv;
    r = sysfold_live_open(&options, &stream, &error);
    if (r == 0 && options.system_wide) {
        sigaction(SIGTERM, &(struct sigaction){.sa_handler = on_signal}, NULL);
        puts("ready");
        (void)fflush(stdout);
    }
    before = cpu_ns();
    if (r == 0)
        r = count(&events, &error);
    if (r < 0) {
        (void)fprintf(stderr, "count-events: %s\n", error.message);
        return 1;
    }
    sysfold_stream_stats(stream, &stats);
    printf("{\"events\": %" PRIu64 ", \"lost\": %" PRIu64 ", \"cpu_ns\": %" PRIu64, events, stats.lost,
           cpu_ns() - before);
    if (options.program_stats)
        print_programs();
    printf("}\n");
    sysfold_stream_close(stream);
    return 0;
}
