// SPDX-License-Identifier: Apache-2.0
/* sysfold stats --live: figures of a capture while it lasts. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "capture.h"
#include "json.h"
#include "output.h"
#include "statistics.h"
#include "stats-live.h"

#define BUSIEST 10
#define BUSIEST_LEAST 3
#define TABLE_HEAD_LINES 5
#define TABLE_TITLE_LINES 2
#define NS_PER_SECOND 1000000000
#define NS_PER_MS 1000000
#define TICK_MS_MAX 500

/* What terminals are told; lines wider than the terminal are cut, so that each is one to go back over. */
#define CUT_LINES "\033[?7l"
#define WRAP_LINES "\033[?7h"

struct live {
    struct command command;
    struct capture_arguments capture;
    const char *path;
    uint64_t interval; /* ns */
    bool json;

    FILE *out;
    bool terminal;
    unsigned drawn; /* lines of the table that stands on the terminal */
    const struct sysfold_stream *stream;
    struct statistics statistics;
    uint64_t began, shown, due; /* by the monotonic clock: the capture, the last figures, the next */
    struct sysfold_stats before;
    int error;
};

/* What is shown of an interval. */
struct figures {
    struct sysfold_stats now;
    uint64_t age, ns; /* of the capture, of the interval */
    uint64_t events, bytes, lost;
    struct counter *by_event[BUSIEST], *by_process[BUSIEST];
    size_t event_count, process_count;
};

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static unsigned long long per_second(uint64_t count, uint64_t ns)
{
    return ns ? (unsigned long long)((double)count * NS_PER_SECOND / (double)ns + 0.5) : 0;
}

static void take_figures(struct live *live, struct figures *ret_figures)
{
    uint64_t at = clock_ns(CLOCK_MONOTONIC);
    struct figures *figures = ret_figures;

    *figures = (struct figures){.now.size = sizeof(figures->now), .age = at - live->began, .ns = at - live->shown};
    sysfold_stream_stats(live->stream, &figures->now);
    statistics_name_processes(&live->statistics, live->stream);
    figures->events = figures->now.events - live->before.events;
    figures->bytes = figures->now.bytes - live->before.bytes;
    figures->lost = figures->now.lost - live->before.lost;
    figures->event_count = counters_busiest(&live->statistics.events, figures->by_event, BUSIEST);
    figures->process_count = counters_busiest(&live->statistics.processes, figures->by_process, BUSIEST);
    live->before = figures->now;
    live->shown = at;
}

static bool take_program(const struct live *live, size_t index, struct sysfold_program *ret_program)
{
    ret_program->size = sizeof(*ret_program);
    return sysfold_stream_program(live->stream, index, ret_program) == 0;
}

static void show_program(FILE *out, const struct sysfold_program *program)
{
    char name[sizeof(program->name) * 4];

    (void)fprintf(out, "%12llu %12.1f %12llu %s\n", (unsigned long long)program->runs,
                  program->runs ? (double)program->ns / (double)program->runs : 0.0,
                  (unsigned long long)program->missed, printable(program->name, name, sizeof(name)));
}

/* Did it run? That is known where the kernel counts it. */
static bool has_run(const struct sysfold_program *program)
{
    return program->runs || program->missed;
}

static unsigned count_programs(const struct live *live)
{
    struct sysfold_program program;
    unsigned count = 0;

    for (size_t i = 0; take_program(live, i, &program); i++)
        count += has_run(&program);
    return count;
}

static void show_programs(const struct live *live, FILE *out)
{
    struct sysfold_program program;
    bool titled = false;

    for (size_t i = 0; take_program(live, i, &program); i++) {
        if (!has_run(&program))
            continue;
        if (!titled)
            (void)fprintf(out, "\n%12s %12s %12s PROGRAM\n", "RUNS", "AVERAGE NS", "MISSED");
        titled = true;
        show_program(out, &program);
    }
}

