// SPDX-License-Identifier: Apache-2.0
/*
 * One event of a call's messages. They come in this order, each or none of
 * them, as the session's configuration has it:
 *
 *   raw enter, schematized enter,  [the image of an exec],  raw exit, schematized exit
 *
 * What must be told is the call as a whole, once, and soon. Which messages a
 * call has is learnt from the first one of its kind; for those the thread's
 * next message is waited for, or COMPANY_NS.
 */

#include <errno.h>
#include <linux/audit.h>
#include <stdlib.h>
#include <string.h>

#include "backends/gvisor/internal.h"
#include "common/collect.h"

#define RT_SIGRETURN 15
#define EXIT 60
#define EXIT_GROUP 231
#define ERESTART_FIRST 512 /* ERESTARTSYS */
#define ERESTARTNOINTR_NR 513
#define ERESTART_LAST 516 /* ERESTART_RESTARTBLOCK */

static bool is_exec(uint32_t nr)
{
    return nr == ROW_EXECVE || nr == ROW_EXECVEAT;
}

/* Nobody returns from these, whatever the sandbox says. */
static bool is_last_call(uint32_t nr)
{
    return nr == EXIT || nr == EXIT_GROUP;
}

static bool has_failed(const struct call_state *call)
{
    return call->ended && call->result < 0 && call->result >= -4095;
}

static bool is_interrupted(const struct call_state *call)
{
    return call->ended && call->result <= -ERESTART_FIRST && call->result >= -ERESTART_LAST;
}

static uint8_t *ends_of(struct sandbox *sandbox, uint32_t nr)
{
    return nr < ROW_SYSCALL_MAX ? &sandbox->ends[nr] : NULL;
}

static unsigned ends_seen(const struct call_state *call)
{
    return (call->raw_exit ? END_RAW : 0) | (call->exit ? END_SCHEMATIZED : 0);
}

/* What restart_syscall does is the interrupted call's. */
static bool is_of(const struct call_state *call, uint32_t nr)
{
    return call->nr == nr || (call->is_restarted && nr == ROW_RESTART_SYSCALL);
}

/* Telling. */

/* Was it told as nothing because the sandbox did not get to it, or would not take it? */
static bool is_untold(const struct call_state *call, const struct sysfold_param *param)
{
    bool has_no_length = call->has_args && param->source == SOURCE_USER_SOCKADDR && !call->args[param->b];

    return call->result == -ENAMETOOLONG || (param->type->form == FORM_SOCKADDR && !has_no_length);
}

/* Nothing: a NULL pointer, memory that is not there, or an empty string. */
static void put_empty(struct encoder *encoder, const struct call_state *call, unsigned index)
{
    const struct sysfold_param *param = &encoder->row->params[index];

    if (call->has_args && !call->args[param->a])
        encoder_status(encoder, index, SYSFOLD_NULL);
    else if (call->result == -EFAULT)
        encoder_status(encoder, index, SYSFOLD_UNREADABLE);
    else if (is_untold(call, param))
        encoder_status(encoder, index, SYSFOLD_ABSENT);
    else
        encoder_bytes(encoder, index, "", 0, 0);
}

static void put_value(struct encoder *encoder, const struct call_state *call, unsigned index, const struct value *value)
{
    const struct type_info *type = encoder->row->params[index].type;
    int64_t integer;
    size_t room;
    uint8_t *to;

    if (!type->variable && type->count == 1) {
        memcpy(&integer, value->bytes, sizeof(integer));
        encoder_integer(encoder, index, integer);
    } else if (!type->variable) {
        if (value->size == type_size(type))
            encoder_fixed(encoder, index, value->bytes);
    } else if (!value->size && !value->cut) {
        put_empty(encoder, call, index);
    } else {
        to = encoder_variable_begin(encoder, index, value->size, &room);
        memcpy(to, value->bytes, room);
        encoder_variable_end(encoder, index, room, value->cut || room < value->size);
    }
}

static bool is_same(const struct value *one, const struct value *other)
{
    return one->size == other->size && (!one->size || !memcmp(one->bytes, other->bytes, one->size));
}

