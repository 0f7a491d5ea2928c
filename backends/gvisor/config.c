// SPDX-License-Identifier: Apache-2.0
#include "backends/gvisor/config.h"

#include <errno.h>
#include <linux/audit.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <jansson.h>

#include "common/callnames.h"
#include "common/cleanup.h"
#include "common/error.h"

#define POINTS_MAX 16384 /* some thousand is what there is */
#define NOT_A_CALL UINT32_MAX

enum moment { ENTER = 1 << 0, EXIT = 1 << 1 };
enum context {
    NUMBERS = 1 << 0, /* nothing in them can keep a point from being told */
    CREDENTIALS = 1 << 1,
    NAMES = 1 << 2, /* gVisor tells nothing of the point where one of them is not UTF-8 */
};

static const struct {
    const char *name;
    enum context kind;
} context_fields[] = {
    {"time", NUMBERS},
    {"thread_id", NUMBERS},
    {"task_start_time", NUMBERS},
    {"group_id", NUMBERS},
    {"thread_group_start_time", NUMBERS},
    {"container_id", NUMBERS},
    {"credentials", CREDENTIALS},
    {"cwd", NAMES},
    {"process_name", NAMES},
};

/* What tells of processes, whichever calls are chosen. */
static const struct {
    const char *name;
    const char *optional; /* NULL: none */
} life[] = {
    {"container/start", "env"},          {"sentry/clone", NULL},     {"sentry/execve", "binary_info"},
    {"sentry/exit_notify_parent", NULL}, {"sentry/task_exit", NULL},
};

/*
 * Calls whose rows want more than six arguments and a result. Paths and
 * addresses at enter, as the call got them; at exit what the kernel wrote, and
 * what a pointer leads to by then where that is worth comparing.
 */
static const struct detail {
    const char *name;
    unsigned moments;
    const char *optional;
    bool named; /* its exit says what its process is called */
} details[] = {
    {"open", ENTER | EXIT, NULL, true},
    {"openat", ENTER | EXIT, NULL, true},
    {"creat", ENTER | EXIT, NULL, true},
    {"connect", ENTER | EXIT, NULL, true},
    {"bind", ENTER, NULL, false},
    {"chdir", ENTER, NULL, false},
    {"chroot", ENTER, NULL, false},
    {"inotify_add_watch", ENTER, NULL, false},
    {"signalfd", ENTER, NULL, false},
    {"signalfd4", ENTER, NULL, false},
    {"execve", ENTER, "envv", false},
    {"execveat", ENTER, "envv", false},
    {"accept", EXIT, NULL, false},
    {"accept4", EXIT, NULL, false},
    {"pipe", EXIT, NULL, false},
    {"pipe2", EXIT, NULL, false},
    {"socketpair", EXIT, NULL, false},
    {"prlimit64", EXIT, NULL, false},
    {"timerfd_settime", EXIT, NULL, false},
    {"timerfd_gettime", EXIT, NULL, false},
};

/* A line of the metadata, in place. */
struct point {
    const char *name;     /* "syscall/openat/enter" */
    const char *optional; /* "fd_path|envv" */
    const char *context;
    uint32_t number;             /* of the call; NOT_A_CALL */
    const struct detail *detail; /* NULL: none, or it is raw */
    enum moment moment;
    bool raw;
};

struct generator {
    struct point *points;
    size_t point_count;
    uint8_t raw[CALLSET_NATIVE_MAX]; /* moments with a raw point, by number */
};

static const struct detail *find_detail(const char *name)
{
    for (size_t i = 0; i < sizeof(details) / sizeof(details[0]); i++) {
        if (!strcmp(details[i].name, name))
            return &details[i];
    }
    return NULL;
}

static uint32_t number_of_name(const char *name)
{
    for (unsigned i = 0; i < CALL_COUNT; i++) {
        const char *known = call_name(CALL_NATIVE, i);

        if (known && !strcmp(known, name))
            return i;
    }
    return NOT_A_CALL;
}

static uint32_t number_of_digits(const char *digits)
{
    unsigned long number;
    char *end;

    if (*digits < '0' || *digits > '9')
        return NOT_A_CALL;
    number = strtoul(digits, &end, 10);
    return *end || number >= CALLSET_NATIVE_MAX ? NOT_A_CALL : (uint32_t)number;
}

/* "syscall/NAME/enter", "syscall/sysno/N/exit"; false: something else. */
static bool split_name(struct point *point, char *name, size_t size)
{
    static const char call[] = "syscall/", raw[] = "sysno/";
    const char *begin = point->name + strlen(call);
    const char *end;

    if (strncmp(point->name, call, strlen(call)) != 0)
        return false;
    point->raw = !strncmp(begin, raw, strlen(raw));
    if (point->raw)
        begin += strlen(raw);
    end = strchr(begin, '/');
    if (!end || end == begin || (size_t)(end - begin) >= size)
        return false;
    (void)snprintf(name, size, "%.*s", (int)(end - begin), begin);
    point->moment = !strcmp(end, "/enter") ? ENTER : EXIT;
    return point->moment == ENTER || !strcmp(end, "/exit");
}

