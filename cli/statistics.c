// SPDX-License-Identifier: Apache-2.0
#include "statistics.h"

#include <errno.h>
#include <search.h>
#include <string.h>
#include <time.h>

#include "json.h"
#include "output.h"

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
        counter->ends_process = counter->name && !strcmp(counter->name, "process_exit");
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

    if (row && sysfold_row_id(row) < STATISTICS_ROWS && !strcmp(name, sysfold_row_name(row)))
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

/* NULL where it is in none. */
static struct counter *container_counter(struct statistics *statistics, const struct sysfold_event *event)
{
    const struct sysfold_process *process = sysfold_event_process(event);
    const char *id = process ? sysfold_process_container(process) : NULL;
    struct counter key = {.name = (char *)id};

    if (!id)
        return NULL;
    if (!statistics->last_container || strcmp(statistics->last_container->name, id) != 0) {
        statistics->last_container = counter_of(&statistics->containers, &key);
        statistics->out_of_memory |= !statistics->last_container;
    }
    return statistics->last_container;
}

static void count(struct counter *counter, bool failed, uint64_t ns)
{
    if (!counter)
        return;
    counter->events++;
    counter->failed += failed;
    counter->ns += ns;
}

/* A process has the name it had last. */
static void name_counter(struct counter *counter, const struct sysfold_process *process)
{
    const char *name = sysfold_process_name(process);
    char *copy;

    if (!name || (counter->name && !strcmp(counter->name, name)))
        return;
    copy = strdup(name);
    if (!copy)
        return;
    free(counter->name);
    counter->name = copy;
}

void statistics_count(struct statistics *statistics, const struct sysfold_event *event)
{
    bool failed = sysfold_event_flags(event) & SYSFOLD_EVENT_FAILED;
    struct counter *counter = event_counter(statistics, event);
    struct counter *process = process_counter(statistics, event);
    uint64_t ns = 0;

    statistics->timed |= sysfold_event_duration(event, &ns) == 0;
    statistics->failed += failed;
    statistics->out_of_memory |= !counter;
    count(counter, failed, ns);
    count(process, failed, ns);
    count(container_counter(statistics, event), failed, ns);
    if (process && counter && counter->ends_process)
        name_counter(process, sysfold_event_process(event));
}

static bool name_process(const struct sysfold_process *process, void *data)
{
    struct statistics *statistics = data;
    struct counter key = {
        .source = sysfold_process_source(process),
        .pid = sysfold_process_pid(process),
        .start_time = sysfold_process_start_time(process),
    };
    void *found = tfind(&key, &statistics->processes.root, statistics->processes.compare);

    if (found)
        name_counter(*(struct counter **)found, process);
    return true;
}

void statistics_name_processes(struct statistics *statistics, const struct sysfold_stream *stream)
{
    sysfold_stream_each_process(stream, name_process, statistics);
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

struct busiest {
    struct counter **counters;
    size_t count, most;
};

static void insert_busy(struct busiest *busiest, struct counter *counter)
{
    size_t at = busiest->count;

    while (at > 0 && busiest->counters[at - 1]->recent < counter->recent)
        at--;
    if (at == busiest->most)
        return;
    if (busiest->count < busiest->most)
        busiest->count++;
    memmove(&busiest->counters[at + 1], &busiest->counters[at], (busiest->count - at - 1) * sizeof(*busiest->counters));
    busiest->counters[at] = counter;
}

static void note_recent(const void *node, VISIT visit, void *data)
{
    struct counter *counter = *(struct counter *const *)node;

    if (visit != postorder && visit != leaf)
        return;
    counter->recent = counter->events - counter->before;
    counter->before = counter->events;
    if (counter->recent)
        insert_busy(data, counter);
}

size_t counters_busiest(struct counters *counters, struct counter **ret_busiest, size_t most)
{
    struct busiest busiest = {.counters = ret_busiest, .most = most};

    twalk_r(counters->root, note_recent, &busiest);
    return busiest.count;
}

bool statistics_conclude(struct statistics *statistics, const struct sysfold_stream *stream)
{
    statistics_name_processes(statistics, stream);
    if (sort_counters(&statistics->events) && sort_counters(&statistics->processes) &&
        sort_counters(&statistics->containers) && !statistics->out_of_memory)
        return true;
    complain("%s", strerror(ENOMEM));
    return false;
}

void statistics_init(struct statistics *statistics)
{
    *statistics = (struct statistics){
        .events.compare = compare_names,
        .processes.compare = compare_processes,
        .containers.compare = compare_names,
    };
}

static void free_counter(void *node)
{
    struct counter *counter = node;

    free(counter->name);
    free(counter);
}

static void finish_counters(struct counters *counters)
{
    free(counters->sorted);
    tdestroy(counters->root, free_counter);
}

void statistics_finish(struct statistics *statistics)
{
    finish_counters(&statistics->events);
    finish_counters(&statistics->processes);
    finish_counters(&statistics->containers);
}

static void show_time(FILE *out, const char *what, uint64_t ns)
{
    time_t second = (time_t)(ns / 1000000000);
    char text[40] = "?", zone[16] = "";
    struct tm calendar;

    if (localtime_r(&second, &calendar)) {
        (void)strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &calendar);
        (void)strftime(zone, sizeof(zone), "%z", &calendar);
    }
    (void)fprintf(out, "%-8s %s.%09u %s\n", what, text, (unsigned)(ns % 1000000000), zone);
}

