// SPDX-License-Identifier: Apache-2.0
/* Is it a seccomp profile? Engines and runtimes look at it again; here every part that is rewritten or copied has its
 * type. */

#include "backends/notify/profile.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "common/error.h"

#define RULES_MAX 16384
#define NAMES_MAX 16384 /* of all rules together */
#define WORD_MAX 128    /* bytes of a system call's name */
#define ARGUMENT_COUNT 6
#define PLACE_SIZE 160

static const struct {
    const char *name;
    enum action_kind kind;
} actions[] = {
    {ACTION_ALLOW, ACTION_ALLOWS},    {"SCMP_ACT_LOG", ACTION_ALLOWS},         {"SCMP_ACT_TRACE", ACTION_TRACES},
    {ACTION_NOTIFY, ACTION_NOTIFIES}, {"SCMP_ACT_ERRNO", ACTION_DENIES},       {"SCMP_ACT_TRAP", ACTION_DENIES},
    {"SCMP_ACT_KILL", ACTION_DENIES}, {"SCMP_ACT_KILL_THREAD", ACTION_DENIES}, {"SCMP_ACT_KILL_PROCESS", ACTION_DENIES},
};

static const char *const operators[] = {"SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE",       "SCMP_CMP_EQ",
                                        "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_MASKED_EQ"};

struct checker {
    const char *file;
    const char *place;
    struct sysfold_error *error;
    size_t name_count;
};

enum action_kind action_kind(const char *name)
{
    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
        if (!strcmp(actions[i].name, name))
            return actions[i].kind;
    }
    return ACTION_UNKNOWN;
}