static void note_point(struct generator *generator, struct point point)
{
    char name[64];

    point.number = NOT_A_CALL;
    if (split_name(&point, name, sizeof(name))) {
        point.number = point.raw ? number_of_digits(name) : number_of_name(name);
        point.detail = point.raw ? NULL : find_detail(name);
    }
    if (point.raw && point.number != NOT_A_CALL)
        generator->raw[point.number] |= (uint8_t)point.moment;
    generator->points[generator->point_count++] = point;
}

/* Cuts the word off that lies between `before` and `after`; NULL: the text does not begin so. */
static const char *cut(char **text, const char *before, const char *after)
{
    char *word, *end;

    if (strncmp(*text, before, strlen(before)) != 0)
        return NULL;
    word = *text + strlen(before);
    end = strstr(word, after);
    if (!end)
        return NULL;
    *end = '\0';
    *text = end + strlen(after);
    return word;
}

/* "Name: N, optional fields: [A|B], context fields: [C|D]"; what another version may say beyond that is its own
 * affair. */
static bool read_point(char *line, struct point *ret_point)
{
    struct point point = {0};

    point.name = cut(&line, "Name: ", ", ");
    point.optional = point.name ? cut(&line, "optional fields: [", "], ") : NULL;
    point.context = point.optional ? cut(&line, "context fields: [", "]") : NULL;
    *ret_point = point;
    return point.context != NULL;
}

static int not_metadata(struct sysfold_error *error, const char *why)
{
    return error_set(error, -EBADMSG,
                     "gvisor: what runsc says of its trace points cannot be understood: %s (is it gVisor's runsc?)",
                     why);
}

static int read_points(struct generator *generator, char **lines, struct sysfold_error *error)
{
    char *line;

    while ((line = strsep(lines, "\n"))) {
        struct point point;

        if (!strncmp(line, "SINKS", strlen("SINKS")))
            return generator->point_count ? 0 : not_metadata(error, "no points");
        if (strncmp(line, "Name:", strlen("Name:")) != 0)
            continue;
        if (!read_point(line, &point))
            return not_metadata(error, "a point without its fields");
        if (generator->point_count == POINTS_MAX)
            return not_metadata(error, "too many points");
        note_point(generator, point);
    }
    return not_metadata(error, "it ends before its list of sinks");
}

static int read_sinks(char **lines, struct sysfold_error *error)
{
    char *line;

    while ((line = strsep(lines, "\n"))) {
        if (!strcmp(line, "Name: remote"))
            return 0;
    }
    return error_set(error, -ENOTSUP, "gvisor: this runsc has no remote sink (a newer one is needed)");
}

static int read_metadata(struct generator *generator, char *text, struct sysfold_error *error)
{
    char *lines = text;
    int r;

    if (strncmp(text, "POINTS", strlen("POINTS")) != 0)
        return not_metadata(error, "it does not begin with points");
    generator->points = calloc(POINTS_MAX, sizeof(*generator->points));
    if (!generator->points)
        return error_system(error, -ENOMEM, "gvisor: cannot make a configuration");
    r = read_points(generator, &lines, error);
    return r < 0 ? r : read_sinks(&lines, error);
}

/* Is it in "a|b|c"? */
static bool listed(const char *list, const char *name)
{
    size_t length = strlen(name);

    for (;;) {
        size_t next = strcspn(list, "|");

        if (next == length && !memcmp(list, name, length))
            return true;
        if (!list[next])
            return false;
        list += next + 1;
    }
}

static bool append_point(json_t *points, const struct point *point, const char *optional, unsigned context)
{
    json_t *fields = json_array();
    json_t *value;

    for (size_t i = 0; i < sizeof(context_fields) / sizeof(context_fields[0]); i++) {
        if ((context & context_fields[i].kind) && listed(point->context, context_fields[i].name))
            json_array_append_new(fields, json_string(context_fields[i].name));
    }
    value = json_pack("{s:s, s:o}", "name", point->name, "context_fields", fields);
    if (value && optional && listed(point->optional, optional))
        json_object_set_new(value, "optional_fields", json_pack("[s]", optional));
    return json_array_append_new(points, value) == 0;
}

