// SPDX-License-Identifier: Apache-2.0
/* sysfold stats: how many of what. */

#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "json.h"
#include "output.h"
#include "reading.h"

#define ROW_NUMBERS 2048

struct counter {
    /* What is counted: an event's name, or a process. */
    char *name;
    uint32_t source, pid;
    uint64_t start_time;
    uint64_t events, failed;
    uint64_t ns; /* in calls whose duration is known */
};

struct counters {
    void *root; /* of a tsearch() tree */
    int (*compare)(const void *a, const void *b);
    struct counter **sorted;
    size_t count;
};

struct statistics {
    struct counters events, processes;
    struct counter *by_row[ROW_NUMBERS]; /* of known rows, whose name is their own */
    struct counter *last_process;
    uint64_t failed;
    bool timed;
    bool out_of_memory;
};

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct counter *)a)->name, ((const struct counter *)b)->name);
}

static int compare_processes(const void *a, const void *b)
{
    const struct counter *left = a, *right = b;

    if (left->source != right->source)
        return left->source < right->source ? -1 : 1;
    if (left->pid != right->pid)
        return left->pid < right->pid ? -1 : 1;
    return (left->start_time > right->start_time) - (left->start_time < right->start_time);
}

/* The counter like `key`, made if there is none; NULL: no memory. */
static struct counter *counter_of(struct counters *counters, const struct counter *key)
{
    void *found = tsearch(key, &counters->root, counters->compare);
    struct counter *counter;

    if (!found || *(const struct counter **)found != key)
        return found ? *(struct counter **)found : NULL;
    counter = malloc(sizeof(*counter));
    if (counter) {
        *counter = *key;
        counter->name = key->name ? strdup(key->name) : NULL;
    }
    if (!counter || (key->name && !counter->name)) {
        free(counter);
        tdelete(key, &counters->root, counters->compare);
        return NULL;
    }
    *(struct counter **)found = counter;
    counters->count++;
    return counter;
}

static struct counter *event_counter(struct statistics *statistics, const struct sysfold_event *event)
{
    const struct sysfold_row *row = sysfold_event_row(event);
    const char *name = sysfold_event_name(event);
    struct counter key = {.name = (char *)name};
    struct counter **place = NULL;

    if (row && sysfold_row_id(row) < ROW_NUMBERS && !strcmp(name, sysfold_row_name(row)))
        place = &statistics->by_row[sysfold_row_id(row)];
    if (place && *place)
        return *place;
    if (!place)
        return counter_of(&statistics->events, &key);
    return *place = counter_of(&statistics->events, &key);
}

static struct counter *process_counter(struct statistics *statistics, const struct sysfold_event *event)
{
    const struct sysfold_process *process = sysfold_event_process(event);
    struct counter key = {0};

    if (!process)
        return NULL;
    key.source = sysfold_process_source(process);
    key.pid = sysfold_process_pid(process);
    key.start_time = sysfold_process_start_time(process);
    if (!statistics->last_process || compare_processes(statistics->last_process, &key) != 0) {
        statistics->last_process = counter_of(&statistics->processes, &key);
        statistics->out_of_memory |= !statistics->last_process;
    }
    return statistics->last_process;
}

static void count(struct counter *counter, bool failed, uint64_t ns)
{
    if (!counter)
        return;
    counter->events++;
    counter->failed += failed;
    counter->ns += ns;
}

static void count_event(struct statistics *statistics, const struct sysfold_event *event)
{
    bool failed = sysfold_event_flags(event) & SYSFOLD_EVENT_FAILED;
    struct counter *counter = event_counter(statistics, event);
    uint64_t ns = 0;

    statistics->timed |= sysfold_event_duration(event, &ns) == 0;
    statistics->failed += failed;
    statistics->out_of_memory |= !counter;
    count(counter, failed, ns);
    count(process_counter(statistics, event), failed, ns);
}

/* The name a process had last. */
static bool name_process(const struct sysfold_process *process, void *data)
{
    struct statistics *statistics = data;
    struct counter key = {
        .source = sysfold_process_source(process),
        .pid = sysfold_process_pid(process),
        .start_time = sysfold_process_start_time(process),
    };
    void *found = tfind(&key, &statistics->processes.root, statistics->processes.compare);
    struct counter *counter = found ? *(struct counter **)found : NULL;

    if (counter && !counter->name && sysfold_process_name(process))
        counter->name = strdup(sysfold_process_name(process));
    return true;
}

static void gather(const void *node, VISIT visit, void *data)
{
    struct counters *counters = data;

    if (visit == postorder || visit == leaf)
        counters->sorted[counters->count++] = *(struct counter *const *)node;
}

/* Most events first; then in the tree's own order. */
static int compare_counts(const void *a, const void *b, void *data)
{
    const struct counter *left = *(struct counter *const *)a, *right = *(struct counter *const *)b;
    const struct counters *counters = data;

    if (left->events != right->events)
        return left->events > right->events ? -1 : 1;
    return counters->compare(left, right);
}

static bool sort_counters(struct counters *counters)
{
    counters->sorted = calloc(counters->count + 1, sizeof(struct counter *));
    if (!counters->sorted)
        return false;
    counters->count = 0;
    twalk_r(counters->root, gather, counters);
    qsort_r(counters->sorted, counters->count, sizeof(struct counter *), compare_counts, counters);
    return true;
}

static void free_counter(void *node)
{
    struct counter *counter = node;

    free(counter->name);
    free(counter);
}

