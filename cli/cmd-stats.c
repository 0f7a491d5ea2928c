// SPDX-License-Identifier: Apache-2.0
/* sysfold stats: how many of what. */

#include <stdio.h>
#include <string.h>

#include "json.h"
#include "reading.h"
#include "statistics.h"
#include "stats-live.h"

static bool show_all(struct statistics *statistics, const struct sysfold_stream *stream, bool json)
{
    if (!statistics_conclude(statistics, stream))
        return false;
    if (json)
        return json_show(statistics_json(statistics, stream));
    statistics_show(statistics, stream, stdout);
    return true;
}

static int show(struct reading *reading, bool json)
{
    const struct sysfold_event *event;
    struct statistics statistics;
    bool shown;

    statistics_init(&statistics);
    while ((event = reading_next(reading, NULL, NULL)))
        statistics_count(&statistics, event);
    shown = show_all(&statistics, reading->stream, json);
    statistics_finish(&statistics);
    return shown ? reading_status(reading) : EXIT_TROUBLE;
}

/* A capture has options of its own, so this one decides whose are read. */
static bool is_live(char **argv)
{
    while (*++argv && strcmp(*argv, "--") != 0) {
        if (!strcmp(*argv, "--live"))
            return true;
    }
    return false;
}

static int run(int argc, char **argv)
{
    return is_live(argv) ? stats_live_run(argc, argv) : reading_run(&command_stats, show, argc, argv);
}

const struct command command_stats = {
    .name = "stats",
    .summary = "count the events of a capture file or a live capture, by event and by process",
    .help = "Usage: sysfold stats [--json] FILE\n"
            "  or:  sysfold stats --live [OPTION]... [--] COMMAND [ARGUMENT]...\n"
            "  or:  sysfold stats --live [OPTION]... -p PID...\n"
            "  or:  sysfold stats --live [OPTION]... --system-wide | --cgroup=PATH | --container=ID\n"
            "Count the events of a capture file (`-`: standard input): how many, how many failed,\n"
            "how many were lost, from when to when, by event and by process. Seconds are shown\n"
            "where the capture was made with --timed.\n"
            "\n"
            "      --json  as one JSON document, times in nanoseconds\n"
            "  -h, --help  this text\n"
            "\n"
            "Live, capture like `sysfold trace`, and with its options for what to capture; show\n"
            "figures while it lasts (on a terminal what is busiest) and then the same counts:\n"
            "\n"
            "      --live              capture instead of reading a file\n"
            "      --interval=SECONDS  figures so often (1)\n"
            "      --program-stats     ebpf: have the kernel measure the programs it runs for us\n"
            "  -o, --output=FILE       write to FILE (`-`: standard output), not to standard error\n"
            "      --json              JSON Lines: one an interval, at the end one of all\n"
            "\n" READING_STATUS_HELP "With --live as of `sysfold trace`.\n"
            "\n"
            "Examples:\n"
            "  sysfold stats --json make.sfold | jq '.by_event[] | select(.failed > 0)'\n"
            "  sysfold stats --live --interval=0.5 -e network -- curl -s localhost\n",
    .trouble = EXIT_TROUBLE,
    .run = run,
};