/* A call is told by its raw points and what its row wants of the others; where there are no raw ones, by all others. */
static bool append_call(const struct generator *generator, json_t *points, const struct point *point)
{
    bool alone = generator->raw[point->number] != (ENTER | EXIT);
    const struct detail *detail = point->detail;
    unsigned context = NUMBERS;

    if (point->raw)
        return alone || append_point(points, point, NULL, NUMBERS);
    if (!alone && !(detail && detail->moments & point->moment))
        return true;
    if (!alone && detail->named && point->moment == EXIT)
        context |= CREDENTIALS | NAMES;
    return append_point(points, point, detail ? detail->optional : NULL, context);
}

static bool append_life(json_t *points, const struct point *point)
{
    for (size_t i = 0; i < sizeof(life) / sizeof(life[0]); i++) {
        if (!strcmp(life[i].name, point->name))
            return append_point(points, point, life[i].optional, NUMBERS | CREDENTIALS);
    }
    return true;
}

static bool is_empty(const struct callset *calls)
{
    for (size_t i = 0; i < CALLSET_NATIVE_MAX / 64; i++) {
        if (calls->native[i])
            return false;
    }
    return !calls->everything;
}

/* rt_sigreturn says whether a call that a signal interrupted is made again; the others, which signal their child's end
 * sends. */
static bool is_needed(uint32_t nr)
{
    return nr == SYS_rt_sigreturn || nr == SYS_clone || nr == SYS_fork || nr == SYS_vfork;
}

static int choose_points(const struct generator *generator, const struct callset *calls, json_t *points,
                         struct sysfold_error *error)
{
    size_t call_points = 0;
    bool done = points != NULL;

    for (size_t i = 0; done && i < generator->point_count; i++) {
        const struct point *point = &generator->points[i];
        size_t before = json_array_size(points);

        if (point->number == NOT_A_CALL) {
            done = append_life(points, point);
        } else if (callset_has(calls, AUDIT_ARCH_X86_64, point->number)) {
            done = append_call(generator, points, point);
            call_points += json_array_size(points) - before;
        } else if (is_needed(point->number)) {
            done = append_call(generator, points, point);
        }
    }
    if (!done)
        return error_system(error, -ENOMEM, "gvisor: cannot make a configuration");
    if (!call_points && !is_empty(calls))
        return error_set(error, -ENOTSUP, "gvisor: this runsc can trace none of the chosen calls");
    return 0;
}

static int make_sink(const struct config_options *options, json_t **ret_sink, struct sysfold_error *error)
{
    json_t *config = json_pack("{s:s, s:i, s:s, s:s}", "endpoint", options->endpoint, "retries", options->retries,
                               "backoff", options->backoff, "backoff_max", options->backoff_max);

    if (!config)
        return error_set(error, -EINVAL, "gvisor: a socket's path must be UTF-8 to be written into a configuration");
    *ret_sink = json_pack("{s:s, s:o}", "name", "remote", "config", config);
    if (!*ret_sink)
        return error_system(error, -ENOMEM, "gvisor: cannot make a configuration");
    if (options->may_be_absent)
        json_object_set_new(*ret_sink, "ignore_setup_error", json_true());
    return 0;
}

/* A point a line: jansson's own indentation gives each of its fields one. */
static int print_session(const json_t *points, const json_t *sink, char **ret_json, struct sysfold_error *error)
{
    cleanup_free char *text = NULL;
    const json_t *point;
    size_t size, i;
    bool failed;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        return error_system(error, -errno, "gvisor: cannot make a configuration");
    (void)fputs("{\n  \"trace_session\": {\n"
                "    \"name\": \"Default\",\n" /* gVisor knows no other */
                "    \"ignore_missing\": true,\n    \"points\": [",
                out);
    json_array_foreach(points, i, point)
    {
        (void)fputs(i ? ",\n      " : "\n      ", out);
        (void)json_dumpf(point, out, 0);
    }
    (void)fputs("\n    ],\n    \"sinks\": [\n      ", out);
    (void)json_dumpf(sink, out, 0);
    (void)fputs("\n    ]\n  }\n}\n", out);
    failed = ferror(out) != 0;
    if (fclose(out) != 0 || failed)
        return error_system(error, -ENOMEM, "gvisor: cannot make a configuration");
    *ret_json = steal_pointer(&text);
    return 0;
}

int config_generate(const char *metadata, const struct config_options *options, char **ret_json,
                    struct sysfold_error *error)
{
    cleanup_free char *text = strdup(metadata);
    struct generator generator = {0};
    json_t *points = NULL;
    json_t *sink = NULL;
    int r;

    if (!text)
        return error_system(error, -ENOMEM, "gvisor: cannot make a configuration");
    r = read_metadata(&generator, text, error);
    if (r == 0)
        r = make_sink(options, &sink, error);
    if (r == 0) {
        points = json_array();
        r = choose_points(&generator, options->calls, points, error);
    }
    if (r == 0)
        r = print_session(points, sink, ret_json, error);
    json_decref(points);
    json_decref(sink);
    free(generator.points);
    return r;
}