static json_t *programs_json(const struct live *live)
{
    json_t *array = json_array();
    struct sysfold_program program;

    for (size_t i = 0; take_program(live, i, &program); i++)
        json_array_append_new(array, json_pack("{s:o, s:I, s:I, s:I}", "name", json_text(program.name), "runs",
                                               (json_int_t)program.runs, "ns", (json_int_t)program.ns, "missed",
                                               (json_int_t)program.missed));
    return array;
}

static void show_line(const struct figures *figures, FILE *out)
{
    (void)fprintf(out, "seconds %.3f events %llu events/s %llu bytes/s %llu lost %llu buffer %llu\n",
                  (double)figures->age / NS_PER_SECOND, (unsigned long long)figures->now.events,
                  per_second(figures->events, figures->ns), per_second(figures->bytes, figures->ns),
                  (unsigned long long)figures->now.lost, (unsigned long long)figures->now.buffer_used);
}

static void show_busiest(FILE *out, struct counter *const *counters, size_t count, uint64_t ns, bool processes)
{
    char name[200];

    (void)fprintf(out, "\n%12s %12s %s\n", "EVENTS/S", "EVENTS", processes ? "    PID PROCESS" : "EVENT");
    for (size_t i = 0; i < count; i++) {
        const struct counter *counter = counters[i];

        (void)fprintf(out, "%12llu %12llu ", per_second(counter->recent, ns), (unsigned long long)counter->events);
        if (processes)
            (void)fprintf(out, "%7u ", counter->pid);
        (void)fprintf(out, "%s\n", printable(counter->name, name, sizeof(name)));
    }
}

static unsigned terminal_lines(FILE *out)
{
    struct winsize size;

    return ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_row > 1 ? size.ws_row - 1 : 23;
}

/* How many of the busiest there is room for on the terminal, in each of two tables. */
static size_t busiest_lines(const struct live *live)
{
    unsigned programs = count_programs(live), lines = terminal_lines(live->out);
    unsigned others = TABLE_HEAD_LINES + 2 * TABLE_TITLE_LINES + (programs ? programs + TABLE_TITLE_LINES : 0);

    return lines > others + 2 * BUSIEST_LEAST ? (lines - others) / 2 : BUSIEST_LEAST;
}

static void show_table(const struct live *live, const struct figures *figures, FILE *out)
{
    const struct sysfold_stats *now = &figures->now;
    size_t most = busiest_lines(live);

    (void)fprintf(out, "seconds  %.1f\n", (double)figures->age / NS_PER_SECOND);
    (void)fprintf(out, "events   %llu, %llu/s\n", (unsigned long long)now->events,
                  per_second(figures->events, figures->ns));
    (void)fprintf(out, "bytes    %llu, %llu/s\n", (unsigned long long)now->bytes,
                  per_second(figures->bytes, figures->ns));
    (void)fprintf(out, "lost     %llu\nbuffer   %llu\n", (unsigned long long)now->lost,
                  (unsigned long long)now->buffer_used);
    show_busiest(out, figures->by_event, least(figures->event_count, most), figures->ns, false);
    show_busiest(out, figures->by_process, least(figures->process_count, most), figures->ns, true);
    show_programs(live, out);
}

static void erase(struct live *live)
{
    if (live->drawn)
        (void)fprintf(live->out, "\033[%uA\r\033[J", live->drawn);
    live->drawn = 0;
}

/* As much of the text as can be erased again. */
static void draw(struct live *live, const char *text)
{
    unsigned most = terminal_lines(live->out);

    erase(live);
    (void)fputs(CUT_LINES, live->out);
    while (*text && live->drawn < most) {
        size_t length = strcspn(text, "\n") + 1;

        (void)fwrite(text, 1, length, live->out);
        text += length;
        live->drawn++;
    }
    (void)fputs(WRAP_LINES, live->out);
}

