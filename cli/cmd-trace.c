// SPDX-License-Identifier: Apache-2.0
/* sysfold trace: what a program does, while it does it. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "capture.h"
#include "output.h"

struct trace {
    struct capture_arguments capture;
    struct output output;
    struct style style;
    enum color color;
    const char *path;
};

static int trace_failed(const struct trace *trace, struct sysfold_error *error)
{
    int r = trace->output.error;

    if (r) {
        error->code = r;
        (void)snprintf(error->message, sizeof(error->message), "cannot write to %s: %s",
                       trace->path ? trace->path : "standard error", strerror(-r));
    }
    return r;
}

static int trace_put(void *data, const struct sysfold_event *event, struct sysfold_error *error)
{
    struct trace *trace = data;

    output_event(&trace->output, event, &trace->style);
    return trace_failed(trace, error);
}

static int trace_flush(void *data, struct sysfold_error *error)
{
    struct trace *trace = data;

    output_flush(&trace->output);
    return trace_failed(trace, error);
}

static int trace_open_output(struct trace *trace)
{
    int fd = STDERR_FILENO;

    if (trace->path && !strcmp(trace->path, "-"))
        fd = STDOUT_FILENO;
    else if (trace->path)
        fd = open(trace->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) {
        complain("cannot write to %s: %s", trace->path, strerror(errno));
        return -errno;
    }
    trace->style.color = use_color(trace->color, fd) && !trace->style.json;
    return output_init(&trace->output, fd);
}

static int trace_close_output(struct trace *trace)
{
    output_finish(&trace->output);
    if (trace->output.fd == STDERR_FILENO || close(trace->output.fd) == 0 || trace->output.error)
        return 0;
    complain("cannot write to %s: %s", trace->path, strerror(errno));
    return -errno;
}

static bool trace_take_option(struct trace *trace, int option)
{
    switch (option) {
    case 'o':
        trace->path = optarg;
        return true;
    case 'a':
        return trace->style.all = true;
    case 300:
        return trace->style.json = true;
    case 301:
        if (parse_color(optarg, &trace->color))
            return true;
        misused(&command_trace, "--color: '%s' is none of auto, always, never", optarg);
        return false;
    default:
        return capture_take_option(&command_trace, &trace->capture, option);
    }
}

static bool trace_parse(struct trace *trace, int argc, char **argv)
{
    static const struct option options[] = {CAPTURE_OPTIONS,
                                            {"output", required_argument, NULL, 'o'},
                                            {"all", no_argument, NULL, 'a'},
                                            {"json", no_argument, NULL, 300},
                                            {"color", required_argument, NULL, 301},
                                            {0}};
    int option;

    while ((option = next_option(&command_trace, argc, argv, CAPTURE_LETTERS "o:a", options)) != -1) {
        if (!trace_take_option(trace, option))
            return false;
    }
    return capture_take_target(&command_trace, &trace->capture, argc, argv);
}

static int trace_run(struct trace *trace)
{
    const struct sink sink = {.data = trace, .put = trace_put, .batch_end = trace_flush, .finish = trace_flush};
    struct capture_result result;

    if (trace_open_output(trace) < 0)
        return EXIT_OURS;
    capture_run(&trace->capture, &sink, &result);
    if (trace_close_output(trace) < 0)
        return EXIT_OURS;
    if (result.launched && result.stats.lost)
        complain("%llu events were lost", (unsigned long long)result.stats.lost);
    return capture_exit(&result);
}

static int run(int argc, char **argv)
{
    struct trace trace = {.color = COLOR_AUTO};
    int status = trace_parse(&trace, argc, argv) ? trace_run(&trace) : EXIT_OURS;

    capture_arguments_finish(&trace.capture);
    return status;
}

const struct command command_trace = {
    .name = "trace",
    .summary = "run a command, or attach to processes, and print what they do",
    .help = "Usage: sysfold trace [OPTION]... [--] COMMAND [ARGUMENT]...\n"
            "  or:  sysfold trace [OPTION]... -p PID...\n"
            "  or:  sysfold trace [OPTION]... --system-wide | --cgroup=PATH | --container=ID | --socket=PATH\n"
            "Print each system call with its arguments and its result, one line an event,\n"
            "on standard error.\n"
            "\n" CAPTURE_HELP "\n"
            "How to show it:\n"
            "  -o, --output=FILE    write to FILE (`-`: standard output)\n"
            "      --json           JSON Lines\n"
            "  -a, --all            text: also what was there before (snapshot events)\n"
            "      --color=WHEN     auto (the default), always or never\n"
            "  -h, --help           this text\n"
            "\n" CAPTURE_STATUS_HELP "\n"
            "Examples:\n"
            "  sysfold trace -- ls -l\n"
            "  sysfold trace -e openat,connect --timed -- curl -s localhost\n"
            "  sysfold trace --json -o - -e network -p 4711 | jq -c '.[\"evt.args\"]'\n",
    .trouble = EXIT_OURS,
    .run = run,
};
