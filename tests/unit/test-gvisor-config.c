// SPDX-License-Identifier: Apache-2.0
/* Session configurations: of what metadata names what is asked for, and that no bad metadata makes one. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <jansson.h>

#include "backends/endpoint.h"
#include "backends/gvisor/config.h"
#include "backends/gvisor/runsc.h"
#include "common/cleanup.h"

#define NUMBERS "time|thread_id|task_start_time|group_id|thread_group_start_time|container_id"
#define NUMBERS_AND_CREDENTIALS NUMBERS "|credentials"
#define EVERY_FIELD NUMBERS "|credentials|cwd|process_name"

#define SINKS "\nSINKS (2)\nName: null\nName: remote\n"

/* A line of what `runsc trace metadata` prints. */
#define POINT(name, optional, context)                                                                                 \
    "Name: " name ", optional fields: [" optional "], context fields: [" context "]\n"
#define CALL(name, optional, context)                                                                                  \
    POINT("syscall/" name "/enter", optional, context) POINT("syscall/" name "/exit", optional, context)

#define READ CALL("sysno/0", "", EVERY_FIELD)

/* An excerpt, as of the version whose exit_notify_parent has that context. */
static char *excerpt(const char *notify_context)
{
    static const struct {
        const char *name, *optional;
    } life[] = {{"container/start", "env"},
                {"sentry/clone", ""},
                {"sentry/execve", "binary_info"},
                {"sentry/exit_notify_parent", ""},
                {"sentry/task_exit", ""}},
      calls[] = {{"accept4", "fd_path"}, {"connect", "fd_path"}, {"execve", "envv"}, {"open", ""},
                 {"openat", "fd_path"},  {"read", "fd_path"},    {"sysno/0", ""},    {"sysno/2", ""},
                 {"sysno/257", ""},      {"sysno/288", ""},      {"sysno/42", ""},   {"sysno/59", ""},
                 {"sysno/87", ""}};
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    (void)fputs("POINTS (991)\n", out);
    for (size_t i = 0; i < sizeof(life) / sizeof(life[0]); i++)
        (void)fprintf(out, POINT("%s", "%s", "%s"), life[i].name, life[i].optional,
                      i == 3 ? notify_context : EVERY_FIELD);
    for (size_t i = 0; i < 2 * sizeof(calls) / sizeof(calls[0]); i++)
        (void)fprintf(out, POINT("syscall/%s/%s", "%s", "%s"), calls[i / 2].name, i % 2 ? "exit" : "enter",
                      calls[i / 2].optional, EVERY_FIELD);
    (void)fputs(SINKS, out);
    (void)fclose(out);
    return text;
}

static char *of_2022, *of_2024;

static void begin(void)
{
    of_2022 = excerpt(EVERY_FIELD);
    of_2024 = excerpt(NUMBERS_AND_CREDENTIALS "|process_name");
}

static void end(void)
{
    free(of_2022);
    free(of_2024);
}

TestSuite(gvisor_config, .init = begin, .fini = end, .timeout = 100);

static struct sysfold_error error;

static int generate(const char *metadata, const char *expression, const char *endpoint, char **ret_json)
{
    struct callset calls;
    const struct config_options options = {.endpoint = endpoint,
                                           .calls = &calls,
                                           .retries = 3,
                                           .backoff = "25us",
                                           .backoff_max = "10ms",
                                           .may_be_absent = strstr(endpoint, "absent")};

    cr_assert_eq(callset_parse(&calls, expression, &error), 0, "%s", error.message);
    return config_generate(metadata, &options, ret_json, &error);
}

static json_t *session_of(const char *metadata, const char *expression)
{
    cleanup_free char *text = NULL;
    json_error_t problem;
    json_t *root, *session;

    cr_assert_eq(generate(metadata, expression, "/run/a.sock", &text), 0, "%s", error.message);
    cr_assert_eq(text[strlen(text) - 1], '\n');
    root = json_loads(text, JSON_REJECT_DUPLICATES, &problem);
    cr_assert(root, "%s: %s", problem.text, text);
    cr_assert_eq(json_object_size(root), 1);
    session = json_incref(json_object_get(root, "trace_session"));
    json_decref(root);
    cr_assert(session);
    return session;
}

