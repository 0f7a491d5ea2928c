// SPDX-License-Identifier: Apache-2.0
/*
 * Which rules of a profile become notifications. Where a profile denies what it
 * does not name, the names of chosen calls move from the rules that allow them
 * into rules beside them, with the same conditions and SCMP_ACT_NOTIFY: the
 * rules are the same but for that, and so are the filter's decisions. Where it
 * allows what it does not name, chosen calls get a rule of their own, unless
 * the profile denies them: if for one value of an argument only, they are told for the others.
 */

#include "backends/notify/profile.h"

#include <errno.h>
#include <linux/audit.h>
#include <stdint.h>
#include <string.h>

#include "backends/notify/perform.h"
#include "common/callnames.h"
#include "common/error.h"
#include "common/rows.h"

/* Told whatever is chosen, besides what changes who a thread is or what it sees. */
static const char *const lifecycle[] = {
    "clone", "clone3", "fork", "vfork", "execve", "execveat", "exit", "exit_group",
};

/*
 * What runc's own init does in the process of the container, between loading
 * the filter and handing the listener over: nobody answers then. crun has a
 * process without the filter for that. containers/oci/README.md has what was seen.
 */
static const struct {
    const char *name;
    bool refused; /* by runc itself; the others are Go's, and hang the container's start now and then */
} unanswered[] = {
    {"write", true},    {"futex", false},  {"rt_sigreturn", false},   {"nanosleep", false},   {"sched_yield", false},
    {"madvise", false}, {"tgkill", false}, {"rt_sigprocmask", false}, {"sigaltstack", false}, {"epoll_pwait", false},
};

struct merger {
    const struct profile_choice *choice;
    json_t *rules;     /* those of the result */
    json_t *left_out;  /* chosen, but cannot be notified: names to true */
    json_t *undecided; /* chosen, but the base denies them in cases whose opposite cannot be said */
    json_t *told;      /* names */
    bool failed;       /* no memory */
};

/* i386 has some of the calls twice: setuid, and setuid32 with the ids of today. */
static bool is_native_name(const char *name, const char *native)
{
    size_t size = strlen(native);

    return !strncmp(name, native, size) && (!name[size] || !strcmp(name + size, "32"));
}

static bool is_always(const char *name)
{
    for (size_t i = 0; i < sizeof(lifecycle) / sizeof(lifecycle[0]); i++) {
        if (!strcmp(lifecycle[i], name))
            return true;
    }
    for (unsigned i = 0; i < CALL_COUNT; i++) {
        const struct sysfold_row *row = row_builtin(i);

        if (row && changes_likeness(row) && is_native_name(name, row->name))
            return true;
    }
    return false;
}

/* From a signal's handler: one that another signal takes out of its notification does not come back. */
static bool is_return(const char *name)
{
    return !strcmp(name, "rt_sigreturn") || !strcmp(name, "sigreturn");
}

static bool is_unanswered(const char *name)
{
    for (size_t i = 0; i < sizeof(unanswered) / sizeof(unanswered[0]); i++) {
        if (!strcmp(unanswered[i].name, name))
            return true;
    }
    return false;
}

static bool has_bit(const uint64_t *words, unsigned index)
{
    return words[index / 64] >> index % 64 & 1;
}

/* Names have the same meaning in a rule under each ABI, so one ABI is enough. */
static bool is_chosen(const struct callset *calls, const char *name)
{
    const uint64_t *const words[CALL_ABI_COUNT] = {
        [CALL_NATIVE] = calls->native,
        [CALL_I386] = calls->i386,
        [CALL_X32] = calls->x32,
    };
    bool found = false;

    for (unsigned abi = 0; abi < CALL_ABI_COUNT; abi++) {
        for (unsigned i = 0; i < CALL_COUNT; i++) {
            const char *known = call_name(abi, i);

            if (!known || strcmp(known, name) != 0)
                continue;
            if (calls->everything || has_bit(words[abi], i))
                return true;
            found = true;
        }
    }
    return !found && (calls->everything || calls->beyond);
}

static void note(struct merger *merger, json_t *names, const char *name)
{
    merger->failed |= json_object_set_new(names, name, json_true()) < 0;
}

static bool is_wanted(struct merger *merger, const char *name)
{
    if (is_always(name))
        return true;
    if (!is_chosen(&merger->choice->calls, name))
        return false;
    if (is_return(name))
        return false;
    if (!merger->choice->for_any || !is_unanswered(name))
        return true;
    note(merger, merger->left_out, name);
    return false;
}

static enum action_kind rule_kind(const json_t *rule)
{
    return action_kind(json_string_value(json_object_get(rule, "action")));
}

static void append(struct merger *merger, json_t *rule)
{
    merger->failed |= json_array_append_new(merger->rules, rule) < 0;
}