/* What the kernel acted upon is what it read at enter; what it has left is there at exit. */
static bool put_told(struct encoder *encoder, const struct call_state *call, unsigned index)
{
    bool is_early = encoder->row->entry_mask >> index & 1;
    struct value at_enter, at_exit, image;
    bool enter = values_find(&call->at_enter, index, &at_enter), exit = values_find(&call->at_exit, index, &at_exit);

    if (values_find(&call->image, index, &image)) {
        put_value(encoder, call, index, &image);
        if (enter && !is_same(&at_enter, &image))
            encoder_raced(encoder, index);
        return true;
    }
    if (!enter && !exit)
        return false;
    put_value(encoder, call, index, (is_early && enter) || !exit ? &at_enter : &at_exit);
    if (is_early && enter && exit && !call->replaced && !is_same(&at_enter, &at_exit))
        encoder_raced(encoder, index);
    return true;
}

static bool is_pointer(const struct sysfold_param *param, const struct call_state *call)
{
    if (param->source == SOURCE_USER_STRING_WHEN)
        return (uint32_t)call->args[0] == param->b;
    return param->source >= SOURCE_USER_STRING && param->source <= SOURCE_USER_ARRAY;
}

/* Nobody said anything of it. */
static void put_missing(struct encoder *encoder, const struct call_state *call, unsigned index)
{
    const struct sysfold_param *param = &encoder->row->params[index];
    bool is_null = call->has_args && is_pointer(param, call) && !call->args[param->a];

    encoder_status(encoder, index, is_null ? SYSFOLD_NULL : SYSFOLD_ABSENT);
}

static void put_param(struct encoder *encoder, const struct call_state *call, unsigned index)
{
    const struct sysfold_param *param = &encoder->row->params[index];

    switch (param->source) {
    case SOURCE_RESULT:
        if (call->ended)
            encoder_integer(encoder, index, call->result);
        return;
    case SOURCE_CALL_NR:
        encoder_integer(encoder, index, call->nr);
        return;
    case SOURCE_CALL_ARCH:
        encoder_integer(encoder, index, AUDIT_ARCH_X86_64);
        return;
    case SOURCE_ARG:
        if (call->has_args) {
            encoder_integer(encoder, index, (int64_t)call->args[param->a]);
            return;
        }
        break;
    default:
        break;
    }
    if (!put_told(encoder, call, index))
        put_missing(encoder, call, index);
}

static void put_duration(struct sandbox *sandbox, const struct call_state *call)
{
    if (sandbox->options->live.timed && call->ended && call->entered && call->returned >= call->entered)
        encoder_duration(&sandbox->encoder, call->returned - call->entered);
}

static void encode(struct sandbox *sandbox, const struct thread *thread, const struct call_state *call)
{
    const struct sysfold_row *row = call_row(AUDIT_ARCH_X86_64, call->nr);
    struct encoder *encoder = &sandbox->encoder;
    uint32_t skipped = has_failed(call) ? row->success_mask : 0;

    encoder_begin(encoder, row, thread->tid, call->returned);
    if (has_failed(call))
        encoder_failed(encoder);
    put_duration(sandbox, call);
    for (unsigned index = 0; index < row->param_count; index++) {
        if (!(skipped >> index & 1))
            put_param(encoder, call, index);
    }
}

/* The strings of a call were not UTF-8: then the sandbox sends none of the messages that have them. */
static void count_hidden(struct sandbox *sandbox, const struct call_state *call)
{
    uint32_t nr = call->nr;

    if (nr >= ROW_SYSCALL_MAX || !(sandbox->enters[nr] | sandbox->ends[nr]))
        return;
    if ((sandbox->enters[nr] & END_SCHEMATIZED && !call->enter && call->raw_enter) ||
        (sandbox->ends[nr] & END_SCHEMATIZED && !call->exit && call->raw_exit))
        sandbox->counts.hidden++;
}

static bool is_chosen(const struct sandbox *sandbox, const struct call_state *call)
{
    return callset_has(&sandbox->options->calls, AUDIT_ARCH_X86_64, call->nr);
}

static void tell(struct sandbox *sandbox, struct thread *thread, struct call_state *call)
{
    if (!is_chosen(sandbox, call))
        return;
    count_hidden(sandbox, call);
    encode(sandbox, thread, call);
    sandbox_emit_of(sandbox, thread);
}

/* Nobody saw how it ended. */
static void tell_unfinished(struct sandbox *sandbox, struct thread *thread, struct call_state *call)
{
    call->ended = false;
    call->returned = call->returned ? call->returned : thread->time;
    tell(sandbox, thread, call);
}

