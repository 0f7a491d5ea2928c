// SPDX-License-Identifier: Apache-2.0
#include "backends/gvisor/sandbox.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/gvisor/internal.h"

#define SECOND UINT64_C(1000000000)

int sandbox_create(const struct capture_options *options, uint32_t source, struct sandbox **ret_sandbox)
{
    struct sandbox *sandbox = calloc(1, sizeof(*sandbox));

    if (!sandbox)
        return -ENOMEM;
    sandbox->options = options;
    sandbox->source = source;
    (void)snprintf(sandbox->name, sizeof(sandbox->name), "sandbox");
    tasks_init(&sandbox->tasks);
    *ret_sandbox = sandbox;
    return 0;
}

void sandbox_destroy(struct sandbox *sandbox)
{
    if (!sandbox)
        return;
    arena_finish(&sandbox->arena);
    order_finish(&sandbox->order);
    tasks_finish(&sandbox->tasks);
    free(sandbox);
}

uint64_t thread_time(struct thread *thread, uint64_t time)
{
    if (time < thread->time)
        time = thread->time;
    thread->time = time;
    if (thread->process->time < time)
        thread->process->time = time;
    return time;
}

void sandbox_emit(struct sandbox *sandbox)
{
    size_t size;
    const uint8_t *record = encoder_finish(&sandbox->encoder, &size);

    (void)order_put(&sandbox->order, record, size);
    if (sandbox->encoder.time > sandbox->newest)
        sandbox->newest = sandbox->encoder.time;
}

void sandbox_emit_of(struct sandbox *sandbox, struct thread *thread)
{
    sandbox->encoder.time = thread_time(thread, sandbox->encoder.time);
    sandbox_emit(sandbox);
}

void sandbox_put(struct sandbox *sandbox, const uint8_t *record, size_t size, uint64_t time)
{
    (void)order_put(&sandbox->order, record, size);
    if (time > sandbox->newest)
        sandbox->newest = time;
}

void sandbox_lose(struct sandbox *sandbox, uint64_t count, const char *cause, uint64_t time)
{
    struct encoder *encoder = &sandbox->encoder;
    uint64_t from = sandbox->received ? sandbox->received : time;

    encoder_begin(encoder, row_builtin(ROW_LOST), 0, time);
    encoder_integer(encoder, P_LOST_count, (int64_t)count);
    encoder_integer(encoder, P_LOST_from, (int64_t)(from < time ? from : time));
    encoder_integer(encoder, P_LOST_to, (int64_t)time);
    encoder_string(encoder, P_LOST_cause, cause);
    encoder_status(encoder, P_LOST_class, SYSFOLD_ABSENT);
    sandbox_emit(sandbox);
}

/* The count goes back where two threads' packets overtake each other. */
static void count_dropped(struct sandbox *sandbox, uint32_t dropped, uint64_t time)
{
    int32_t more = (int32_t)(dropped - sandbox->dropped);

    if (more <= 0)
        return;
    sandbox->dropped = dropped;
    sandbox->counts.dropped += (uint64_t)more;
    sandbox_lose(sandbox, (uint64_t)more, "dropped by the sandbox", time);
}

/* A time that is yet to come is not believed. */
static struct instant instant_of(const struct message *message, uint64_t received)
{
    struct instant when = {.time = received, .received = received};
    uint64_t told = message->context ? (uint64_t)message->context->time_ns : 0;

    if (told && told < received + SECOND)
        when.time = told;
    return when;
}

/* Whichever container is heard of first gives the sandbox its name; but nobody is the host. */
static void note_name(struct sandbox *sandbox, const Gv__ContextData *context)
{
    const ProtobufCBinaryData *id = &context->container_id;

    if (!id->len || !*id->data || sandbox->is_named ||
        (id->len == strlen("host") && !memcmp(id->data, "host", id->len)))
        return;
    (void)snprintf(sandbox->name, sizeof(sandbox->name), "%.*s",
                   (int)(id->len < NAME_MAX_BYTES ? id->len : NAME_MAX_BYTES), (const char *)id->data);
    sandbox->is_named = true;
}

static void take_event(struct sandbox *sandbox, const struct message *message, struct instant when)
{
    struct thread *thread = life_thread(sandbox, message->context, when);

    if (!thread)
        return;
    if (!message->is_call)
        call_finish_waiting(sandbox, thread, message->type == MESSAGE_EXECVE_INFO);
    if (message->is_call)
        call_message(sandbox, thread, message, when);
    else if (message->type == MESSAGE_CLONE_INFO)
        life_clone(sandbox, thread, (const Gv__CloneInfo *)(const void *)message->body, when);
    else if (message->type == MESSAGE_EXECVE_INFO)
        life_exec(sandbox, thread, (const Gv__ExecveInfo *)(const void *)message->body, when);
}

