/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_CLI_STATISTICS_H
#define SYSFOLD_CLI_STATISTICS_H

/* How many of what: the events of a stream, counted by event, by process and by container. */

#include <jansson.h>
#include <stdio.h>

#include "cli.h"

#define STATISTICS_ROWS 2048

struct counter {
    /* What is counted: an event's name, a process, or a container's id. */
    char *name;
    uint32_t source, pid;
    uint64_t start_time;
    uint64_t events, failed;
    uint64_t ns;             /* in calls whose duration is known */
    uint64_t before, recent; /* events until, and between, the last two counters_busiest() */
    bool ends_process;       /* the event, the one it happens to */
};

struct counters {
    void *root; /* of a tsearch() tree */
    int (*compare)(const void *a, const void *b);
    struct counter **sorted;
    size_t count;
};

struct statistics {
    struct counters events, processes, containers;
    struct counter *by_row[STATISTICS_ROWS]; /* of known rows, whose name is their own */
    struct counter *last_process, *last_container;
    uint64_t failed;
    bool timed;
    bool out_of_memory;
};

void statistics_init(struct statistics *statistics);
void statistics_finish(struct statistics *statistics);
void statistics_count(struct statistics *statistics, const struct sysfold_event *event);
/* Gives the processes that the stream still knows the names they have now. */
void statistics_name_processes(struct statistics *statistics, const struct sysfold_stream *stream);

/* Those with most events since the last time, at most `most`, into ret_busiest; how many. */
size_t counters_busiest(struct counters *counters, struct counter **ret_busiest, size_t most);

/* At the end, before it is shown; false after a complaint: memory has run out. */
bool statistics_conclude(struct statistics *statistics, const struct sysfold_stream *stream);
void statistics_show(const struct statistics *statistics, const struct sysfold_stream *stream, FILE *out);
/* NULL: no memory. */
json_t *statistics_json(const struct statistics *statistics, const struct sysfold_stream *stream);

#endif