/* Interruptions: a call that a signal interrupts may be restarted when its handler is done. */

static void drop_interrupted(struct sandbox *sandbox, struct thread *thread)
{
    tasks_stop_waiting(&sandbox->tasks, &thread->interrupted_waiter);
    call_state_finish(&sandbox->tasks, thread->interrupted);
    free(thread->interrupted);
    thread->interrupted = NULL;
}

/* It was not: then its caller got EINTR, before whatever the handler did, some of which may have been told of
 * already. */
static void tell_interrupted(struct sandbox *sandbox, struct thread *thread)
{
    struct call_state *call = thread->interrupted;

    if (!call)
        return;
    call->result = -EINTR;
    if (is_chosen(sandbox, call)) {
        encode(sandbox, thread, call);
        sandbox_emit(sandbox);
    }
    drop_interrupted(sandbox, thread);
}

static bool suspend(struct sandbox *sandbox, struct thread *thread)
{
    struct call_state *interrupted = malloc(sizeof(*interrupted));

    if (!interrupted)
        return false;
    tell_interrupted(sandbox, thread);
    thread->call.returned = thread_time(thread, thread->call.returned);
    *interrupted = thread->call;
    thread->call = (struct call_state){0};
    thread->interrupted = interrupted;
    thread->has_gone_on = false;
    thread->has_returned = false;
    tasks_wait(&sandbox->tasks, &thread->interrupted_waiter, thread, interrupted->returned,
               sandbox->received + COMPANY_NS);
    return true;
}

static bool is_restart(const struct call_state *interrupted, uint32_t nr, const struct message *message)
{
    const Gv__Syscall *raw = (const Gv__Syscall *)(const void *)message->body;

    if (interrupted->nr != nr && nr != ROW_RESTART_SYSCALL)
        return false;
    if (message->type != MESSAGE_RAW || !interrupted->has_args || nr != interrupted->nr)
        return true;
    return raw->arg1 == interrupted->args[0] && raw->arg2 == interrupted->args[1] &&
           raw->arg3 == interrupted->args[2] && raw->arg4 == interrupted->args[3] &&
           raw->arg5 == interrupted->args[4] && raw->arg6 == interrupted->args[5];
}

/* Has no other call been made since, or only its handler's, behind which these codes do not say EINTR? */
static bool may_be_restarted(const struct thread *thread, uint32_t nr)
{
    int64_t code = -thread->interrupted->result;

    if (!thread->has_gone_on || nr == ROW_RESTART_SYSCALL)
        return true;
    return thread->has_returned && (code == ERESTART_FIRST || code == ERESTARTNOINTR_NR);
}

/* The thread makes a call. Is it the interrupted one again? */
static bool resume(struct sandbox *sandbox, struct thread *thread, uint32_t nr, const struct message *message)
{
    if (!thread->interrupted)
        return false;
    if (is_restart(thread->interrupted, nr, message) && may_be_restarted(thread, nr)) {
        call_state_finish(&sandbox->tasks, &thread->call);
        thread->call = *thread->interrupted;
        *thread->interrupted = (struct call_state){0};
        drop_interrupted(sandbox, thread);
        thread->call.raw_enter = thread->call.enter = thread->call.raw_exit = thread->call.exit = false;
        thread->call.ended = false;
        tasks_release(&sandbox->tasks, &thread->call.at_enter);
        tasks_release(&sandbox->tasks, &thread->call.at_exit);
        thread->call.is_restarted = nr == ROW_RESTART_SYSCALL;
        return true;
    }
    if (nr == RT_SIGRETURN)
        thread->has_returned = true;
    else if (thread->has_returned || !sandbox->tells_raw)
        tell_interrupted(sandbox, thread);
    thread->has_gone_on = true;
    return false;
}

/* Ending. */

/* Of an exec the result says little: newer sandboxes tell it before they load the image. */
static void settle_exec(struct sandbox *sandbox, struct thread *thread, struct call_state *call)
{
    bool were_strings_told = call->enter || call->exit;

    if (!is_exec(call->nr) || call->replaced || !call->ended || call->result)
        return;
    if (!sandbox->tells_images || !were_strings_told) {
        call->replaced = true;
        life_exec_hidden(sandbox, thread, call->returned);
    } else {
        call->ended = false; /* it failed, we do not know how */
    }
}