static void show_time(const char *what, uint64_t ns)
{
    time_t second = (time_t)(ns / 1000000000);
    char text[40] = "?", zone[16] = "";
    struct tm calendar;

    if (localtime_r(&second, &calendar)) {
        (void)strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &calendar);
        (void)strftime(zone, sizeof(zone), "%z", &calendar);
    }
    (void)printf("%-8s %s.%09u %s\n", what, text, (unsigned)(ns % 1000000000), zone);
}

static void show_counter(const struct counter *counter, bool timed, bool process)
{
    char name[200];

    (void)printf("%12llu %12llu ", (unsigned long long)counter->events, (unsigned long long)counter->failed);
    if (timed)
        (void)printf("%9llu.%06llu ", (unsigned long long)(counter->ns / 1000000000),
                     (unsigned long long)(counter->ns % 1000000000 / 1000));
    if (process)
        (void)printf("%7u ", counter->pid);
    (void)puts(printable(counter->name, name, sizeof(name)));
}

static void show_counters(const struct counters *counters, bool timed, bool processes)
{
    (void)printf("\n%12s %12s ", "EVENTS", "FAILED");
    if (timed)
        (void)printf("%16s ", "SECONDS");
    if (processes)
        (void)printf("%7s ", "PID");
    (void)puts(processes ? "PROCESS" : "EVENT");
    for (size_t i = 0; i < counters->count; i++)
        show_counter(counters->sorted[i], timed, processes);
}

static void show_text(const struct statistics *statistics, const struct sysfold_stats *stats)
{
    uint64_t ns = stats->last_time - stats->first_time;

    (void)printf("events   %llu\nfailed   %llu\nlost     %llu\nbytes    %llu\n", (unsigned long long)stats->events,
                 (unsigned long long)statistics->failed, (unsigned long long)stats->lost,
                 (unsigned long long)stats->bytes);
    if (stats->damaged)
        (void)printf("damaged  %llu\n", (unsigned long long)stats->damaged);
    if (stats->first_time) {
        show_time("first", stats->first_time);
        show_time("last", stats->last_time);
        (void)printf("seconds  %llu.%09llu\n", (unsigned long long)(ns / 1000000000),
                     (unsigned long long)(ns % 1000000000));
    }
    show_counters(&statistics->events, statistics->timed, false);
    show_counters(&statistics->processes, statistics->timed, true);
}

static json_t *counter_json(const struct counter *counter, bool timed, bool process)
{
    json_t *object = json_pack("{s:o, s:I, s:I}", process ? "name" : "event", json_text(counter->name), "events",
                               (json_int_t)counter->events, "failed", (json_int_t)counter->failed);

    if (process) {
        json_object_set_new(object, "pid", json_integer(counter->pid));
        json_object_set_new(object, "source", json_integer(counter->source));
        json_object_set_new(object, "start_time", json_integer((json_int_t)counter->start_time));
    }
    if (timed)
        json_object_set_new(object, "duration", json_integer((json_int_t)counter->ns));
    return object;
}

static json_t *counters_json(const struct counters *counters, bool timed, bool process)
{
    json_t *array = json_array();

    for (size_t i = 0; i < counters->count; i++)
        json_array_append_new(array, counter_json(counters->sorted[i], timed, process));
    return array;
}

static bool show_json(const struct statistics *statistics, const struct sysfold_stats *stats)
{
    return json_show(json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o}", "events", (json_int_t)stats->events,
                               "failed", (json_int_t)statistics->failed, "lost", (json_int_t)stats->lost, "bytes",
                               (json_int_t)stats->bytes, "damaged", (json_int_t)stats->damaged, "first_time",
                               (json_int_t)stats->first_time, "last_time", (json_int_t)stats->last_time, "by_event",
                               counters_json(&statistics->events, statistics->timed, false), "by_process",
                               counters_json(&statistics->processes, statistics->timed, true)));
}

static bool conclude(struct reading *reading, struct statistics *statistics, bool json)
{
    struct sysfold_stats stats = {.size = sizeof(stats)};

    sysfold_stream_each_process(reading->stream, name_process, statistics);
    sysfold_stream_stats(reading->stream, &stats);
    if (!sort_counters(&statistics->events) || !sort_counters(&statistics->processes) || statistics->out_of_memory) {
        complain("%s", strerror(ENOMEM));
        return false;
    }
    if (json)
        return show_json(statistics, &stats);
    show_text(statistics, &stats);
    return true;
}

static int show(struct reading *reading, bool json)
{
    struct statistics statistics = {.events.compare = compare_names, .processes.compare = compare_processes};
    const struct sysfold_event *event;
    bool shown;

    while ((event = reading_next(reading, NULL, NULL)))
        count_event(&statistics, event);
    shown = conclude(reading, &statistics, json);
    free(statistics.events.sorted);
    free(statistics.processes.sorted);
    tdestroy(statistics.events.root, free_counter);
    tdestroy(statistics.processes.root, free_counter);
    return shown ? reading_status(reading) : EXIT_TROUBLE;
}

static int run(int argc, char **argv)
{
    return reading_run(&command_stats, show, argc, argv);
}

const struct command command_stats = {
    .name = "stats",
    .summary = "count the events of a capture file, by event and by process",
    .help = "Usage: sysfold stats [--json] FILE\n"
            "Count the events of a capture file (`-`: standard input): how many, how many failed,\n"
            "how many were lost, from when to when, by event and by process. Seconds are shown\n"
            "where the capture was made with --timed.\n"
            "\n"
            "      --json  as one JSON document, times in nanoseconds\n"
            "  -h, --help  this text\n"
            "\n" READING_STATUS_HELP "\n"
            "Example:\n"
            "  sysfold stats --json make.sfold | jq '.by_event[] | select(.failed > 0)'\n",
    .trouble = EXIT_TROUBLE,
    .run = run,
};
