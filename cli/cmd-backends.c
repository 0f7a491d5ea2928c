// SPDX-License-Identifier: Apache-2.0
/* sysfold backends: what can be used here, and what keeps the rest. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "json.h"

#define DECLARED_WIDTH 100

static const char *usability(const struct sysfold_backend_info *info)
{
    switch (info->usability) {
    case SYSFOLD_USABLE:
        return "usable";
    case SYSFOLD_NO_PERMISSION:
        return "no permission";
    default:
        return "unsupported";
    }
}

const char *declared_kind_name(enum sysfold_declared_kind kind)
{
    static const char *const names[] = {"absent", "different", "unreadable"};

    return names[kind];
}

const char *declared_kind_phrase(enum sysfold_declared_kind kind)
{
    static const char *const phrases[] = {"is absent", "differs", "is unreadable where the call failed"};

    return phrases[kind];
}

/* The name of the next row that is a system call's, from *index on; NULL behind the last. */
static const char *next_call(size_t *index)
{
    const struct sysfold_row *row;

    do
        row = sysfold_schema_row(sysfold_schema_builtin(), (*index)++);
    while (row && !sysfold_row_is_syscall(row));
    return row ? sysfold_row_name(row) : NULL;
}

/* NULL: no memory. */
static json_t *declared_json(const char *backend)
{
    struct sysfold_declared declared = {.size = sizeof(declared)};
    json_t *list = json_array();

    for (size_t i = 0; list && sysfold_declared(backend, i, &declared) == 0; i++) {
        json_t *entry = json_pack("{s:s, s:s, s:s, s:s}", "row", declared.row, "param", declared.param, "kind",
                                  declared_kind_name(declared.kind), "reason", declared.reason);

        if (json_array_append_new(list, entry) < 0) {
            json_decref(list);
            list = NULL;
        }
    }
    return list;
}

static const char *const way_names[] = {"seen", "performed", "stopped", "unstopped", "absent"};

/* Of every call, where its result comes from; NULL for a backend that sees them all return, or without memory. */
static json_t *results_json(const char *backend)
{
    json_t *document = NULL;
    enum sysfold_result_way way;
    const char *call;

    for (size_t i = 0; (call = next_call(&i));) {
        if (sysfold_backend_result_way(backend, call, &way) < 0 || way == SYSFOLD_RESULT_SEEN)
            continue;
        if (!document)
            document = json_object();
        (void)json_object_set_new(document, call, json_string(way_names[way]));
    }
    return document;
}

static int show_json(void)
{
    struct sysfold_backend_info info = {.size = sizeof(info)};
    json_t *document = json_array();

    for (size_t i = 0; document && sysfold_backend_probe(i, &info) == 0; i++) {
        json_t *backend = json_pack("{s:s, s:s, s:s, s:o, s:o, s:o}", "name", info.name, "usability", usability(&info),
                                    "summary", info.summary, "reason", json_text(info.reason), "remedy",
                                    json_text(info.remedy), "declared", declared_json(info.name));
        json_t *results = results_json(info.name);

        if (results)
            (void)json_object_set_new(backend, "results", results);
        if (json_array_append_new(document, backend) < 0) {
            json_decref(document);
            document = NULL;
        }
    }
    return json_show(document) ? EXIT_SUCCESS : EXIT_TROUBLE;
}

static bool is_of_one_kind(const struct sysfold_declared *a, const struct sysfold_declared *b)
{
    return a->kind == b->kind && !strcmp(a->reason, b->reason);
}

/* One behind the others of its kind, or on a line of its own. Where it ends. */
static unsigned show_name(const struct sysfold_declared *declared, bool is_first, unsigned column)
{
    unsigned width = (unsigned)(strlen(declared->row) + strlen(declared->param) + 1);
    bool breaks = is_first || column + width + 3 > DECLARED_WIDTH;

    (void)printf("%s%s%s.%s", is_first ? "" : ",", breaks ? (is_first ? "    " : "\n    ") : " ", declared->row,
                 declared->param);
    return (breaks ? 4 : column + 2) + width;
}