static void finish(struct sandbox *sandbox, struct thread *thread)
{
    struct call_state *call = &thread->call;
    uint8_t *ends = ends_of(sandbox, call->nr);

    tasks_stop_waiting(&sandbox->tasks, &thread->call_waiter);
    if (!call->begun)
        return;
    thread->told_nr = call->ended && !call->exit ? call->nr : UINT32_MAX;
    if (ends && call->ended)
        *ends |= (uint8_t)ends_seen(call);
    settle_exec(sandbox, thread, call);
    if (is_last_call(call->nr))
        call->ended = false;
    else if (is_interrupted(call) && suspend(sandbox, thread))
        return;
    else if (!ends_seen(call))
        sandbox->counts.unmatched++;
    if (ends_seen(call) || is_last_call(call->nr))
        tell(sandbox, thread, call);
    call_state_clear(&sandbox->tasks, call);
}

static void begin(struct sandbox *sandbox, struct thread *thread, uint32_t nr)
{
    call_state_clear(&sandbox->tasks, &thread->call);
    thread->call.begun = true;
    thread->call.nr = nr;
    thread->told_nr = UINT32_MAX;
}

static void take_args(struct call_state *call, const Gv__Syscall *raw)
{
    call->has_args = true;
    call->args[0] = raw->arg1;
    call->args[1] = raw->arg2;
    call->args[2] = raw->arg3;
    call->args[3] = raw->arg4;
    call->args[4] = raw->arg5;
    call->args[5] = raw->arg6;
}

/* Without the memory for them parameters are absent, and the event is told all the same. */
static void take_values(struct sandbox *sandbox, struct call_state *call, const struct message *message,
                        struct values *values)
{
    size_t before = values_held(values);

    if (message->type == MESSAGE_RAW && message->sysno != call->nr)
        return; /* restart_syscall has no arguments */
    if (message->type == MESSAGE_RAW)
        take_args(call, (const Gv__Syscall *)(const void *)message->body);
    else if (tasks_may_hold(&sandbox->tasks))
        (void)values_take(values, call_row(AUDIT_ARCH_X86_64, call->nr), message,
                          sandbox->options->live.string_vector_max);
    tasks_hold(&sandbox->tasks, values, before);
}

static void on_enter(struct sandbox *sandbox, struct thread *thread, const struct message *message, struct instant when)
{
    bool is_raw = message->type == MESSAGE_RAW;
    struct call_state *call = &thread->call;
    uint32_t nr = (uint32_t)message->sysno;
    bool *seen = is_raw ? &call->raw_enter : &call->enter;

    if (call->begun && (!is_of(call, nr) || call->ended || *seen))
        finish(sandbox, thread);
    if (!call->begun && !resume(sandbox, thread, nr, message))
        begin(sandbox, thread, nr);
    if (!call->entered)
        call->entered = when.time;
    sandbox->tells_raw |= is_raw;
    *seen = true;
    if (nr < ROW_SYSCALL_MAX)
        sandbox->enters[nr] |= is_raw ? END_RAW : END_SCHEMATIZED;
    take_values(sandbox, call, message, &call->at_enter);
}

static int64_t result_of(const Gv__Exit *exit)
{
    return exit->errorno > 0 && exit->errorno <= 4095 ? -exit->errorno : exit->result;
}

/* Is everything there that there will be? Of a call that is seen for the first time nobody knows. */
static bool is_complete(struct sandbox *sandbox, const struct call_state *call)
{
    const uint8_t *ends = ends_of(sandbox, call->nr);

    if (is_exec(call->nr) && !call->result && !call->replaced)
        return false;
    return is_last_call(call->nr) || (ends && *ends && (*ends & ~ends_seen(call)) == 0);
}

/* The schematized end of what was told already: now it is known that there is one. */
static bool is_late(struct sandbox *sandbox, struct thread *thread, uint32_t nr, bool is_raw)
{
    uint8_t *ends = ends_of(sandbox, nr);

    if (thread->call.begun || is_raw || thread->told_nr != nr)
        return false;
    if (ends)
        *ends |= END_SCHEMATIZED;
    thread->told_nr = UINT32_MAX;
    return true;
}

static void on_return(struct sandbox *sandbox, struct thread *thread, const struct message *message,
                      struct instant when)
{
    bool is_raw = message->type == MESSAGE_RAW;
    struct call_state *call = &thread->call;
    uint32_t nr = (uint32_t)message->sysno;
    bool *seen = is_raw ? &call->raw_exit : &call->exit;