static void take_message(struct sandbox *sandbox, const struct message *message, struct instant when)
{
    switch (message->type) {
    case MESSAGE_START:
        life_start(sandbox, (const Gv__Start *)(const void *)message->body, when);
        break;
    case MESSAGE_TASK_EXIT:
        life_task_exit(sandbox, (const Gv__TaskExit *)(const void *)message->body, when);
        break;
    case MESSAGE_EXIT_NOTIFY_PARENT:
        life_process_exit(sandbox, (const Gv__ExitNotifyParentInfo *)(const void *)message->body, when);
        break;
    case MESSAGE_MMAP_INFO:
        break; /* the call says the same */
    default:
        take_event(sandbox, message, when);
    }
}

static void take_packet(struct sandbox *sandbox, const uint8_t *packet, size_t size, uint64_t time)
{
    struct message message;
    int r = message_read(&sandbox->arena, packet, size, &message);

    sandbox->counts.packets++;
    call_tell_overdue(sandbox, time);
    if (r < 0) {
        sandbox->counts.undecodable++;
        sandbox_lose(sandbox, 1, "not understood", time);
    } else {
        count_dropped(sandbox, message.dropped, time);
        sandbox->counts.unknown += message.unknown_fields > 0;
    }
    sandbox->received = time;
    if (r < 0)
        return;
    if (message.context)
        note_name(sandbox, message.context);
    if (message.body) {
        take_message(sandbox, &message, instant_of(&message, time));
    } else {
        sandbox->counts.unknown++;
        sandbox_lose(sandbox, 1, "unknown message", time);
    }
}

void sandbox_packet(struct sandbox *sandbox, const uint8_t *packet, size_t size, uint64_t time)
{
    take_packet(sandbox, packet, size, time);
    arena_reset(&sandbox->arena);
}

void sandbox_end(struct sandbox *sandbox, uint64_t time)
{
    if (sandbox->ended)
        return;
    call_tell_overdue(sandbox, UINT64_MAX);
    life_end(sandbox, time > sandbox->newest ? time : sandbox->newest);
    sandbox->ended = true;
}

/* What is older than the window can be told, but not past a call that waits for its last messages. */
static uint64_t horizon_of(const struct sandbox *sandbox)
{
    uint64_t horizon = sandbox->newest > WINDOW_NS ? sandbox->newest - WINDOW_NS : 0;

    if (sandbox->ended || order_is_full(&sandbox->order))
        return UINT64_MAX;
    for (const struct waiter *waiter = sandbox->tasks.first_waiter; waiter; waiter = waiter->next) {
        if (waiter->time <= horizon)
            horizon = waiter->time - 1;
    }
    return horizon;
}

/* A clock that has gone back says nothing of how long something has waited: then it is enough. */
static bool has_passed(uint64_t now, uint64_t since, uint64_t time)
{
    return now < since || now - since >= time;
}

size_t sandbox_take(struct sandbox *sandbox, uint64_t now, const uint8_t *const **ret_records)
{
    bool is_idle = has_passed(now, sandbox->received, WINDOW_NS);

    if (!sandbox->ended)
        call_tell_overdue(sandbox, now < sandbox->received ? UINT64_MAX : now);
    return order_take(&sandbox->order, is_idle ? UINT64_MAX : horizon_of(sandbox), ret_records);
}

uint64_t sandbox_due(const struct sandbox *sandbox, uint64_t now)
{
    bool is_empty = order_is_empty(&sandbox->order);
    uint64_t due = sandbox->tasks.first_waiter ? sandbox->tasks.first_waiter->until : UINT64_MAX;

    if (is_empty && due == UINT64_MAX)
        return due;
    if (has_passed(now, sandbox->received, WINDOW_NS) ||
        (!is_empty && order_first(&sandbox->order) <= horizon_of(sandbox)))
        return 0;
    return sandbox->received + WINDOW_NS < due ? sandbox->received + WINDOW_NS : due;
}

bool sandbox_is_over(const struct sandbox *sandbox)
{
    return sandbox->ended && order_is_empty(&sandbox->order);
}

uint32_t sandbox_source(const struct sandbox *sandbox)
{
    return sandbox->source;
}

const char *sandbox_name(const struct sandbox *sandbox)
{
    return sandbox->name;
}

void sandbox_counts(const struct sandbox *sandbox, struct sandbox_counts *ret_counts)
{
    *ret_counts = sandbox->counts;
}