static void redraw(struct live *live, const struct figures *figures)
{
    cleanup_free char *text = NULL;
    size_t size;
    FILE *memory = open_memstream(&text, &size);

    if (!memory)
        return;
    show_table(live, figures, memory);
    if (fclose(memory) == 0)
        draw(live, text);
}

static json_t *busiest_json(struct counter *const *counters, size_t count, bool processes)
{
    json_t *array = json_array();

    for (size_t i = 0; i < count; i++) {
        const struct counter *counter = counters[i];
        json_t *object = json_pack("{s:o, s:I}", processes ? "name" : "event", json_text(counter->name), "events",
                                   (json_int_t)counter->recent);

        if (processes) {
            json_object_set_new(object, "pid", json_integer(counter->pid));
            json_object_set_new(object, "source", json_integer(counter->source));
            json_object_set_new(object, "start_time", json_integer((json_int_t)counter->start_time));
        }
        json_array_append_new(array, object);
    }
    return array;
}

static json_t *figures_json(const struct live *live, const struct figures *figures)
{
    const struct sysfold_stats *now = &figures->now;
    json_t *interval =
        json_pack("{s:I, s:I, s:I, s:I, s:o, s:o}", "duration", (json_int_t)figures->ns, "events",
                  (json_int_t)figures->events, "bytes", (json_int_t)figures->bytes, "lost", (json_int_t)figures->lost,
                  "by_event", busiest_json(figures->by_event, figures->event_count, false), "by_process",
                  busiest_json(figures->by_process, figures->process_count, true));

    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:o, s:o}", "time", (json_int_t)clock_ns(CLOCK_REALTIME), "events",
                     (json_int_t)now->events, "bytes", (json_int_t)now->bytes, "lost", (json_int_t)now->lost,
                     "buffer_used", (json_int_t)now->buffer_used, "interval", interval, "programs",
                     programs_json(live));
}

static void put_json(FILE *out, json_t *document)
{
    (void)json_dumpf(document, out, JSON_COMPACT);
    (void)fputc('\n', out);
    json_decref(document);
}

static int live_flush(struct live *live, struct sysfold_error *error)
{
    if (!live->error && (fflush(live->out) != 0 || ferror(live->out)))
        live->error = errno ? -errno : -EIO;
    if (live->error && error) {
        error->code = live->error;
        (void)snprintf(error->message, sizeof(error->message), "cannot write to %s: %s",
                       live->path ? live->path : "standard error", strerror(-live->error));
    }
    return live->error;
}

static void show_interval(struct live *live)
{
    struct figures figures;

    take_figures(live, &figures);
    if (live->json)
        put_json(live->out, figures_json(live, &figures));
    else if (live->terminal)
        redraw(live, &figures);
    else
        show_line(&figures, live->out);
    live_flush(live, NULL);
}

static void show_if_due(struct live *live)
{
    uint64_t now = clock_ns(CLOCK_MONOTONIC);

    if (now < live->due || live->error)
        return;
    show_interval(live);
    live->due += (now - live->due) / live->interval * live->interval + live->interval;
}

static int live_start(void *data, const struct sysfold_stream *stream, struct sysfold_error *error)
{
    struct live *live = data;
    struct sysfold_program program;

    (void)error;
    live->stream = stream;
    live->began = live->shown = clock_ns(CLOCK_MONOTONIC);
    live->due = live->began + live->interval;
    if (live->capture.live.program_stats && !take_program(live, 0, &program))
        complain("--program-stats: the backend %s runs no programs in the kernel", sysfold_stream_backend(stream));
    return 0;
}

static int live_put(void *data, const struct sysfold_event *event, struct sysfold_error *error)
{
    struct live *live = data;

    (void)error;
    statistics_count(&live->statistics, event);
    return 0;
}

/* A stream that is never idle has no ticks to wait for. */
static int live_batch_end(void *data, struct sysfold_error *error)
{
    struct live *live = data;

    show_if_due(live);
    return live->error ? live_flush(live, error) : 0;
}