static void append_fields(char *line, size_t size, const char *before, const json_t *fields)
{
    const json_t *field;
    size_t i;

    json_array_foreach(fields, i, field)
    {
        size_t used = strlen(line);

        (void)snprintf(line + used, size - used, "%s%s", i ? "|" : before, json_string_value(field));
    }
}

/* Its points as lines, "NAME OPTIONAL CONTEXT", in their order. */
static char *points_of(const char *metadata, const char *expression)
{
    json_t *session = session_of(metadata, expression);
    const json_t *point;
    char *lines = NULL;
    size_t size, i;
    FILE *out = open_memstream(&lines, &size);

    json_array_foreach(json_object_get(session, "points"), i, point)
    {
        char line[1000];

        (void)snprintf(line, sizeof(line), "%s", json_string_value(json_object_get(point, "name")));
        append_fields(line, sizeof(line), " +", json_object_get(point, "optional_fields"));
        append_fields(line, sizeof(line), " ", json_object_get(point, "context_fields"));
        (void)fprintf(out, "%s\n", line);
    }
    (void)fclose(out);
    json_decref(session);
    return lines;
}

#define LIFE_POINTS                                                                                                    \
    "container/start +env " NUMBERS_AND_CREDENTIALS "\nsentry/clone " NUMBERS_AND_CREDENTIALS                          \
    "\nsentry/execve +binary_info " NUMBERS_AND_CREDENTIALS "\nsentry/exit_notify_parent " NUMBERS_AND_CREDENTIALS     \
    "\nsentry/task_exit " NUMBERS_AND_CREDENTIALS "\n"
#define RAW_POINTS(n) "syscall/sysno/" n "/enter " NUMBERS "\nsyscall/sysno/" n "/exit " NUMBERS "\n"

static void expect_points(const char *metadata, const char *expression, const char *expected)
{
    cleanup_free char *points = points_of(metadata, expression);

    cr_expect_str_eq(points, expected, "%s gives\n%s", expression, points);
}

/* Both versions, and the newer one must not be asked for a cwd that it does not know. */
static void expect_calls(const char *expression, const char *expected)
{
    cleanup_free char *all = NULL;

    cr_assert_geq(asprintf(&all, "%s%s", LIFE_POINTS, expected), 0);
    expect_points(of_2022, expression, all);
    expect_points(of_2024, expression, all);
}

Test(gvisor_config, processes_are_told_of_in_any_case)
{
    expect_calls("!all", "");
}

Test(gvisor_config, a_call_without_strings_is_raw)
{
    expect_calls("unlink", RAW_POINTS("87"));
    expect_calls("read", RAW_POINTS("0"));
}

Test(gvisor_config, what_raw_points_cannot_tell_others_do)
{
    expect_calls("openat", "syscall/openat/enter " NUMBERS "\nsyscall/openat/exit " EVERY_FIELD "\n" RAW_POINTS("257"));
    expect_calls("connect",
                 "syscall/connect/enter " NUMBERS "\nsyscall/connect/exit " EVERY_FIELD "\n" RAW_POINTS("42"));
    expect_calls("execve", "syscall/execve/enter +envv " NUMBERS "\n" RAW_POINTS("59"));
    expect_calls("accept4", "syscall/accept4/exit " NUMBERS "\n" RAW_POINTS("288"));
}

Test(gvisor_config, inverted)
{
    expect_calls("!open,openat,connect,execve,accept4", RAW_POINTS("0") RAW_POINTS("87"));
}

static bool has_point(const char *points, const char *call, const char *moment)
{
    cleanup_free char *name = NULL;

    cr_assert_geq(asprintf(&name, "syscall/%s/%s ", call, moment), 0);
    return strstr(points, name);
}

