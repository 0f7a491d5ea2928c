// SPDX-License-Identifier: Apache-2.0
/* sysfold read: the events of a capture file. */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "output.h"
#include "reading.h"

static void pause_output(void *data)
{
    output_flush(data);
}

/* Shown until the end, or until nobody takes any more. */
static int show(struct reading *reading, const struct style *style)
{
    const struct sysfold_event *event;
    struct output output;
    int status;

    if (output_init(&output, STDOUT_FILENO) < 0) {
        complain("%s", strerror(ENOMEM));
        return EXIT_TROUBLE;
    }
    while (!output.error && (event = reading_next(reading, reading->options.follow ? pause_output : NULL, &output)))
        output_event(&output, event, style);
    output_flush(&output);
    status = reading_status(reading);
    if (output.error && output.error != -EPIPE)
        complain("cannot write to standard output: %s", strerror(-output.error));
    if (output.error)
        status = EXIT_DAMAGED;
    output_finish(&output);
    return status;
}

static int run(int argc, char **argv)
{
    static const struct option options[] = {{"help", no_argument, NULL, 'h'},        {"json", no_argument, NULL, 301},
                                            {"all", no_argument, NULL, 'a'},         {"follow", no_argument, NULL, 'f'},
                                            {"color", required_argument, NULL, 300}, {0}};
    struct reading reading = {0};
    struct style style = {0};
    enum color color = COLOR_AUTO;
    int option;
    int status;

    while ((option = next_option(&command_read, argc, argv, ":haf", options)) != -1) {
        if (option == 301)
            style.json = true;
        else if (option == 'a')
            style.all = true;
        else if (option == 'f')
            reading.options.follow = true;
        else if (option != 300)
            return EXIT_TROUBLE;
        else if (!parse_color(optarg, &color))
            return misused(&command_read, "--color: '%s' is none of auto, always, never", optarg);
    }
    if (!reading_take_file(&command_read, &reading, argc, argv))
        return EXIT_TROUBLE;
    style.color = !style.json && use_color(color, STDOUT_FILENO);
    status = reading_open(&reading);
    if (status == 0)
        status = show(&reading, &style);
    sysfold_stream_close(reading.stream);
    return status;
}

const struct command command_read = {
    .name = "read",
    .summary = "print the events of a capture file",
    .help = "Usage: sysfold read [OPTION]... FILE\n"
            "Print the events of a capture file (`-`: standard input), one line an event.\n"
            "\n"
            "      --json        JSON Lines\n"
            "  -a, --all         text: also what was there before (snapshot events)\n"
            "  -f, --follow      wait for more while the file is being written\n"
            "      --color=WHEN  auto (the default), always or never\n"
            "  -h, --help        this text\n"
            "\n" READING_STATUS_HELP "\n"
            "Examples:\n"
            "  sysfold read make.sfold | less\n"
            "  sysfold read --json make.sfold | jq -r 'select(.[\"evt.type\"] == \"openat\") | .[\"fd.name\"]'\n",
    .trouble = EXIT_TROUBLE,
    .run = run,
};
