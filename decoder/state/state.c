// SPDX-License-Identifier: Apache-2.0
/* One event after another. */

#include "decoder/state/state.h"

#include <errno.h>
#include <stdlib.h>

#include "decoder/state/internal.h"

int state_create(const struct sysfold_schema *schema, bool keep_exited, struct state **ret_state)
{
    struct state *state = calloc(1, sizeof(*state));
    uint64_t seed = (uintptr_t)state;

    if (!state)
        return -ENOMEM;
    table_init(&state->threads, seed);
    table_init(&state->processes, seed);
    table_init(&state->sources, seed);
    state->keep_exited = keep_exited;
    plan_rows(state->plans, schema);
    *ret_state = state;
    return 0;
}

static void source_free(struct origin *source)
{
    if (source)
        container_drop(source->container);
    free(source);
}

void state_destroy(struct state *state)
{
    if (!state)
        return;
    fds_drop(state->ending.table);
    state_free_processes(state);
    table_finish(&state->threads);
    table_finish(&state->processes);
    for (size_t i = 0; i < state->sources.room; i++)
        source_free(state->sources.entries[i].value);
    table_finish(&state->sources);
    free(state);
}

/* Buries what the event before has ended. */
static int settle(struct state *state)
{
    struct ending *ending = &state->ending;

    if (ending->table) {
        int r = fds_change(ending->table, ending->first, ending->last, FD_CLOSE);

        if (r < 0)
            return r;
        fds_drop(ending->table);
    }
    if (ending->thread)
        state_thread_remove(state, ending->thread);
    if (ending->process)
        state_process_remove(state, ending->process);
    *ending = (struct ending){0};
    state->has_ending = false;
    return 0;
}

static int find_source(struct state *state, uint32_t number)
{
    struct origin *source = table_get(&state->sources, number);

    if (!source) {
        if (table_reserve(&state->sources) < 0)
            return -ENOMEM;
        source = calloc(1, sizeof(*source));
        if (!source)
            return -ENOMEM;
        source->number = number;
        table_put(&state->sources, number, source);
    }
    state->source = source;
    return 0;
}

/* A loss is told where it began. What is learned while it lasts is as doubtful as what was known before. */
static void end_loss(struct origin *source, uint64_t time)
{
    if (!source->lost_until || time <= source->lost_until)
        return;
    source->lost_until = 0;
    source->losses++;
}

static bool has_succeeded(const struct step *step)
{
    return !(step->record->flags & SYSFOLD_EVENT_FAILED) && step_number(step, SLOT_RES, -1) >= 0;
}

static int change(struct step *step)
{
    const struct plan *plan = step->plan;

    if (!plan->transition || (!plan->finds_thread && !step->thread) || (plan->on_success && !has_succeeded(step)))
        return 0;
    return plan->transition(step);
}

/* The descriptor it made, or else the one it uses. */
static struct sysfold_fd *concerned_fd(const struct step *step)
{
    int number = step->made >= 0 ? step->made : step_fd(step, SLOT_FD);

    return number < 0 ? NULL : fds_find(step->thread->files, number);
}

int state_apply(struct state *state, struct sysfold_event *event)
{
    const struct plan *plan = &state->plans[event->record.row ? event->record.number : ROW_MAX];
    struct step step = {.state = state, .plan = plan, .record = &event->record, .made = -1};
    int r = state->has_ending ? settle(state) : 0;

    if (!r && (!state->source || state->source->number != event->source))
        r = find_source(state, event->source);
    step.source = state->source;
    if (!r)
        end_loss(step.source, event->record.time);
    if (!r && !plan->finds_thread && event->record.tid)
        r = state_thread_get(state, step.source, event->record.tid, 0, &step.thread);
    if (!r)
        r = change(&step);
    if (r < 0 || !step.thread)
        return r;
    event->thread = step.thread;
    event->fd = concerned_fd(&step);
    step.thread->process->events += !plan->uncounted;
    return 0;
}

void state_each_process(const struct state *state, bool (*visit)(const struct sysfold_process *process, void *data),
                        void *data)
{
    for (const struct sysfold_process *process = state->eldest; process; process = process->younger) {
        if (!visit(process, data))
            return;
    }
}