/* What is declared for one reason together. */
static void show_declared(const char *backend)
{
    struct sysfold_declared declared = {.size = sizeof(declared)}, next = {.size = sizeof(next)};
    bool is_first = true;
    unsigned column = 0;

    if (sysfold_declared(backend, 0, &declared) < 0) {
        (void)puts("  nothing is absent or different");
        return;
    }
    (void)puts("  not as in other backends:");
    for (size_t i = 1;; i++, declared = next) {
        bool is_last = sysfold_declared(backend, i, &next) < 0;

        column = show_name(&declared, is_first, column);
        is_first = is_last || !is_of_one_kind(&declared, &next);
        if (is_first)
            (void)printf(" %s: %s\n", declared_kind_phrase(declared.kind), declared.reason);
        if (is_last)
            return;
    }
}

/* A list that is broken into lines. */
static void show_calls(const char *backend, enum sysfold_result_way wanted, const char *phrase)
{
    enum sysfold_result_way way;
    unsigned column = DECLARED_WIDTH;
    const char *call;
    bool any = false;

    for (size_t i = 0; (call = next_call(&i));) {
        if (sysfold_backend_result_way(backend, call, &way) < 0 || way != wanted)
            continue;
        if (!any)
            (void)printf("  %s:", phrase);
        any = true;
        if (column + strlen(call) + 1 > DECLARED_WIDTH) {
            (void)printf("\n   ");
            column = 3;
        }
        column += (unsigned)printf(" %s", call);
    }
    if (any)
        (void)putchar('\n');
}

static void show_results(const char *backend)
{
    show_calls(backend, SYSFOLD_RESULT_PERFORMED, "performed by sysfold, where that is exact");
    show_calls(backend, SYSFOLD_RESULT_STOPPED, "stopped at, the result by a tracepoint");
    show_calls(backend, SYSFOLD_RESULT_UNSTOPPED, "by a tracepoint, without a stop");
    show_calls(backend, SYSFOLD_RESULT_ABSENT, "without a result, if all calls are recorded");
}

static int show_text(bool verbose)
{
    struct sysfold_backend_info info = {.size = sizeof(info)};

    for (size_t i = 0; sysfold_backend_probe(i, &info) == 0; i++) {
        (void)printf("%s%s: %s\n  %s\n", i ? "\n" : "", info.name, usability(&info), info.summary);
        if (info.reason[0])
            (void)printf("  %s\n", info.reason);
        if (info.remedy[0])
            (void)printf("  remedy: %s\n", info.remedy);
        if (verbose) {
            show_results(info.name);
            show_declared(info.name);
        }
    }
    return EXIT_SUCCESS;
}

static int run(int argc, char **argv)
{
    static const struct option options[] = {
        {"help", no_argument, NULL, 'h'}, {"verbose", no_argument, NULL, 'v'}, {"json", no_argument, NULL, 301}, {0}};
    bool verbose = false;
    bool json = false;
    int option;

    while ((option = next_option(&command_backends, argc, argv, ":hv", options)) != -1) {
        if (option == '?')
            return EXIT_TROUBLE;
        verbose |= option == 'v';
        json |= option == 301;
    }
    if (optind < argc)
        return misused(&command_backends, "unexpected argument '%s'", argv[optind]);
    return finish_stdout(json ? show_json() : show_text(verbose), EXIT_DAMAGED);
}

const struct command command_backends = {
    .name = "backends",
    .summary = "list the capture mechanisms: usable here or not, why, and what to do",
    .help = "Usage: sysfold backends [-v] [--json]\n"
            "List the capture mechanisms, best first: whether each is usable here, why (not),\n"
            "and what to do about it.\n"
            "\n"
            "  -v, --verbose  also what each does not know, or says differently (always in JSON)\n"
            "      --json     as one JSON document\n"
            "  -h, --help     this text\n"
            "\n"
            "Exit status: 0; 1 if the output cannot be written; 2 for bad usage.\n"
            "\n"
            "Example:\n"
            "  sysfold backends --json | jq -r '.[] | select(.usability == \"usable\") | .name'\n",
    .trouble = EXIT_TROUBLE,
    .run = run,
};
