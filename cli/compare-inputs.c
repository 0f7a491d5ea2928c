// SPDX-License-Identifier: Apache-2.0
/* What is compared: which inputs there are, and their stories. */

#include "compare.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

void input_failed(struct input *input, const char *format, ...)
{
    va_list arguments;
    char text[sizeof(input->reason)];

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    printable(text, input->reason, sizeof(input->reason)); /* a path in it may be anybody's */
    input->state = INPUT_FAILED;
}

static bool out_of_memory(void)
{
    complain("compare: %s", strerror(ENOMEM));
    return false;
}

static bool is_taken(const struct comparing *comparing, const char *name)
{
    for (size_t i = 0; i < comparing->input_count; i++) {
        if (comparing->inputs[i].name && !strcmp(comparing->inputs[i].name, name))
            return true;
    }
    return false;
}

/* The name, with "#2" and up behind it where it is taken. */
static char *own_name(const struct comparing *comparing, const char *name)
{
    char *own = strdup(name);

    for (unsigned i = 2; own && is_taken(comparing, own); i++) {
        free(own);
        if (asprintf(&own, "%s#%u", name, i) < 0)
            own = NULL;
    }
    return own;
}

/* NULL after a complaint. */
static struct input *add_input(struct comparing *comparing, enum input_kind kind, const char *name, const char *backend,
                               const char *path)
{
    struct input *larger = reallocarray(comparing->inputs, comparing->input_count + 1, sizeof(*larger));
    struct input *input;

    if (larger) {
        comparing->inputs = larger;
        input = &larger[comparing->input_count];
        *input = (struct input){.kind = kind, .name = own_name(comparing, name)};
        input->backend = backend ? strdup(backend) : NULL;
        input->path = path ? strdup(path) : NULL;
        comparing->input_count++;
        if (input->name && !input->backend == !backend && !input->path == !path)
            return input;
    }
    out_of_memory();
    return NULL;
}

/* As execvp() would look for it. */
static bool is_installed(const char *name)
{
    const char *path = getenv("PATH");
    const char *end;

    for (const char *at = path ? path : "/usr/bin:/bin"; at; at = *end ? end + 1 : NULL) {
        char candidate[PATH_MAX];

        end = strchrnul(at, ':');
        if (snprintf(candidate, sizeof(candidate), "%.*s%s%s", (int)(end - at), at, end == at ? "" : "/", name) <
                (int)sizeof(candidate) &&
            access(candidate, X_OK) == 0)
            return true;
    }
    return false;
}

static bool add_strace_run(struct comparing *comparing)
{
    struct input *input = add_input(comparing, INPUT_RUN, "strace", "strace", NULL);

    if (input && !is_installed("strace")) {
        input->state = INPUT_SKIPPED;
        (void)strcpy(input->reason, "strace is not installed");
        (void)strcpy(input->remedy, "install strace");
    }
    return input;
}

static bool is_sandbox(const char *backend)
{
    return !strcmp(backend, "gvisor");
}

/* A run under the backend, with its truth before it. */
static bool add_backend_run(struct comparing *comparing, const struct sysfold_backend_info *info)
{
    bool has_runtime =
        !is_sandbox(info->name) || is_installed("runsc"); /* without it one can record others' sandboxes */
    bool usable = info->usability == SYSFOLD_USABLE && has_runtime;
    struct input *input;

    if (usable && comparing->truth && !add_input(comparing, INPUT_TRUTH, "truth", "truth", comparing->truth))
        return false;
    input = add_input(comparing, INPUT_RUN, info->name, info->name, NULL);
    if (input && !usable) {
        input->state = INPUT_SKIPPED;
        (void)snprintf(input->reason, sizeof(input->reason), "%s", has_runtime ? info->reason : "runsc is not in PATH");
        (void)snprintf(input->remedy, sizeof(input->remedy), "%s",
                       has_runtime ? info->remedy : "install gVisor's runsc");
    }
    return input;
}

static bool add_named_run(struct comparing *comparing, const char *name)
{
    struct sysfold_backend_info info = {.size = sizeof(info)};

    if (!strcmp(name, "strace"))
        return (!comparing->truth || !is_installed("strace") ||
                add_input(comparing, INPUT_TRUTH, "truth", "truth", comparing->truth)) &&
               add_strace_run(comparing);
    for (size_t i = 0; sysfold_backend_probe(i, &info) == 0; i++) {
        if (!strcmp(info.name, name))
            return add_backend_run(comparing, &info);
    }
    misused(&command_compare, "there is no backend '%s'; `sysfold backends` lists them, and there is 'strace'", name);
    return false;
}

static bool plan_runs(struct comparing *comparing)
{
    struct sysfold_backend_info info = {.size = sizeof(info)};
    cleanup_free char *names = comparing->backends ? strdup(comparing->backends) : NULL;
    char *rest = names;
    char *name;

    if (comparing->backends && !names)
        return out_of_memory();
    while ((name = strsep(&rest, ","))) {
        if (!add_named_run(comparing, name))
            return false;
    }
    for (size_t i = 0; !names && sysfold_backend_probe(i, &info) == 0; i++) {
        /* Within a sandbox there is another kernel: who means that says so. */
        if (!is_sandbox(info.name) && !add_backend_run(comparing, &info))
            return false;
    }
    return true;
}

static bool plan_files(struct comparing *comparing)
{
    if (comparing->truth && !add_input(comparing, INPUT_TRUTH, "truth", "truth", comparing->truth))
        return false;
    if (comparing->strace && !add_input(comparing, INPUT_STRACE, "strace", "strace", comparing->strace))
        return false;
    for (size_t i = 0; i < comparing->file_count; i++) {
        if (!add_input(comparing, INPUT_FILE, comparing->files[i], NULL, comparing->files[i]))
            return false;
    }
    return true;
}

