// SPDX-License-Identifier: Apache-2.0
/* The built-in schema as one document: Markdown for people, JSON for programs. */

#include <sysfold/schema.h>

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "rows.h"

struct meaning {
    const char *name;
    const char *text;
};

static const char *const class_meanings[CLASS_COUNT] = {
    "takes a file name",
    "takes or makes a descriptor",
    "creates, ends or waits for processes",
    "network",
    "memory mappings",
    "signals",
    "System V interprocess communication",
    "users, groups and capabilities",
    "reads or sets a clock",
};

static const char *const effect_meanings[EFFECT_COUNT] = {
    [E_NONE] = "changes nothing",
    [E_OPENS_FD] = "opens a file: the result is its descriptor",
    [E_MAKES_FD] = "makes a descriptor named after the call",
    [E_MAKES_SOCKET] = "makes a socket",
    [E_MAKES_PAIR] = "makes two descriptors",
    [E_BINDS] = "gives a socket its local address",
    [E_CONNECTS] = "gives a socket its peer",
    [E_ACCEPTS] = "makes a socket from a listening one",
    [E_DUPLICATES_FD] = "the result is another descriptor of the same file",
    [E_CONTROLS_FD] = "fcntl: duplicates, or changes flags",
    [E_CLOSES_FD] = "closes a descriptor",
    [E_CLOSES_RANGE] = "closes a range of descriptors",
    [E_RECEIVES_FDS] = "may receive descriptors in a control message",
    [E_GETS_FD] = "the result is a descriptor of another process's file",
    [E_USES_FD] = "uses a descriptor, changes nothing",
    [E_CHANGES_DIR] = "changes the working directory, by path",
    [E_CHANGES_DIR_FD] = "changes the working directory, by descriptor",
    [E_CHANGES_ROOT] = "changes the root directory",
    [E_NAMES_THREAD] = "may rename the thread",
    [E_UNSHARES] = "stops sharing descriptors or directories with other threads",
    [E_STARTS_THREAD] = "a thread begins",
    [E_EXECS] = "a process's image is replaced",
    [E_ENDS_THREAD] = "a thread ends",
    [E_ENDS_PROCESS] = "a process ends",
    [E_SNAPSHOTS_THREAD] = "tells of a thread that was already there",
    [E_SNAPSHOTS_FD] = "tells of a descriptor that was already there",
    [E_LOSES] = "what is known may be out of date from here on",
    [E_NAMES_CONTAINER] = "tells which container a process, or all of a source, is in",
};

static const struct meaning moment_meanings[] = {
    {"entry", "read before the kernel acts, merged at exit"},
    {"exit", "read at exit"},
    {"success", "read at exit, and only where the call succeeded"},
};

static const struct meaning source_meanings[] = {
    {"RESULT", "the call's return value"},
    {"ARG(n)", "argument n, as it was at entry"},
    {"CALL_NR", "the call's own number"},
    {"CALL_ARCH", "the architecture the call was made for"},
    {"USER_STRING(n)", "the NUL-terminated string at argument n"},
    {"USER_STRING_WHEN(n, v)", "the same, only where argument 0 is v"},
    {"USER_BYTES(n, length)", "bytes at argument n"},
    {"USER_IOVEC(n, length)", "the bytes behind the iovec array at argument n, whose count is argument n+1"},
    {"MSG_NAME(n)", "the address in the msghdr at argument n"},
    {"MSG_DATA(n, length)", "the bytes behind the iovecs of the msghdr at argument n"},
    {"MSG_CONTROL(n)", "the control messages of the msghdr at argument n"},
    {"USER_SOCKADDR(n, m)", "the socket address at argument n, its length in argument m"},
    {"USER_SOCKADDR_OUT(n, m)", "the same, its length in the int that argument m points to"},
    {"USER_STRING_VECTOR(n)", "the NULL-terminated array of strings at argument n"},
    {"USER_FIXED(n)", "the structure at argument n, as large as the type"},
    {"USER_FIELD(n, offset)", "a value at that offset of the structure at argument n"},
    {"USER_ARRAY(n, length)", "elements at argument n; the length counts elements"},
    {"RESULT_FILE(field)", "of the file behind the returned descriptor"},
    {"RESULT_SOCKET", "both addresses of the returned socket"},
    {"FD_SOCKET(n)", "both addresses of the socket at argument n"},
    {"GIVEN", "the backend knows it by itself"},
    {"BY_RESULT", "a length: the result"},
    {"BY_RESULT_WITHIN(n)", "a length: the result, or argument n where that is less"},
    {"BY_ARG(n)", "a length: argument n"},
    {"BY_BITS(n)", "a length: the number of bits in argument n, in whole 64-bit words"},
    {"BY_INT_AT(n)", "a length: the int that argument n points to"},
    {"BY_SIZE(n)", "a length: n; 0 stands for all that the iovecs hold"},
};