/* A part of the file, for a message: terminals read messages. */
static const char *quote(const char *text, char *buffer, size_t size)
{
    size_t i = 0;

    for (; text[i] && i + 1 < size; i++)
        buffer[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
    buffer[i] = '\0';
    return buffer;
}

static int __attribute__((format(printf, 3, 4)))
wrong(const struct checker *checker, const char *where, const char *format, ...)
{
    va_list arguments;
    char why[300];
    int length;

    va_start(arguments, format);
    (void)vsnprintf(why, sizeof(why), format, arguments);
    va_end(arguments);
    length = (int)strlen(where) - (*where && where[strlen(where) - 1] == '.');
    return error_set(checker->error, -EBADMSG, "oci: %s: %s%.*s%s%s", checker->file, checker->place, length, where,
                     *where ? ": " : "", why);
}

static void __attribute__((format(printf, 2, 3))) set_place(char *place, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(place, PLACE_SIZE, format, arguments);
    va_end(arguments);
}

/* Its value, where it is there and not null, must be of that type. */
static int check_type(const struct checker *checker, const json_t *object, const char *where, const char *name,
                      json_type type, const json_t **ret_value)
{
    static const char *const names[] = {[JSON_OBJECT] = "an object",
                                        [JSON_ARRAY] = "a list",
                                        [JSON_STRING] = "a string",
                                        [JSON_INTEGER] = "an integer"};
    const json_t *value = json_object_get(object, name);
    char place[PLACE_SIZE];

    *ret_value = value && !json_is_null(value) ? value : NULL;
    if (!*ret_value || json_typeof(value) == type)
        return 0;
    set_place(place, "%s%s", where, name);
    return wrong(checker, place, "this must be %s", names[type]);
}

static int check_strings(const struct checker *checker, const json_t *object, const char *where, const char *name)
{
    const json_t *list, *item;
    char place[PLACE_SIZE];
    size_t i;
    int r = check_type(checker, object, where, name, JSON_ARRAY, &list);

    if (r < 0)
        return r;
    json_array_foreach(list, i, item)
    {
        if (json_is_string(item))
            continue;
        set_place(place, "%s%s[%zu]", where, name, i);
        return wrong(checker, place, "this must be a string");
    }
    return 0;
}

static int check_action(const struct checker *checker, const json_t *object, const char *where, const char *name)
{
    char place[PLACE_SIZE], shown[64];
    const json_t *value;
    int r = check_type(checker, object, where, name, JSON_STRING, &value);

    set_place(place, "%s%s", where, name);
    if (r < 0)
        return r;
    if (!value)
        return wrong(checker, place, "there is no action");
    switch (action_kind(json_string_value(value))) {
    case ACTION_UNKNOWN:
        return wrong(checker, place, "'%s' is no action", quote(json_string_value(value), shown, sizeof(shown)));
    case ACTION_NOTIFIES:
        return error_set(checker->error, -EEXIST,
                         "oci: %s: %s%s: the profile has its own calls notified; a container has one agent only",
                         checker->file, checker->place, place);
    default:
        return 0;
    }
}

static int check_number(const struct checker *checker, const json_t *argument, const char *where, const char *name,
                        json_int_t most)
{
    char place[PLACE_SIZE];
    const json_t *value;
    int r = check_type(checker, argument, where, name, JSON_INTEGER, &value);

    if (r < 0 || !value || (json_integer_value(value) >= 0 && (!most || json_integer_value(value) <= most)))
        return r;
    set_place(place, "%s%s", where, name);
    return wrong(checker, place, "%lld is out of range", (long long)json_integer_value(value));
}

static int check_argument(const struct checker *checker, const json_t *argument, const char *where)
{
    char place[PLACE_SIZE], shown[64];
    const json_t *op;
    int r;

    if (!json_is_object(argument))
        return wrong(checker, where, "this must be an object");
    set_place(place, "%s.", where);
    r = check_type(checker, argument, place, "op", JSON_STRING, &op);
    if (r == 0)
        r = check_number(checker, argument, place, "index", ARGUMENT_COUNT - 1);
    if (r == 0)
        r = check_number(checker, argument, place, "value", 0);
    if (r == 0)
        r = check_number(checker, argument, place, "valueTwo", 0);
    if (r < 0)
        return r;
    for (size_t i = 0; op && i < sizeof(operators) / sizeof(operators[0]); i++) {
        if (!strcmp(operators[i], json_string_value(op)))
            return 0;
    }
    set_place(place, "%s.op", where);
    return op ? wrong(checker, place, "'%s' is no comparison", quote(json_string_value(op), shown, sizeof(shown)))
              : wrong(checker, place, "there is no comparison");
}

static int check_arguments(const struct checker *checker, const json_t *rule, const char *where)
{
    const json_t *list, *argument;
    char place[PLACE_SIZE];
    size_t i;
    int r = check_type(checker, rule, where, "args", JSON_ARRAY, &list);

    json_array_foreach(list, i, argument)
    {
        set_place(place, "%sargs[%zu]", where, i);
        if (r == 0)
            r = check_argument(checker, argument, place);
    }
    return r;
}

/* The calls of a rule: "names", or "name", which is what old profiles have. */
static int check_names(struct checker *checker, const json_t *rule, const char *where)
{
    const json_t *one, *names, *name;
    char place[PLACE_SIZE];
    size_t i;
    int r = check_type(checker, rule, where, "name", JSON_STRING, &one);

    if (r == 0)
        r = check_strings(checker, rule, where, "names");
    if (r < 0)
        return r;
    names = json_object_get(rule, "names");
    if (!one && json_array_size(names) == 0)
        return wrong(checker, where, "there are no names of system calls");
    if (one && json_array_size(names) > 0)
        return wrong(checker, where, "either 'name' or 'names', not both");
    checker->name_count += json_array_size(names);
    if (checker->name_count > NAMES_MAX)
        return wrong(checker, where, "too many names of system calls (at most %d)", NAMES_MAX);
    json_array_foreach(names, i, name)
    {
        set_place(place, "%snames[%zu]", where, i);
        if (json_string_length(name) == 0 || json_string_length(name) > WORD_MAX)
            return wrong(checker, place, "this is no name of a system call");
    }
    return 0;
}

/* "includes" and "excludes", which the engines resolve. */
static int check_filter(const struct checker *checker, const json_t *rule, const char *where, const char *name)
{
    const json_t *filter, *kernel;
    char place[PLACE_SIZE];
    int r = check_type(checker, rule, where, name, JSON_OBJECT, &filter);

    set_place(place, "%s%s.", where, name);
    if (r == 0)
        r = check_strings(checker, filter, place, "caps");
    if (r == 0)
        r = check_strings(checker, filter, place, "arches");
    return r < 0 ? r : check_type(checker, filter, place, "minKernel", JSON_STRING, &kernel);
}

static int check_rule(struct checker *checker, const json_t *rule, const char *where)
{
    char place[PLACE_SIZE];
    int r;

    if (!json_is_object(rule))
        return wrong(checker, where, "this must be an object");
    set_place(place, "%s.", where);
    r = check_action(checker, rule, place, "action");
    if (r == 0)
        r = check_names(checker, rule, place);
    if (r == 0)
        r = check_arguments(checker, rule, place);
    if (r == 0)
        r = check_number(checker, rule, place, "errnoRet", 0);
    if (r == 0)
        r = check_filter(checker, rule, place, "includes");
    return r < 0 ? r : check_filter(checker, rule, place, "excludes");
}

static int check_rules(struct checker *checker, const json_t *profile)
{
    const json_t *rules, *rule;
    char place[PLACE_SIZE];
    size_t i;
    int r = check_type(checker, profile, "", "syscalls", JSON_ARRAY, &rules);

    if (r == 0 && json_array_size(rules) > RULES_MAX)
        return wrong(checker, "syscalls", "too many rules (at most %d)", RULES_MAX);
    json_array_foreach(rules, i, rule)
    {
        set_place(place, "syscalls[%zu]", i);
        if (r == 0)
            r = check_rule(checker, rule, place);
    }
    return r;
}

static int check_map(const struct checker *checker, const json_t *profile)
{
    const json_t *map, *entry, *name;
    char place[PLACE_SIZE];
    size_t i;
    int r = check_type(checker, profile, "", "archMap", JSON_ARRAY, &map);

    json_array_foreach(map, i, entry)
    {
        set_place(place, "archMap[%zu].", i);
        if (r == 0 && !json_is_object(entry))
            r = wrong(checker, place, "this must be an object");
        if (r == 0)
            r = check_type(checker, entry, place, "architecture", JSON_STRING, &name);
        if (r == 0)
            r = check_strings(checker, entry, place, "subArchitectures");
    }
    return r;
}

/* A kernel refuses a second agent, and runtimes know one path only. */
static int check_agent(const struct checker *checker, const json_t *profile)
{
    const json_t *path = json_object_get(profile, "listenerPath");

    if (!path || json_is_null(path) || (json_is_string(path) && json_string_length(path) == 0))
        return 0;
    if (!json_is_string(path))
        return wrong(checker, "listenerPath", "this must be a string");
    return error_set(checker->error, -EEXIST,
                     "oci: %s: %slistenerPath: the profile has an agent already; a container has one agent only",
                     checker->file, checker->place);
}

int profile_check(const json_t *profile, const char *file, const char *place, struct sysfold_error *error)
{
    struct checker checker = {.file = file, .place = place, .error = error};
    int r;

    if (!json_is_object(profile))
        return wrong(&checker, "", "a profile must be an object");
    if (!json_object_get(profile, "defaultAction") && json_object_get(profile, "linux"))
        return wrong(&checker, "", "this is a bundle's configuration, not a profile");
    r = check_action(&checker, profile, "", "defaultAction");
    if (r == 0)
        r = check_number(&checker, profile, "", "defaultErrnoRet", 0);
    if (r == 0)
        r = check_agent(&checker, profile);
    if (r == 0)
        r = check_strings(&checker, profile, "", "architectures");
    if (r == 0)
        r = check_strings(&checker, profile, "", "flags");
    if (r == 0)
        r = check_map(&checker, profile);
    return r < 0 ? r : check_rules(&checker, profile);
}
