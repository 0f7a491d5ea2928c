// SPDX-License-Identifier: Apache-2.0
/* The containers of processes: told by the names of cgroups, or given. */

#include "decoder/state/container.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "containers/identity/identity.h"
#include "decoder/state/internal.h"

static struct container *create(const char *id, const char *engine, const char *pod)
{
    size_t id_size = strlen(id) + 1, engine_size = strlen(engine) + 1, pod_size = strlen(pod) + 1;
    struct container *container = calloc(1, sizeof(*container) + id_size + engine_size + pod_size);

    if (!container)
        return NULL;
    container->holders = 1;
    container->engine = memcpy(container->id + id_size, engine, engine_size);
    container->pod = memcpy(container->id + id_size + engine_size, pod, pod_size);
    memcpy(container->id, id, id_size);
    return container;
}

int container_of_cgroup(const void *cgroup, size_t size, struct container **ret_container)
{
    struct container_identity identity;
    struct container *container = NULL;
    char id[CONTAINER_ID_ROOM], pod[CONTAINER_ID_ROOM];

    if (container_identify(cgroup, size, &identity)) {
        container_identity_id(&identity, id);
        container_identity_pod(&identity, pod);
        container = create(id, identity.engine, pod);
        if (!container)
            return -ENOMEM;
        container->is_of_lines = *(const char *)cgroup != '/';
    }
    *ret_container = container;
    return 0;
}

static void copy_name(char to[CONTAINER_ID_ROOM], const void *bytes, size_t size)
{
    size_t length = size ? strnlen(bytes, size < CONTAINER_ID_ROOM ? size : CONTAINER_ID_ROOM - 1) : 0;

    if (length)
        memcpy(to, bytes, length);
    to[length] = '\0';
}

struct container *container_give(const void *id, size_t id_size, const void *engine, size_t engine_size)
{
    char id_text[CONTAINER_ID_ROOM], engine_text[CONTAINER_ID_ROOM];
    struct container *container;

    copy_name(id_text, id, id_size);
    copy_name(engine_text, engine, engine_size);
    container = create(id_text, engine_text, "");
    if (container)
        container->is_given = true;
    return container;
}

bool container_equals(const struct container *a, const struct container *b)
{
    if (!a || !b)
        return a == b;
    return !strcmp(a->id, b->id) && !strcmp(a->engine, b->engine) && !strcmp(a->pod, b->pod);
}

struct container *container_hold(struct container *container)
{
    if (container)
        container->holders++;
    return container;
}

void container_drop(struct container *container)
{
    if (container && !--container->holders)
        free(container);
}

void container_replace(struct container **container, struct container *fresh)
{
    container_drop(*container);
    *container = fresh;
}

static bool is_given(const struct sysfold_process *process)
{
    return process->container && process->container->is_given;
}

/* Where a container was told by another hierarchy, the path in the unified one does not say that it was left. */
static bool tells_less(const struct sysfold_process *process, const struct sysfold_value *cgroup)
{
    return process->container && process->container->is_of_lines && cgroup->size && *cgroup->data == '/';
}

int state_process_enter_cgroup(const struct step *step, struct sysfold_process *process)
{
    struct sysfold_value cgroup;
    struct container *container;
    int r;

    if (is_given(process) || !step_bytes(step, SLOT_CGROUP, &cgroup))
        return 0;
    r = container_of_cgroup(cgroup.data, cgroup.size, &container);
    if (r < 0)
        return r;
    if (!container && tells_less(process, &cgroup))
        return 0;
    if (container_equals(container, process->container)) /* forks go on sharing one */
        container_drop(container);
    else
        container_replace(&process->container, container);
    return 0;
}

void state_process_inherit_container(struct sysfold_process *process, const struct sysfold_process *parent)
{
    if (is_given(process) && !is_given(parent))
        return;
    container_replace(&process->container, container_hold(parent->container));
}

/* Those that were there before their container was told. Parents are older than their children. */
static void hand_down(struct state *state, const struct origin *source)
{
    for (struct sysfold_process *process = state->eldest; process; process = process->younger) {
        const struct sysfold_process *parent;

        if (process->source != source || process->exit_time || is_given(process))
            continue;
        parent = state_process_find(state, source, process->ppid);
        if (parent && is_given(parent))
            state_process_inherit_container(process, parent);
        else if (source->container)
            container_replace(&process->container, container_hold(source->container));
    }
}

/* A container without a process is that of all its source; of two such, nobody can say which. */
static void contain_source(struct origin *source, struct container *container)
{
    bool is_another = source->container && !container_equals(source->container, container);

    source->contains_several |= is_another;
    if (source->contains_several) {
        container_drop(container);
        container = NULL;
    }
    container_replace(&source->container, container);
}

int effect_names_container(struct step *step)
{
    struct sysfold_value id = {.size = 0}, engine = {.size = 0};
    uint32_t tid = step->record->tid, pid = step_id(step, SLOT_PID);
    struct sysfold_process *process;
    struct container *container;
    int r = tid ? state_thread_get(step->state, step->source, tid, pid, &step->thread) : 0;

    if (r < 0 || !step_bytes(step, SLOT_ID, &id) || !id.size)
        return r;
    if (!step_bytes(step, SLOT_ENGINE, &engine))
        engine.size = 0;
    process = pid ? state_process_find(step->state, step->source, pid) : NULL;
    if (pid && !process) /* nobody has told of it, and nobody is to be made up */
        return 0;
    container = container_give(id.data, id.size, engine.data, engine.size);
    if (!container)
        return -ENOMEM;
    if (process)
        container_replace(&process->container, container);
    else
        contain_source(step->source, container);
    hand_down(step->state, step->source);
    return 0;
}
