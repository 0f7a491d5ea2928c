// SPDX-License-Identifier: Apache-2.0
#include "reading.h"

#include <errno.h>
#include <stdio.h>
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
    if (reading->early)
        (void)fprintf(reading->early, "sysfold: %s: %s\n", reading_name(reading), message);
    else
        complain("%s: %s", reading_name(reading), message);
}

/* What is damaged before the file is open matters only if it can be opened: else there is one reason, told once. */
static int open_file(struct reading *reading, struct sysfold_error *error)
{
    cleanup_free char *text = NULL;
    size_t size;
    int r;

    reading->early = open_memstream(&text, &size);
    r = sysfold_file_open(reading->path, &reading->options, &reading->stream, error);
    if (reading->early && fclose(reading->early) == 0 && r == 0)
        (void)fputs(text, stderr);
    reading->early = NULL;
    return r;
}

int reading_open(struct reading *reading)
{
    struct sysfold_error error = {.message = "cannot be opened"};

    reading->options.size = sizeof(reading->options);
    reading->options.damage = on_damage;
    reading->options.damage_data = reading;
    if (open_file(reading, &error) == 0)
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

int reading_run(const struct command *command, int (*show)(struct reading *reading, bool json), int argc, char **argv)
{
    static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {"json", no_argument, NULL, 301}, {0}};
    struct reading reading = {.options.keep_exited = true};
    bool json = false;
    int option;
    int status;

    while ((option = next_option(command, argc, argv, ":h", options)) != -1) {
        if (option == '?')
            return EXIT_TROUBLE;
        json = true;
    }
    if (!reading_take_file(command, &reading, argc, argv))
        return EXIT_TROUBLE;
    status = reading_open(&reading);
    if (status == 0)
        status = show(&reading, json);
    sysfold_stream_close(reading.stream);
    return finish_stdout(status, EXIT_DAMAGED);
}