    if (call->begun && (!is_of(call, nr) || *seen))
        finish(sandbox, thread);
    if (is_late(sandbox, thread, nr, is_raw))
        return;
    if (!call->begun)
        begin(sandbox, thread, nr);
    *seen = true;
    if (!call->ended) {
        call->result = result_of(message->exit);
        call->returned = when.time;
        call->ended = true;
    }
    take_values(sandbox, call, message, &call->at_exit);
    if (nr == RT_SIGRETURN && call->result == -EINTR) /* what the interrupted call gives its caller */
        tell_interrupted(sandbox, thread);
    if (is_complete(sandbox, call))
        finish(sandbox, thread);
    else
        tasks_wait(&sandbox->tasks, &thread->call_waiter, thread, call->returned, when.received + COMPANY_NS);
}

void call_message(struct sandbox *sandbox, struct thread *thread, const struct message *message, struct instant when)
{
    if (message->exit)
        on_return(sandbox, thread, message, when);
    else
        on_enter(sandbox, thread, message, when);
}

void call_finish_all(struct sandbox *sandbox, struct thread *thread, bool thread_ends)
{
    struct call_state *call = &thread->call;

    if (is_exec(call->nr) && !call->replaced && thread_ends && thread->tid != thread->process->pid)
        call->ended = false; /* had it taken place, the thread would be the leader */
    if (call->begun && !call->ended && thread_ends) {
        tell_unfinished(sandbox, thread, call);
        call_state_clear(&sandbox->tasks, call);
    }
    finish(sandbox, thread);
    tell_interrupted(sandbox, thread);
}

/* A script's first argument is its path, in place of the one that the caller gave. */
static bool is_of_script(const struct value *caller, const struct value *image, const uint8_t *path, size_t size)
{
    const uint8_t *first = memchr(caller->bytes, '\0', caller->size);
    size_t skip = first ? (size_t)(first - caller->bytes) : 0;

    return first && size && image->size >= size && !memcmp(image->bytes, path, size) &&
           image->size - size == caller->size - skip && !memcmp(image->bytes + size, first, caller->size - skip);
}

/* argv is what the new image got, unless that is what a script's interpreter made of it. */
static void note_argv(struct call_state *call, unsigned index, unsigned path_index, const Gv__ExecveInfo *info,
                      size_t vector_max)
{
    struct value caller, image, path;

    if (values_put_strings(&call->image, index, info->argv, info->n_argv, vector_max) < 0 ||
        !values_find(&call->at_enter, index, &caller) || !values_find(&call->image, index, &image))
        return;
    if (is_of_script(&caller, &image, info->binary_path.data, info->binary_path.len) ||
        (values_find(&call->at_enter, path_index, &path) && is_of_script(&caller, &image, path.bytes, path.size)))
        values_clear(&call->image);
}

void call_note_image(struct sandbox *sandbox, struct thread *thread, const Gv__ExecveInfo *info)
{
    size_t vector_max = sandbox->options->live.string_vector_max;
    struct call_state *call = &thread->call;
    bool is_at = call->nr == ROW_EXECVEAT;
    size_t before = values_held(&call->image);

    if (!call->begun || !is_exec(call->nr))
        return;
    call->replaced = true;
    if (!tasks_may_hold(&sandbox->tasks))
        return;
    note_argv(call, is_at ? P_EXECVEAT_argv : P_EXECVE_argv, is_at ? P_EXECVEAT_path : P_EXECVE_path, info, vector_max);
    if (info->n_env)
        (void)values_put_strings(&call->image, is_at ? P_EXECVEAT_envp : P_EXECVE_envp, info->env, info->n_env,
                                 vector_max);
    tasks_hold(&sandbox->tasks, &call->image, before);
}

void call_finish_waiting(struct sandbox *sandbox, struct thread *thread, bool has_image)
{
    if (thread->call_waiter.thread && !(has_image && is_exec(thread->call.nr)))
        finish(sandbox, thread);
}

void call_tell_overdue(struct sandbox *sandbox, uint64_t now)
{
    const struct waiter *waiter;

    while ((waiter = sandbox->tasks.first_waiter) && waiter->until <= now) {
        struct thread *thread = waiter->thread;

        if (waiter == &thread->interrupted_waiter)
            tell_interrupted(sandbox, thread);
        else
            finish(sandbox, thread);
    }
}