/* Is there enough to compare? Else says what there is. */
static bool check_plan(const struct comparing *comparing)
{
    size_t needed = comparing->story ? 1 : 2;
    size_t columns = 0;
    char skipped[1100] = "";

    for (size_t i = 0; i < comparing->input_count; i++) {
        const struct input *input = &comparing->inputs[i];

        columns += input->state != INPUT_SKIPPED;
        if (input->state == INPUT_SKIPPED && !skipped[0])
            (void)snprintf(skipped, sizeof(skipped), "; %s is not usable here: %s%s%s", input->name, input->reason,
                           input->remedy[0] ? ": " : "", input->remedy);
    }
    if (columns >= needed)
        return true;
    complain("compare: there %s to compare%s%s", columns ? "is only one thing" : "is nothing", skipped,
             comparing->argv && !skipped[0] ? ": name another backend (-b), `strace`, or give --truth LOG" : "");
    return false;
}

bool inputs_plan(struct comparing *comparing)
{
    return (comparing->argv ? plan_runs(comparing) : plan_files(comparing)) && check_plan(comparing);
}

/* Reading. */

static void on_damage(const char *message, void *data)
{
    struct input *input = data;

    if (!input->reason[0])
        input_failed(input, "the capture is damaged: %s", message);
}

static int open_input(struct input *input, struct sysfold_stream **ret_stream, struct sysfold_error *error)
{
    const struct sysfold_file_options options = {
        .size = sizeof(options), .damage = on_damage, .damage_data = input, .keep_exited = true};

    if (input->kind == INPUT_TRUTH)
        return sysfold_truth_open(input->path, ret_stream, error);
    if (input->kind == INPUT_STRACE || (input->backend && !strcmp(input->backend, "strace")))
        return sysfold_strace_open(input->path, ret_stream, error);
    return sysfold_file_open(input->path, &options, ret_stream, error);
}

/* What a damaged capture does not tell cannot be judged, hence no story of one. */
static void read_input(struct input *input)
{
    const struct sysfold_story_options options = {
        .size = sizeof(options), .name = input->name, .backend = input->backend};
    struct sysfold_error error = {.message = "it cannot be read"};
    struct sysfold_stats stats = {.size = sizeof(stats)};
    cleanup_stream struct sysfold_stream *stream = NULL;

    if (open_input(input, &stream, &error) < 0 || sysfold_story_read(stream, &options, -1, &input->story, &error) < 0) {
        input_failed(input, "%s", error.message);
        return;
    }
    if (!input->backend)
        input->backend = strdup(sysfold_stream_backend(stream));
    sysfold_stream_stats(stream, &stats);
    if (stats.damaged && input->state != INPUT_FAILED)
        input_failed(input, "the capture is damaged: %llu places were skipped", (unsigned long long)stats.damaged);
    if (input->state != INPUT_FAILED)
        input->state = INPUT_READY;
}

/* Runs. */

static char *absolute(const char *path)
{
    cleanup_free char *here = NULL;
    char *whole;

    if (path[0] == '/')
        return strdup(path);
    here = getcwd(NULL, 0);
    return here && asprintf(&whole, "%s/%s", here, path) >= 0 ? whole : NULL;
}

static bool run_and_read(const struct comparing *comparing, struct input *input, const char *directory,
                         const char *truth)
{
    bool go_on;

    if (asprintf(&input->path, "%s/run", directory) < 0) {
        input->path = NULL;
        input_failed(input, "the command cannot be run: %s", strerror(ENOMEM));
        return true;
    }
    if (truth && unlink(truth) < 0 && errno != ENOENT) {
        input_failed(input, "the old %s cannot be removed: %s", comparing->truth, strerror(errno));
        return true;
    }
    go_on = run_input(comparing, input, truth);
    if (input->state == INPUT_WAITING)
        read_input(input);
    (void)unlink(input->path);
    free(input->path);
    input->path = NULL;
    return go_on;
}

/* A truth is read right after the run that wrote it down: the next one replaces it. */
static bool read_runs(struct comparing *comparing, const char *directory)
{
    cleanup_free char *truth = comparing->truth ? absolute(comparing->truth) : NULL;

    if (comparing->truth && !truth)
        return out_of_memory();
    for (size_t i = 0; i < comparing->input_count; i++) {
        struct input *input = &comparing->inputs[i];

        if (input->kind != INPUT_RUN || input->state == INPUT_SKIPPED)
            continue;
        if (!run_and_read(comparing, input, directory, truth))
            return false;
        if (truth && i)
            read_input(input - 1);
    }
    return true;
}

static bool run_all(struct comparing *comparing)
{
    const char *base = getenv("TMPDIR");
    cleanup_free char *directory = NULL;
    bool done;

    if (asprintf(&directory, "%s/sysfold-compare-XXXXXX", base && *base ? base : "/tmp") < 0) {
        directory = NULL;
        return out_of_memory();
    }
    if (!mkdtemp(directory)) {
        complain("compare: no directory can be made for the captures, %s: %s", directory, strerror(errno));
        return false;
    }
    done = read_runs(comparing, directory);
    (void)rmdir(directory);
    return done;
}

bool inputs_read(struct comparing *comparing)
{
    if (comparing->argv)
        return run_all(comparing);
    for (size_t i = 0; i < comparing->input_count; i++)
        read_input(&comparing->inputs[i]);
    return true;
}

void inputs_free(struct comparing *comparing)
{
    for (size_t i = 0; i < comparing->input_count; i++) {
        struct input *input = &comparing->inputs[i];

        sysfold_story_free(input->story);
        free(input->name);
        free(input->backend);
        free(input->path);
    }
    free(comparing->inputs);
}