Test(gvisor_config, every_call_with_details)
{
    static const struct {
        const char *name;
        bool enter, exit;
    } calls[] = {
        {"open", true, true},
        {"openat", true, true},
        {"creat", true, true},
        {"connect", true, true},
        {"bind", true, false},
        {"chdir", true, false},
        {"chroot", true, false},
        {"inotify_add_watch", true, false},
        {"signalfd", true, false},
        {"signalfd4", true, false},
        {"execve", true, false},
        {"execveat", true, false},
        {"accept", false, true},
        {"accept4", false, true},
        {"pipe", false, true},
        {"pipe2", false, true},
        {"socketpair", false, true},
        {"prlimit64", false, true},
        {"timerfd_settime", false, true},
        {"timerfd_gettime", false, true},
        {"dup3", false, false},
    };

    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        cleanup_free char *metadata = NULL;
        cleanup_free char *points = NULL;
        struct callset set;
        unsigned number = 0;

        cr_assert_eq(callset_parse(&set, calls[i].name, NULL), 0);
        while (!(set.native[number / 64] >> number % 64 & 1))
            number++;
        cr_assert_geq(
            asprintf(&metadata,
                     "POINTS (4)\nName: syscall/%s/enter, optional fields: [fd_path], context fields: [time]\n"
                     "Name: syscall/%s/exit, optional fields: [fd_path], context fields: [time]\n"
                     "Name: syscall/sysno/%u/enter, optional fields: [], context fields: [time]\n"
                     "Name: syscall/sysno/%u/exit, optional fields: [], context fields: [time]\n" SINKS,
                     calls[i].name, calls[i].name, number, number),
            0);
        points = points_of(metadata, "all");
        cr_expect_eq(has_point(points, calls[i].name, "enter"), calls[i].enter, "%s", points);
        cr_expect_eq(has_point(points, calls[i].name, "exit"), calls[i].exit, "%s", points);
        cr_expect(!strstr(points, "fd_path"));
        cr_expect(strstr(points, "sysno") && strstr(strstr(points, "sysno") + 1, "sysno"), "%s", points);
    }
}

Test(gvisor_config, without_raw_points_the_others_tell_all)
{
    expect_points("POINTS (4)\n" CALL("read", "fd_path", NUMBERS) CALL("openat", "fd_path", NUMBERS "|cwd|credentials")
                      CALL("execve", "envv", NUMBERS) CALL("sysno/87", "", NUMBERS) SINKS,
                  "all",
                  "syscall/read/enter " NUMBERS "\nsyscall/read/exit " NUMBERS "\nsyscall/openat/enter " NUMBERS
                  "\nsyscall/openat/exit " NUMBERS "\nsyscall/execve/enter +envv " NUMBERS
                  "\nsyscall/execve/exit +envv " NUMBERS "\n" RAW_POINTS("87"));
}

Test(gvisor_config, half_a_pair_of_raw_points_is_none)
{
    expect_points("POINTS (3)\n" CALL("read", "fd_path", EVERY_FIELD) POINT("syscall/sysno/0/exit", "", EVERY_FIELD)
                      SINKS,
                  "all", "syscall/read/enter " NUMBERS "\nsyscall/read/exit " NUMBERS "\n");
}

Test(gvisor_config, no_field_that_the_version_does_not_know)
{
    expect_points(
        "POINTS (4)\n" POINT("container/start", "", "time|credential") POINT("sentry/execve", "binary", "")
            POINT("syscall/sysno/1/enter", "", "time|new|thread_id") POINT("syscall/sysno/1/exit", "", "x|time") SINKS,
        "write",
        "container/start time\nsentry/execve\nsyscall/sysno/1/enter time|thread_id\nsyscall/sysno/1/exit time\n");
}

Test(gvisor_config, the_session)
{
    json_t *session = session_of(of_2024, "openat");
    const json_t *sinks = json_object_get(session, "sinks");
    const json_t *config = json_object_get(json_array_get(sinks, 0), "config");

    cr_expect_str_eq(json_string_value(json_object_get(session, "name")), "Default");
    cr_expect(json_is_true(json_object_get(session, "ignore_missing")));
    cr_expect_eq(json_object_size(session), 4); /* an unknown key fails the start */
    cr_expect_eq(json_array_size(sinks), 1);
    cr_expect_eq(json_object_size(json_array_get(sinks, 0)), 2);
    cr_expect_str_eq(json_string_value(json_object_get(json_array_get(sinks, 0), "name")), "remote");
    cr_expect_str_eq(json_string_value(json_object_get(config, "endpoint")), "/run/a.sock");
    cr_expect_eq(json_integer_value(json_object_get(config, "retries")), 3);
    cr_expect_str_eq(json_string_value(json_object_get(config, "backoff")), "25us");
    cr_expect_str_eq(json_string_value(json_object_get(config, "backoff_max")), "10ms");
    cr_expect_eq(json_object_size(config), 4);
    json_decref(session);
}