/* What the counters are of: a table's last column, and its key in JSON. */
static const struct kind {
    const char *title, *key;
    bool is_process;
} of_events = {"EVENT", "event", false}, of_processes = {"PROCESS", "name", true},
  of_containers = {"CONTAINER", "container", false};

static void show_counter(FILE *out, const struct counter *counter, bool timed, bool process)
{
    char name[200];

    (void)fprintf(out, "%12llu %12llu ", (unsigned long long)counter->events, (unsigned long long)counter->failed);
    if (timed)
        (void)fprintf(out, "%9llu.%06llu ", (unsigned long long)(counter->ns / 1000000000),
                      (unsigned long long)(counter->ns % 1000000000 / 1000));
    if (process)
        (void)fprintf(out, "%7u ", counter->pid);
    (void)fprintf(out, "%s\n", printable(counter->name, name, sizeof(name)));
}

static void show_counters(FILE *out, const struct counters *counters, bool timed, const struct kind *kind)
{
    (void)fprintf(out, "\n%12s %12s ", "EVENTS", "FAILED");
    if (timed)
        (void)fprintf(out, "%16s ", "SECONDS");
    if (kind->is_process)
        (void)fprintf(out, "%7s ", "PID");
    (void)fprintf(out, "%s\n", kind->title);
    for (size_t i = 0; i < counters->count; i++)
        show_counter(out, counters->sorted[i], timed, kind->is_process);
}

void statistics_show(const struct statistics *statistics, const struct sysfold_stream *stream, FILE *out)
{
    struct sysfold_stats stats = {.size = sizeof(stats)};
    uint64_t ns;

    sysfold_stream_stats(stream, &stats);
    ns = stats.last_time - stats.first_time;
    (void)fprintf(out, "events   %llu\nfailed   %llu\nlost     %llu\nbytes    %llu\n", (unsigned long long)stats.events,
                  (unsigned long long)statistics->failed, (unsigned long long)stats.lost,
                  (unsigned long long)stats.bytes);
    if (stats.damaged)
        (void)fprintf(out, "damaged  %llu\n", (unsigned long long)stats.damaged);
    if (stats.first_time) {
        show_time(out, "first", stats.first_time);
        show_time(out, "last", stats.last_time);
        (void)fprintf(out, "seconds  %llu.%09llu\n", (unsigned long long)(ns / 1000000000),
                      (unsigned long long)(ns % 1000000000));
    }
    show_counters(out, &statistics->events, statistics->timed, &of_events);
    show_counters(out, &statistics->processes, statistics->timed, &of_processes);
    if (statistics->containers.count)
        show_counters(out, &statistics->containers, statistics->timed, &of_containers);
}

static json_t *counter_json(const struct counter *counter, bool timed, const struct kind *kind)
{
    json_t *object = json_pack("{s:o, s:I, s:I}", kind->key, json_text(counter->name), "events",
                               (json_int_t)counter->events, "failed", (json_int_t)counter->failed);

    if (kind->is_process) {
        json_object_set_new(object, "pid", json_integer(counter->pid));
        json_object_set_new(object, "source", json_integer(counter->source));
        json_object_set_new(object, "start_time", json_integer((json_int_t)counter->start_time));
    }
    if (timed)
        json_object_set_new(object, "duration", json_integer((json_int_t)counter->ns));
    return object;
}

static json_t *counters_json(const struct counters *counters, bool timed, const struct kind *kind)
{
    json_t *array = json_array();

    for (size_t i = 0; i < counters->count; i++)
        json_array_append_new(array, counter_json(counters->sorted[i], timed, kind));
    return array;
}

json_t *statistics_json(const struct statistics *statistics, const struct sysfold_stream *stream)
{
    struct sysfold_stats stats = {.size = sizeof(stats)};

    sysfold_stream_stats(stream, &stats);
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o}", "events", (json_int_t)stats.events, "failed",
                     (json_int_t)statistics->failed, "lost", (json_int_t)stats.lost, "bytes", (json_int_t)stats.bytes,
                     "damaged", (json_int_t)stats.damaged, "first_time", (json_int_t)stats.first_time, "last_time",
                     (json_int_t)stats.last_time, "by_event",
                     counters_json(&statistics->events, statistics->timed, &of_events), "by_process",
                     counters_json(&statistics->processes, statistics->timed, &of_processes), "by_container",
                     counters_json(&statistics->containers, statistics->timed, &of_containers));
}
