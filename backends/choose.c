// SPDX-License-Identifier: Apache-2.0
/* Which backend: what each can do, and whether it may. */

#include "backends/choose.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/error.h"
#include "common/rows.h"

/* A list for a message; what is too long is cut. */
struct list {
    char text[400];
};

static void list_add(struct list *list, const char *separator, const char *text)
{
    size_t used = strlen(list->text);

    (void)snprintf(list->text + used, sizeof(list->text) - used, "%s%s", used ? separator : "", text);
}

static void probe(const struct sysfold_backend *backend, struct sysfold_backend_info *info)
{
    *info = (struct sysfold_backend_info){.size = sizeof(*info), .name = backend->name, .summary = backend->summary};
    backend->probe(info);
}

int sysfold_backend_probe(size_t index, struct sysfold_backend_info *ret_info)
{
    size_t size = ret_info->size;
    struct sysfold_backend_info info;

    for (size_t i = 0; i <= index; i++) {
        if (!sysfold_backends[i])
            return -ENOENT;
    }
    probe(sysfold_backends[index], &info);
    if (size > sizeof(info))
        size = sizeof(info);
    info.size = size;
    memcpy(ret_info, &info, size);
    return 0;
}

int sysfold_backend_result_way(const char *backend, const char *call, enum sysfold_result_way *ret_way)
{
    const struct sysfold_row *row = NULL;

    for (unsigned nr = 0; nr < ROW_SYSCALL_MAX && !row; nr++) {
        const struct sysfold_row *candidate = row_builtin(nr);

        row = candidate && !strcmp(candidate->name, call) ? candidate : NULL;
    }
    for (size_t i = 0; row && sysfold_backends[i]; i++) {
        if (strcmp(sysfold_backends[i]->name, backend) != 0)
            continue;
        *ret_way = sysfold_backends[i]->result_way ? sysfold_backends[i]->result_way(row) : SYSFOLD_RESULT_SEEN;
        return 0;
    }
    return -ENOENT;
}

/* What of it all the backend cannot do; NULL: it can do everything. */
static const char *shortcoming(const struct sysfold_backend *backend, const struct sysfold_live_options *options)
{
    const struct {
        bool asked;
        enum target target;
        const char *what;
    } targets[] = {
        {options->argv, TARGET_COMMAND, "run a command"},
        {options->pid_count, TARGET_PIDS, "attach to a process"},
        {options->system_wide, TARGET_SYSTEM, "record the whole system"},
        {options->cgroup_count, TARGET_CGROUPS, "record a cgroup"},
        {options->container_count, TARGET_CONTAINERS, "record a container"},
        {options->listen, TARGET_LISTEN, "listen for sandboxes"},
    };

    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        if (targets[i].asked && !(backend->targets & targets[i].target))
            return targets[i].what;
    }
    return options->sample && !backend->samples ? "sample calls" : NULL;
}

static int refuse(const struct sysfold_backend *backend, const struct sysfold_live_options *options,
                  struct sysfold_error *error)
{
    struct list able = {""};

    for (size_t i = 0; sysfold_backends[i]; i++) {
        if (!sysfold_backends[i]->on_request && !shortcoming(sysfold_backends[i], options))
            list_add(&able, ", ", sysfold_backends[i]->name);
    }
    return error_set(error, -ENOSYS, "%s: cannot %s (%s can)", backend->name, shortcoming(backend, options),
                     *able.text ? able.text : "no backend of this build");
}

static int choose_named(const struct sysfold_live_options *options, const struct sysfold_backend **ret_backend,
                        struct sysfold_error *error)
{
    struct list known = {""};

    for (size_t i = 0; sysfold_backends[i]; i++) {
        const struct sysfold_backend *backend = sysfold_backends[i];

        list_add(&known, ", ", backend->name);
        if (strcmp(backend->name, options->backend) != 0)
            continue;
        if (shortcoming(backend, options))
            return refuse(backend, options, error);
        *ret_backend = backend;
        return 0;
    }
    return error_set(error, -ENOENT, "no backend is named '%s' (this build has: %s)", options->backend, known.text);
}

static int choose_best(const struct sysfold_live_options *options, const struct sysfold_backend **ret_backend,
                       struct sysfold_error *error)
{
    struct sysfold_backend_info info;
    struct list reasons = {""};
    int r = -ENOSYS;

    for (size_t i = 0; sysfold_backends[i]; i++) {
        const char *what = shortcoming(sysfold_backends[i], options);

        if (sysfold_backends[i]->on_request)
            continue;
        list_add(&reasons, "; ", sysfold_backends[i]->name);
        if (what) {
            list_add(&reasons, ": cannot ", what);
            continue;
        }
        probe(sysfold_backends[i], &info);
        if (info.usability == SYSFOLD_USABLE) {
            *ret_backend = sysfold_backends[i];
            return 0;
        }
        if (info.usability == SYSFOLD_NO_PERMISSION)
            r = -EPERM;
        list_add(&reasons, ": ", info.reason);
        if (*info.remedy)
            list_add(&reasons, ": ", info.remedy);
    }
    return error_set(error, r, "no backend can do that here: %s", *reasons.text ? reasons.text : "this build has none");
}

int backend_choose(const struct sysfold_live_options *options, const struct sysfold_backend **ret_backend,
                   struct sysfold_error *error)
{
    return options->backend ? choose_named(options, ret_backend, error) : choose_best(options, ret_backend, error);
}