/* The same conditions, other calls. */
static json_t *copy_with_names(const json_t *rule, json_t *names)
{
    json_t *copy = json_copy((json_t *)rule); /* it is only read */

    json_object_del(copy, "name");
    if (json_object_set_new(copy, "names", names) == 0)
        return copy;
    json_decref(copy);
    return NULL;
}

static json_t *notify(json_t *rule)
{
    static const char *const of_denials[] = {"errnoRet", "errno"};

    for (size_t i = 0; rule && i < sizeof(of_denials) / sizeof(of_denials[0]); i++)
        json_object_del(rule, of_denials[i]);
    if (rule && json_object_set_new(rule, "action", json_string(ACTION_NOTIFY)) == 0)
        return rule;
    json_decref(rule);
    return NULL;
}

/* The names of a rule, in a list that is the caller's. */
static json_t *rule_names(const json_t *rule)
{
    json_t *names = json_object_get(rule, "names");

    return json_array_size(names) ? json_incref(names) : json_pack("[O]", json_object_get(rule, "name"));
}

/* Parts the names of a rule: wanted ones and others. */
static void split(struct merger *merger, const json_t *rule, json_t *wanted, json_t *others)
{
    json_t *names = rule_names(rule);
    json_t *name;
    size_t i;

    json_array_foreach(names, i, name) merger->failed |=
        json_array_append(is_wanted(merger, json_string_value(name)) ? wanted : others, name) < 0;
    merger->failed |= !names;
    json_decref(names);
}

static void remember(struct merger *merger, json_t *into, const json_t *names)
{
    const json_t *name;
    size_t i;

    json_array_foreach(names, i, name) note(merger, into, json_string_value(name));
}

/* Of a profile that denies what it does not name. */
static void move_rule(struct merger *merger, json_t *rule)
{
    enum action_kind kind = rule_kind(rule);
    json_t *wanted = json_array(), *others = json_array();

    if (kind != ACTION_DENIES)
        split(merger, rule, wanted, others);
    if (kind == ACTION_TRACES)
        remember(merger, merger->undecided, wanted);
    if (kind != ACTION_ALLOWS || json_array_size(wanted) == 0) {
        append(merger, json_incref(rule));
    } else {
        if (json_array_size(others))
            append(merger, copy_with_names(rule, json_incref(others)));
        append(merger, notify(copy_with_names(rule, json_incref(wanted))));
        remember(merger, merger->told, wanted);
    }
    json_decref(wanted);
    json_decref(others);
}

/* The comparison that is true where this one is not; NULL: there is none. */
static json_t *opposite(const json_t *argument)
{
    static const char *const pairs[][2] = {
        {"SCMP_CMP_EQ", "SCMP_CMP_NE"}, {"SCMP_CMP_LT", "SCMP_CMP_GE"}, {"SCMP_CMP_LE", "SCMP_CMP_GT"}};
    const char *op = json_string_value(json_object_get(argument, "op"));
    json_int_t mask = json_integer_value(json_object_get(argument, "value"));
    json_int_t value = json_integer_value(json_object_get(argument, "valueTwo"));
    json_t *result = json_deep_copy(argument);

    for (size_t i = 0; result && i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        for (size_t j = 0; j < 2; j++) {
            if (!strcmp(pairs[i][j], op) && json_object_set_new(result, "op", json_string(pairs[i][!j])) == 0)
                return result;
        }
    }
    /* Of one bit only: the other value. */
    if (result && !strcmp(op, "SCMP_CMP_MASKED_EQ") && mask > 0 && (mask & (mask - 1)) == 0 &&
        (value == 0 || value == mask) && json_object_set_new(result, "valueTwo", json_integer(mask - value)) == 0)
        return result;
    json_decref(result);
    return NULL;
}

static bool has_no_filter(const json_t *rule)
{
    return json_object_size(json_object_get(rule, "includes")) == 0 &&
           json_object_size(json_object_get(rule, "excludes")) == 0;
}

static size_t argument_count(const json_t *rule)
{
    return json_array_size(json_object_get(rule, "args"));
}

/* Does a rule apply to all calls of its names? */
static bool is_unconditional(const json_t *rule)
{
    return argument_count(rule) == 0 && has_no_filter(rule);
}

/*
 * The call may be made but where one argument is so and so: told where it is
 * not. With several arguments libseccomp 2.5 refuses such rules, or drops
 * some, as their order has it.
 */