#define MOMENT_MEANINGS (sizeof(moment_meanings) / sizeof(moment_meanings[0]))
#define SOURCE_MEANINGS (sizeof(source_meanings) / sizeof(source_meanings[0]))

static const char *type_wire(const struct type_info *type)
{
    const struct sysfold_param param = {.type = type};

    return sysfold_param_wire(&param);
}

/* Markdown. */

static void print_classes(FILE *out, const struct sysfold_row *row)
{
    const char *name = sysfold_row_class(row, 0);

    if (!name)
        return;
    (void)fputs("Classes: ", out);
    for (size_t i = 0; (name = sysfold_row_class(row, i)); i++)
        (void)fprintf(out, "%s%s", i ? ", " : "", name);
    (void)fputs(". ", out);
}

static void print_row(FILE *out, const struct sysfold_row *row)
{
    (void)fprintf(out, "\n### %s (%u)\n\n", row->name, row->number);
    print_classes(out, row);
    (void)fprintf(out, "Effect: %s.\n\n", sysfold_row_effect(row));
    (void)fputs("| parameter | type | wire | source | read at |\n|---|---|---|---|---|\n", out);
    for (size_t i = 0; i < row->param_count; i++) {
        const struct sysfold_param *param = &row->params[i];

        (void)fprintf(out, "| %s | %s | %s | %s | %s |\n", param->name, param->type->name, sysfold_param_wire(param),
                      param->source_text, sysfold_param_moment(param));
    }
}

static void print_rows(FILE *out, bool syscalls)
{
    for (unsigned number = 0; number < ROW_MAX; number++) {
        const struct sysfold_row *row = row_builtin(number);

        if (row && sysfold_row_is_syscall(row) == syscalls)
            print_row(out, row);
    }
}

static void print_types(FILE *out)
{
    (void)fputs("\n## Types\n\n| type | wire | shown as | names |\n|---|---|---|---|\n", out);
    for (unsigned i = TYPE_NONE + 1; i < TYPES; i++) {
        const struct type_info *type = &type_infos[i];

        (void)fprintf(out, "| %s | %s | %s | %s |\n", type->name, type_wire(type), form_names[i],
                      type->table->count ? type->table->name : "");
    }
}

static void print_meanings(FILE *out)
{
    (void)fputs("\n## Classes\n\n", out);
    for (unsigned i = 0; i < CLASS_COUNT; i++)
        (void)fprintf(out, "- `%s`: %s\n", class_names[i], class_meanings[i]);
    (void)fputs("\n## Effects\n\n", out);
    for (unsigned i = 0; i < EFFECT_COUNT; i++)
        (void)fprintf(out, "- `%s`: %s\n", effect_names[i], effect_meanings[i]);
    (void)fputs("\n## Sources\n\n", out);
    for (size_t i = 0; i < SOURCE_MEANINGS; i++)
        (void)fprintf(out, "- `%s`: %s\n", source_meanings[i].name, source_meanings[i].text);
    (void)fputs("\n## Moments\n\n", out);
    for (size_t i = 0; i < MOMENT_MEANINGS; i++)
        (void)fprintf(out, "- `%s`: %s\n", moment_meanings[i].name, moment_meanings[i].text);
}

int sysfold_schema_to_markdown(char **ret_text, struct sysfold_error *error)
{
    cleanup_free char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    bool failed;

    if (!out)
        return error_system(error, -ENOMEM, "cannot write the schema");
    (void)fputs("# The events of sysfold\n\n"
                "A record holds its parameters in this order. A system call that is not here is a `syscall`.\n",
                out);
    (void)fputs("\n## System calls\n", out);
    print_rows(out, true);
    (void)fputs("\n## Other events\n", out);
    print_rows(out, false);
    print_types(out);
    print_meanings(out);
    failed = ferror(out) != 0;
    if (fclose(out) || failed)
        return error_system(error, -ENOMEM, "cannot write the schema");
    *ret_text = steal_pointer(&text);
    return 0;
}

/* JSON. Functions return a new reference or NULL; jansson passes NULL on as failure. */

/* Appends what was made, or says that something could not be. */
static bool append(json_t *array, json_t *value)
{
    return json_array_append_new(array, value) == 0;
}

