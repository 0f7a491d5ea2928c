// SPDX-License-Identifier: Apache-2.0
#include "reading.h"

#include <errno.h>
#include <unistd.h>

bool reading_take_file(const struct command *command, struct reading *reading, int argc, char **argv)
{
    if (optind == argc)
        misused(command, "give a capture file (`-`: standard input)");
    else if (optind + 1 < argc)
        misused(command, "one capture file at a time, '%s' is too many", argv[optind + 1]);
    else
        return reading->path = argv[optind], true;
    return false;
}

static const char *reading_name(const struct reading *reading)
{
    return reading->path[0] == '-' && !reading->path[1] ? "standard input" : reading->path;
}

static void on_damage(const char *message, void *data)
{
    struct reading *reading = data;

    reading->damaged++;
    complain("%s: %s", reading_name(reading), message);
}

int reading_open(struct reading *reading)
{
    struct sysfold_error error = {.message = "cannot be opened"};

    reading->options.size = sizeof(reading->options);
    reading->options.damage = on_damage;
    reading->options.damage_data = reading;
    if (sysfold_file_open(reading->path, &reading->options, &reading->stream, &error) == 0)
        return 0;
    complain("%s", error.message);
    return EXIT_TROUBLE;
}

const struct sysfold_event *reading_next(struct reading *reading, void (*pause)(void *data), void *data)
{
    struct sysfold_error error = {.message = "cannot be read on"};
    const struct sysfold_event *event;
    int r;

    while (!(event = sysfold_stream_next(reading->stream))) {
        if (pause)
            pause(data);
        r = sysfold_stream_fetch(reading->stream, -1, &error);
        if (r > 0 || r == -EAGAIN || r == -EINTR)
            continue;
        reading->failed = r < 0;
        if (r < 0)
            complain("%s", error.message);
        return NULL;
    }
    return event;
}

int reading_status(struct reading *reading)
{
    struct sysfold_stats stats = {.size = sizeof(stats)};

    sysfold_stream_stats(reading->stream, &stats);
    if (stats.damaged > reading->damaged)
        complain("%s: %llu damaged places were skipped", reading_name(reading),
                 (unsigned long long)(stats.damaged - reading->damaged));
    return stats.damaged || reading->damaged || reading->failed ? EXIT_DAMAGED : EXIT_SUCCESS;
}