Test(gvisor_config, an_absent_listener_may_be_allowed)
{
    cleanup_free char *text = NULL;

    cr_assert_eq(generate(of_2024, "all", "/run/absent", &text), 0);
    cr_expect(strstr(text, "\"ignore_setup_error\": true"));
}

Test(gvisor_config, any_path)
{
    cleanup_free char *text = NULL;
    json_t *root;
    const char *endpoint = NULL;

    cr_assert_eq(generate(of_2024, "all", "/run/\"\\\n\u00e9\t.sock", &text), 0);
    root = json_loads(text, 0, NULL);
    cr_assert_eq(json_unpack(root, "{s:{s:[{s:{s:s}}]}}", "trace_session", "sinks", "config", "endpoint", &endpoint),
                 0);
    cr_expect_str_eq(endpoint, "/run/\"\\\n\u00e9\t.sock");
    json_decref(root);
    cr_expect_eq(generate(of_2024, "all", "/run/\xff.sock", &text), -EINVAL);
    cr_expect(strstr(error.message, "UTF-8"), "%s", error.message);
}

static void expect_refusal(const char *metadata, const char *expression, int code, const char *about)
{
    char *untouched = (char *)metadata;

    memset(&error, 0, sizeof(error));
    cr_expect_eq(generate(metadata, expression, "/run/a.sock", &untouched), code, "%.200s: %s", metadata,
                 error.message);
    cr_expect_eq(untouched, metadata);
    cr_expect_eq(error.code, code);
    cr_expect(strstr(error.message, about), "%s", error.message);
}

Test(gvisor_config, what_cannot_be_traced)
{
    expect_refusal(of_2024, "rename", -ENOTSUP, "none of the chosen calls");
    expect_refusal("POINTS (1)\n" POINT("sentry/clone", "", EVERY_FIELD) SINKS, "all", -ENOTSUP,
                   "none of the chosen calls");
    expect_refusal("POINTS (1)\n" READ "\nSINKS (1)\nName: null\n", "all", -ENOTSUP, "remote");
    expect_refusal("POINTS (1)\n" READ "\nSINKS (1)\nName: remotely\n", "all", -ENOTSUP, "remote");
}

Test(gvisor_config, no_metadata)
{
    static const char *const texts[] = {
        "",
        "\n",
        "Usage: runsc <flags>\n",
        "POINTS",
        "POINTS (0)\n",
        "POINTS (0)\n" SINKS,
        SINKS,
        "POINTS (1)\nName: \n" SINKS,
        "POINTS (1)\nName: syscall/sysno/0/enter\n" SINKS,
        "POINTS (1)\nName: syscall/sysno/0/enter, optional fields: [], context fields: [time\n" SINKS,
        "POINTS (1)\nName: syscall/sysno/0/enter, context fields: [time], optional fields: []\n" SINKS,
        " " READ SINKS,
        READ SINKS,
        "POINTS (991)\r" READ,
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        expect_refusal(texts[i], "all", -EBADMSG, "is it gVisor's");
}

Test(gvisor_config, cut_anywhere)
{
    for (size_t size = 0; size < strlen(of_2022) - 1; size++) {
        cleanup_free char *cut = strndup(of_2022, size);
        char *text;
        int r = generate(cut, "all", "/run/a.sock", &text);

        cr_expect(r == -EBADMSG || r == -ENOTSUP, "%d after %zu bytes", r, size);
    }
}

Test(gvisor_config, names_that_lie)
{
    static const char *const names[] = {
        "syscall/sysno/-1/enter",
        "syscall/sysno/99999999999999999999/enter",
        "syscall/sysno/1024/enter",
        "syscall/sysno/+1/enter",
        "syscall/sysno/1x/enter",
        "syscall/sysno//enter",
        "syscall/sysno/1/",
        "syscall/sysno/1",
        "syscall/sysno/1/leave",
        "syscall/sysno/1/enter/exit",
        "syscall//enter",
        "syscall/",
        "syscall",
        "",
        "/",
        "\x01\xff",
        "syscall/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/enter",
        "sentry/mmap",
        "container/stop",
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        cleanup_free char *metadata = NULL;

        cr_assert_geq(asprintf(&metadata, "POINTS (9)\n%sName: %s, optional fields: [], context fields: [time]\n" SINKS,
                               CALL("sysno/87", "", EVERY_FIELD), names[i]),
                      0);
        expect_points(metadata, "all", RAW_POINTS("87"));
    }
}

Test(gvisor_config, too_many_points)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    (void)fputs("POINTS (9)\n", out);
    for (unsigned i = 0; i < 20000; i++)
        (void)fputs(POINT("sentry/clone", "", "time"), out);
    (void)fputs(SINKS, out);
    (void)fclose(out);
    expect_refusal(text, "all", -EBADMSG, "too many");
    free(text);
}

