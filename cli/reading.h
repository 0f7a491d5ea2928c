/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_CLI_READING_H
#define SYSFOLD_CLI_READING_H

/* What read, stats and ps share: one capture file, its events, its damage. */

#include <stdio.h>

#include "cli.h"

struct reading {
    const char *path;
    struct sysfold_file_options options;
    struct sysfold_stream *stream;
    FILE *early;      /* collects complaints until the file is open */
    uint64_t damaged; /* places complained of */
    bool failed;      /* the end could not be reached */
};

#define READING_STATUS_HELP                                                                                            \
    "Exit status: 0; 1 if the capture is damaged (what is intact is shown) or the output\n"                            \
    "cannot be written; 2 for bad usage or a file that cannot be read.\n"

/* The one FILE a command takes; false after a complaint. */
bool reading_take_file(const struct command *command, struct reading *reading, int argc, char **argv);

/* Opens it, complains if it cannot; 0 or an exit status. */
int reading_open(struct reading *reading);
/* The next event, NULL at the end. `pause` is called whenever a batch is used up. */
const struct sysfold_event *reading_next(struct reading *reading, void (*pause)(void *data), void *data);
/* Tells of damage that nobody told of; the exit status so far. */
int reading_status(struct reading *reading);

/* All of a command that shows a whole capture in one piece, as text or with --json: `show` returns an exit status. */
int reading_run(const struct command *command, int (*show)(struct reading *reading, bool json), int argc, char **argv);

#endif