static void live_tick(void *data, const struct sysfold_stats *stats)
{
    (void)stats;
    show_if_due(data);
}

static void show_summary_json(struct live *live)
{
    json_t *document = statistics_json(&live->statistics, live->stream);

    json_object_set_new(document, "programs", programs_json(live));
    put_json(live->out, document);
}

static int live_finish(void *data, struct sysfold_error *error)
{
    struct live *live = data;

    erase(live);
    if (!statistics_conclude(&live->statistics, live->stream))
        return live_flush(live, error);
    if (live->json) {
        show_summary_json(live);
    } else {
        statistics_show(&live->statistics, live->stream, live->out);
        show_programs(live, live->out);
    }
    return live_flush(live, error);
}

/* A descriptor of our own: standard error stays for complaints, which do not wait in a buffer. */
static FILE *open_output(const char *path)
{
    FILE *out;
    int fd;

    if (!path || !strcmp(path, "-"))
        fd = fcntl(path ? STDOUT_FILENO : STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    else
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    out = fd < 0 ? NULL : fdopen(fd, "w");
    if (!out) {
        complain("cannot write to %s: %s", path ? path : "standard error", strerror(errno));
        if (fd >= 0)
            close(fd);
    }
    return out;
}

static bool take_interval(struct live *live)
{
    char *end;
    double seconds = strtod(optarg, &end);

    if (optarg[0] < '0' || optarg[0] > '9' || *end || !(seconds >= 0.01 && seconds <= 86400)) {
        misused(&live->command, "--interval: '%s' is not a number of seconds from 0.01 to 86400", optarg);
        return false;
    }
    live->interval = (uint64_t)(seconds * NS_PER_SECOND);
    return true;
}

static bool take_option(struct live *live, int option)
{
    switch (option) {
    case 'o':
        live->path = optarg;
        return true;
    case 300:
        return live->json = true;
    case 301:
        return true;
    case 302:
        return take_interval(live);
    case 303:
        return live->capture.live.program_stats = true;
    default:
        return capture_take_option(&live->command, &live->capture, option);
    }
}

static bool parse(struct live *live, int argc, char **argv)
{
    static const struct option options[] = {CAPTURE_OPTIONS,
                                            {"output", required_argument, NULL, 'o'},
                                            {"json", no_argument, NULL, 300},
                                            {"live", no_argument, NULL, 301},
                                            {"interval", required_argument, NULL, 302},
                                            {"program-stats", no_argument, NULL, 303},
                                            {0}};
    int option;

    while ((option = next_option(&live->command, argc, argv, CAPTURE_LETTERS "o:", options)) != -1) {
        if (!take_option(live, option))
            return false;
    }
    return capture_take_target(&live->command, &live->capture, argc, argv);
}

/* Often enough for the interval, and at least as often as others look. */
static int tick_ms(const struct live *live)
{
    uint64_t ms = live->interval / NS_PER_MS;

    return ms < TICK_MS_MAX ? (int)ms : TICK_MS_MAX;
}

static int run(struct live *live)
{
    const struct sink sink = {.data = live,
                              .start = live_start,
                              .put = live_put,
                              .batch_end = live_batch_end,
                              .finish = live_finish,
                              .tick = live_tick,
                              .tick_ms = tick_ms(live)};
    struct capture_result result;

    live->out = open_output(live->path);
    if (!live->out)
        return EXIT_OURS;
    live->terminal = isatty(fileno(live->out));
    statistics_init(&live->statistics);
    capture_run(&live->capture, &sink, &result);
    statistics_finish(&live->statistics);
    (void)fclose(live->out);
    return capture_exit(&result);
}

int stats_live_run(int argc, char **argv)
{
    struct live live = {.command = command_stats, .interval = NS_PER_SECOND};
    int status;

    live.command.trouble = EXIT_OURS; /* as of all that run a command */
    status = parse(&live, argc, argv) ? run(&live) : EXIT_OURS;
    capture_arguments_finish(&live.capture);
    return status;
}