Test(gvisor_config, the_default_socket)
{
    uid_t ours = geteuid();
    char *path;

    if (ours == 0) {
        setenv("XDG_RUNTIME_DIR", "/tmp/x", 1);
        cr_assert_eq(endpoint_default_path("gvisor", &path, &error), 0);
        cr_expect_str_eq(path, "/run/sysfold/gvisor.sock");
        free(path);
        cr_assert_eq(seteuid(65534), 0);
    }
    setenv("XDG_RUNTIME_DIR", "/tmp/x", 1);
    cr_assert_eq(endpoint_default_path("gvisor", &path, &error), 0);
    cr_expect_str_eq(path, "/tmp/x/sysfold/gvisor.sock");
    free(path);
    setenv("XDG_RUNTIME_DIR", "x", 1);
    cr_expect_eq(endpoint_default_path("gvisor", &path, &error), -ENOENT);
    unsetenv("XDG_RUNTIME_DIR");
    cr_expect_eq(endpoint_default_path("gvisor", &path, &error), -ENOENT);
    cr_expect(strstr(error.message, "XDG_RUNTIME_DIR"));
    cr_assert_eq(seteuid(ours), 0);
    cr_assert_eq(prctl(PR_SET_DUMPABLE, 1), 0); /* a sanitizer looks into its own process */
}

/* Does the metadata have that point, with that field (any: NULL)? */
static bool knows(const char *metadata, const char *point, const char *field)
{
    cleanup_free char *begin = NULL;
    const char *line, *end;

    cr_assert_geq(asprintf(&begin, "\nName: %s, ", point), 0);
    line = strstr(metadata, begin);
    if (!line || !field)
        return line;
    end = strchr(line + 1, '\n');
    while ((line = strstr(line + 1, field)) && line < end) {
        if (strchr("[|", line[-1]) && strchr("]|", line[strlen(field)]))
            return true;
    }
    return false;
}

/* The installed one: nothing is asked of it that it does not know. */
Test(gvisor_config, real_metadata)
{
    static const char *const words[] = {"trace", "metadata", NULL};
    const struct runsc runsc = {.program = getenv("SYSFOLD_RUNSC")};
    cleanup_free char *metadata = NULL;
    const json_t *point, *field;
    json_t *session;
    size_t i, j;

    if (runsc_run(&runsc, words, 30000, &metadata, NULL, &error) == -ENOENT)
        cr_skip_test("%s", error.message);
    cr_assert(metadata, "%s", error.message);
    session = session_of(metadata, "all");
    cr_expect_gt(json_array_size(json_object_get(session, "points")), 700);
    json_array_foreach(json_object_get(session, "points"), i, point)
    {
        const char *name = json_string_value(json_object_get(point, "name"));

        cr_expect(knows(metadata, name, NULL), "%s", name);
        json_array_foreach(json_object_get(point, "context_fields"), j, field)
            cr_expect(knows(metadata, name, json_string_value(field)), "%s of %s", json_string_value(field), name);
        json_array_foreach(json_object_get(point, "optional_fields"), j, field)
            cr_expect(knows(metadata, name, json_string_value(field)), "%s of %s", json_string_value(field), name);
    }
    json_decref(session);
}