static json_t *make_list(json_t *(*make)(size_t index), size_t count)
{
    json_t *array = json_array();

    for (size_t i = 0; array && i < count; i++) {
        if (!append(array, make(i))) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *make_param(const struct sysfold_param *param)
{
    return json_pack("{s:s, s:s, s:s, s:b, s:i, s:s, s:s}", "name", param->name, "type", param->type->name, "wire",
                     sysfold_param_wire(param), "variable", param->type->variable, "place", param->place, "source",
                     param->source_text, "moment", sysfold_param_moment(param));
}

static json_t *make_params(const struct sysfold_row *row)
{
    json_t *params = json_array();

    for (size_t i = 0; params && i < row->param_count; i++) {
        if (!append(params, make_param(&row->params[i]))) {
            json_decref(params);
            return NULL;
        }
    }
    return params;
}

static json_t *make_classes(const struct sysfold_row *row)
{
    json_t *classes = json_array();
    const char *name;

    for (size_t i = 0; classes && (name = sysfold_row_class(row, i)); i++) {
        if (!append(classes, json_string(name))) {
            json_decref(classes);
            return NULL;
        }
    }
    return classes;
}

static json_t *make_row(const struct sysfold_row *row)
{
    return json_pack("{s:i, s:s, s:b, s:o, s:s, s:i, s:o}", "number", row->number, "name", row->name, "syscall",
                     sysfold_row_is_syscall(row), "classes", make_classes(row), "effect", sysfold_row_effect(row),
                     "fixed_size", row->fixed_size, "params", make_params(row));
}

static json_t *make_rows(void)
{
    json_t *rows = json_array();

    for (unsigned number = 0; rows && number < ROW_MAX; number++) {
        const struct sysfold_row *row = row_builtin(number);

        if (row && !append(rows, make_row(row))) {
            json_decref(rows);
            return NULL;
        }
    }
    return rows;
}

static json_t *make_type(size_t index)
{
    const struct type_info *type = &type_infos[TYPE_NONE + 1 + index];

    return json_pack("{s:s, s:s, s:b, s:s, s:s?}", "name", type->name, "wire", type_wire(type), "variable",
                     type->variable, "form", form_names[type->id], "table",
                     type->table->count ? type->table->name : NULL);
}

static json_t *make_meaning(const char *name, const char *text)
{
    return json_pack("{s:s, s:s}", "name", name, "meaning", text);
}

static json_t *make_class(size_t index)
{
    return make_meaning(class_names[index], class_meanings[index]);
}

static json_t *make_effect(size_t index)
{
    return make_meaning(effect_names[index], effect_meanings[index]);
}

static json_t *make_source(size_t index)
{
    return make_meaning(source_meanings[index].name, source_meanings[index].text);
}

static json_t *make_moment(size_t index)
{
    return make_meaning(moment_meanings[index].name, moment_meanings[index].text);
}

/* Values and masks are unsigned 64-bit numbers, which not every reader of JSON can take: as text. */
static json_t *make_entry(const struct flag_entry *entry)
{
    char value[sizeof("0xffffffffffffffff")];
    char mask[sizeof(value)];

    (void)snprintf(value, sizeof(value), "%#llx", (unsigned long long)entry->value);
    (void)snprintf(mask, sizeof(mask), "%#llx", (unsigned long long)entry->mask);
    return json_pack("{s:s, s:s, s:s}", "name", entry->name, "value", value, "mask", mask);
}

static json_t *make_table(size_t index)
{
    const struct flag_table *table = flag_tables[index];
    json_t *entries = json_array();

    for (size_t i = 0; entries && i < table->count; i++) {
        if (!append(entries, make_entry(&table->entries[i]))) {
            json_decref(entries);
            return NULL;
        }
    }
    return json_pack("{s:s, s:b, s:o}", "name", table->name, "bits", table->bits, "entries", entries);
}

static size_t count_tables(void)
{
    size_t count = 0;

    while (flag_tables[count])
        count++;
    return count;
}

int sysfold_schema_to_json(char **ret_text, struct sysfold_error *error)
{
    json_t *document =
        json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "events", make_rows(), "types",
                  make_list(make_type, TYPES - TYPE_NONE - 1), "classes", make_list(make_class, CLASS_COUNT), "effects",
                  make_list(make_effect, EFFECT_COUNT), "sources", make_list(make_source, SOURCE_MEANINGS), "moments",
                  make_list(make_moment, MOMENT_MEANINGS), "tables", make_list(make_table, count_tables()));
    char *text = document ? json_dumps(document, JSON_INDENT(1) | JSON_PRESERVE_ORDER) : NULL;

    json_decref(document);
    if (!text)
        return error_system(error, -ENOMEM, "cannot write the schema");
    *ret_text = text;
    return 0;
}