static bool notify_otherwise(struct merger *merger, const char *name, const json_t *rules)
{
    const json_t *rule = json_array_get(rules, 0);
    json_t *condition;

    if (json_array_size(rules) != 1 || rule_kind(rule) != ACTION_DENIES || !has_no_filter(rule) ||
        argument_count(rule) != 1)
        return false;
    condition = opposite(json_array_get(json_object_get(rule, "args"), 0));
    if (!condition)
        return false;
    append(merger, json_pack("{s:[s], s:s, s:[o]}", "names", name, "action", ACTION_NOTIFY, "args", condition));
    return true;
}

/* A call of a profile that allows what it does not name. Denying rules stay in front. */
static void notify_call(struct merger *merger, const char *name, const json_t *denials, json_t *names)
{
    const json_t *rules = json_object_get(denials, name);
    const json_t *rule;
    size_t i;

    if (json_object_get(merger->told, name) || !is_wanted(merger, name))
        return;
    if (!rules) {
        merger->failed |= json_array_append_new(names, json_string(name)) < 0;
        note(merger, merger->told, name);
        return;
    }
    json_array_foreach(rules, i, rule)
    {
        if (rule_kind(rule) == ACTION_DENIES && is_unconditional(rule))
            return; /* it is denied */
    }
    note(merger, notify_otherwise(merger, name, rules) ? merger->told : merger->undecided, name);
}

/* What allows a wanted call goes: the default says so, or the notification takes its place. Others are noted by
 * name. */
static void keep_rule(struct merger *merger, json_t *rule, json_t *denials)
{
    json_t *wanted = json_array(), *others = json_array();
    json_t *name;
    size_t i;

    split(merger, rule, wanted, others);
    if (rule_kind(rule) != ACTION_ALLOWS) {
        append(merger, json_incref(rule));
        json_array_foreach(wanted, i, name)
        {
            json_t *rules = json_object_get(denials, json_string_value(name));

            if (!rules) {
                rules = json_array();
                merger->failed |= json_object_set_new(denials, json_string_value(name), rules) < 0;
            }
            merger->failed |= json_array_append(rules, rule) < 0;
        }
    } else if (json_array_size(others)) {
        append(merger, copy_with_names(rule, json_incref(others)));
    }
    json_decref(wanted);
    json_decref(others);
}

/* Of a profile that allows what it does not name. */
static void notify_default(struct merger *merger, const json_t *rules)
{
    json_t *denials = json_object(), *names = json_array();
    json_t *rule;
    size_t i;

    json_array_foreach(rules, i, rule) keep_rule(merger, rule, denials);
    for (unsigned abi = 0; abi < CALL_ABI_COUNT; abi++) {
        for (i = 0; i < CALL_COUNT; i++) {
            const char *name = call_is_known(abi, (unsigned)i) ? call_name(abi, (unsigned)i) : NULL;

            if (name)
                notify_call(merger, name, denials, names);
        }
    }
    if (json_array_size(names))
        append(merger, json_pack("{s:O, s:s}", "names", names, "action", ACTION_NOTIFY));
    json_decref(denials);
    json_decref(names);
}

static void print_note(const json_t *names, FILE *notes, const char *why)
{
    const char *separator = "not recorded: ";
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)names, name, value)
    {
        (void)fprintf(notes, "%s%s", separator, name);
        separator = ", ";
    }
    if (json_object_size(names))
        (void)fprintf(notes, " (%s)\n", why);
}

static int merge(struct merger *merger, json_t *profile, FILE *notes, struct sysfold_error *error)
{
    bool allows = action_kind(json_string_value(json_object_get(profile, "defaultAction"))) == ACTION_ALLOWS;
    json_t *rules = json_object_get(profile, "syscalls");
    json_t *rule;
    size_t i;

    if (allows) {
        notify_default(merger, rules);
    } else {
        json_array_foreach(rules, i, rule) move_rule(merger, rule);
    }
    if (!merger->failed && json_object_size(merger->told) == 0)
        return error_set(error, -ENOTSUP, "oci: the base profile allows none of the calls that would be recorded");
    print_note(merger->left_out, notes, "runc makes them itself before anybody can answer");
    print_note(merger->undecided, notes,
               "the base profile has them traced, or allows them under conditions that cannot be kept");
    merger->failed |= json_object_set(profile, "syscalls", merger->rules) < 0;
    return merger->failed ? error_system(error, -ENOMEM, "oci: cannot make a profile") : 0;
}

int profile_notify(json_t *profile, const struct profile_choice *choice, FILE *notes, struct sysfold_error *error)
{
    struct merger merger = {.choice = choice,
                            .rules = json_array(),
                            .left_out = json_object(),
                            .undecided = json_object(),
                            .told = json_object()};
    int r;

    merger.failed = !merger.rules || !merger.left_out || !merger.undecided || !merger.told;
    r = merge(&merger, profile, notes, error);
    json_decref(merger.rules);
    json_decref(merger.left_out);
    json_decref(merger.undecided);
    json_decref(merger.told);
    return r;
}
