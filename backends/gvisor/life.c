// SPDX-License-Identifier: Apache-2.0
/* Threads, processes and containers, as the sandbox tells of them, or as their first sight implies. */

#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "backends/gvisor/internal.h"
#include "common/record.h"

#define CLONE_NR 56
#define FORK_NR 57
#define VFORK_NR 58
#define SIGCHLD_NR 17
#define SIGNAL_BITS 0xff
#define COMM_MAX 15

static void put_bytes(struct encoder *encoder, unsigned index, const ProtobufCBinaryData *bytes)
{
    if (bytes->len)
        encoder_bytes(encoder, index, bytes->data, bytes->len, PATH_BYTES_MAX);
    else
        encoder_status(encoder, index, SYSFOLD_ABSENT);
}

static void put_value(struct encoder *encoder, unsigned index, const struct value *value)
{
    size_t room;
    uint8_t *to = encoder_variable_begin(encoder, index, value->size, &room);

    memcpy(to, value->bytes, room);
    encoder_variable_end(encoder, index, room, value->cut || room < value->size);
}

static void put_id(struct encoder *encoder, unsigned index, uint32_t id)
{
    if (id)
        encoder_integer(encoder, index, id);
}

/* Where all of them are zero, the field may as well be missing; but root is what most containers run as. */
static void put_credentials(struct encoder *encoder, const Gv__ContextData *context)
{
    const Gv__Credentials *credentials = context->credentials;

    if (!credentials)
        return;
    encoder_integer(encoder, P_SNAP_THREAD_uid, credentials->real_uid);
    encoder_integer(encoder, P_SNAP_THREAD_euid, credentials->effective_uid);
    encoder_integer(encoder, P_SNAP_THREAD_gid, credentials->real_gid);
    encoder_integer(encoder, P_SNAP_THREAD_egid, credentials->effective_gid);
}

/* Everything that is known of a thread that nobody told the birth of. */
static void tell_sight(struct sandbox *sandbox, struct thread *thread, const Gv__ContextData *context, uint64_t time,
                       const ProtobufCBinaryData *argv, size_t argc)
{
    static const ProtobufCBinaryData none;
    struct encoder *encoder = &sandbox->encoder;
    const struct process *process = thread->process;
    struct values words = {0};
    struct value value;

    encoder_begin(encoder, row_builtin(ROW_SNAP_THREAD), thread->tid, time);
    encoder_integer(encoder, P_SNAP_THREAD_pid, process->pid);
    put_id(encoder, P_SNAP_THREAD_ppid, process->ppid);
    put_credentials(encoder, context);
    if (process->start)
        encoder_integer(encoder, P_SNAP_THREAD_start_time, (int64_t)process->start);
    put_bytes(encoder, P_SNAP_THREAD_comm, &context->process_name);
    put_bytes(encoder, P_SNAP_THREAD_exe, &none);
    if (argc && values_put_strings(&words, 0, argv, argc, sandbox->options->live.string_vector_max) == 0 &&
        values_find(&words, 0, &value))
        put_value(encoder, P_SNAP_THREAD_argv, &value);
    else
        encoder_status(encoder, P_SNAP_THREAD_argv, SYSFOLD_ABSENT);
    put_bytes(encoder, P_SNAP_THREAD_cwd, &context->cwd);
    put_bytes(encoder, P_SNAP_THREAD_root, &none);
    put_bytes(encoder, P_SNAP_THREAD_cgroup, &none);
    values_finish(&words);
    sandbox_emit_of(sandbox, thread);
    thread->is_named = context->process_name.len > 0;
}

/* Ids are used again: somebody whose end was lost is not the one who has them now. */
static bool is_another(uint64_t known, int64_t told)
{
    return known && told && known != (uint64_t)told;
}

static bool is_stale(const struct thread *thread, const Gv__ContextData *context)
{
    return thread->process->pid != (uint32_t)context->thread_group_id ||
           is_another(thread->process->start, context->thread_group_start_time_ns);
}

static void tell_thread_exit(struct sandbox *sandbox, struct thread *thread, uint64_t time, const int32_t *status)
{
    struct encoder *encoder = &sandbox->encoder;

    encoder_begin(encoder, row_builtin(ROW_THREAD_EXIT), thread->tid, time);
    encoder_integer(encoder, P_THREAD_EXIT_pid, thread->process->pid);
    if (status)
        encoder_integer(encoder, P_THREAD_EXIT_status, *status);
    sandbox_emit_of(sandbox, thread);
}

static void tell_process_exit(struct sandbox *sandbox, const struct process *process, uint64_t time,
                              const int32_t *status)
{
    struct encoder *encoder = &sandbox->encoder;

    if (time < process->time) /* nothing of it comes behind its end */
        time = process->time;
    encoder_begin(encoder, row_builtin(ROW_PROCESS_EXIT), process->pid, time);
    encoder_integer(encoder, P_PROCESS_EXIT_pid, process->pid);
    if (status)
        encoder_integer(encoder, P_PROCESS_EXIT_status, *status);
    sandbox_emit(sandbox);
}

static void end_thread(struct sandbox *sandbox, struct thread *thread, uint64_t time, const int32_t *status)
{
    call_finish_all(sandbox, thread, true);
    tell_thread_exit(sandbox, thread, time, status);
    tasks_remove(&sandbox->tasks, thread);
}

static void end_process(struct sandbox *sandbox, struct process *process, uint64_t time, const int32_t *status)
{
    while (!LIST_EMPTY(&process->members))
        end_thread(sandbox, LIST_FIRST(&process->members), time, status);
    tell_process_exit(sandbox, process, time, status);
    tasks_remove_process(&sandbox->tasks, process);
}

static struct thread *find_thread(const struct sandbox *sandbox, const Gv__ContextData *context)
{
    uint32_t pid = (uint32_t)context->thread_group_id, tid = (uint32_t)context->thread_id;
    const struct process *process = tasks_process(&sandbox->tasks, pid);
    struct thread *leader = process ? tasks_thread(&sandbox->tasks, pid) : NULL;

    /* Within its exec, a thread that has become the leader still has the number that it had. */
    if (leader && tid && process->stale_tid == tid)
        return leader;
    return tasks_thread(&sandbox->tasks, tid);
}

/* Whoever had the number is gone, although nobody said so. */
static struct thread *add_thread(struct sandbox *sandbox, uint32_t pid, uint32_t tid, uint64_t process_start,
                                 uint64_t start, uint64_t time)
{
    struct thread *thread = tasks_thread(&sandbox->tasks, tid);

    if (thread)
        end_thread(sandbox, thread, time, NULL);
    thread = tasks_add(&sandbox->tasks, pid, tid);
    if (!thread) {
        sandbox_lose(sandbox, 1, "too many threads", time);
        return NULL;
    }
    thread->start = start;
    if (!thread->process->start)
        thread->process->start = process_start;
    return thread;
}

/* Without a group, a thread is taken for its own. */
static uint32_t pid_of(const Gv__ContextData *context)
{
    return (uint32_t)(context->thread_group_id ? context->thread_group_id : context->thread_id);
}

static struct thread *show(struct sandbox *sandbox, const Gv__ContextData *context, uint64_t time)
{
    uint32_t pid = pid_of(context);
    struct process *process = tasks_process(&sandbox->tasks, pid);
    struct thread *thread;

    if (process && is_another(process->start, context->thread_group_start_time_ns))
        end_process(sandbox, process, time, NULL);
    thread = add_thread(sandbox, pid, (uint32_t)context->thread_id, (uint64_t)context->thread_group_start_time_ns,
                        (uint64_t)context->thread_start_time_ns, time);
    if (!thread)
        return NULL;
    if (context->parent_thread_group_id > 0 && !thread->process->ppid)
        thread->process->ppid = (uint32_t)context->parent_thread_group_id;
    if (thread->tid) /* what nobody can be named for stays without a thread */
        tell_sight(sandbox, thread, context, thread_time(thread, time), NULL, 0);
    return thread;
}

struct thread *life_thread(struct sandbox *sandbox, const Gv__ContextData *context, struct instant when)
{
    static const Gv__ContextData nobody = GV__CONTEXT_DATA__INIT;
    struct thread *thread;

    if (!context)
        context = &nobody;
    thread = find_thread(sandbox, context);
    if (thread && context->thread_group_id && is_stale(thread, context)) {
        end_thread(sandbox, thread, when.time, NULL);
        thread = NULL;
    }
    if (!thread)
        return show(sandbox, context, when.time);
    if (!thread->is_named && context->process_name.len)
        tell_sight(sandbox, thread, context, thread_time(thread, when.time), NULL, 0);
    return thread;
}

static bool is_known_container(struct sandbox *sandbox, const char *id)
{
    for (size_t i = 0; i < sandbox->container_count; i++) {
        if (!strcmp(sandbox->containers[i], id))
            return true;
    }
    return false;
}

static void tell_container(struct sandbox *sandbox, const char *id, uint32_t pid, uint64_t time)
{
    struct encoder *encoder = &sandbox->encoder;

    if (is_known_container(sandbox, id) || sandbox->container_count == CONTAINERS_MAX)
        return;
    (void)snprintf(sandbox->containers[sandbox->container_count++], NAME_MAX_BYTES, "%s", id);
    encoder_begin(encoder, row_builtin(ROW_SNAP_CONTAINER), pid, time);
    if (pid)
        encoder_integer(encoder, P_SNAP_CONTAINER_pid, pid);
    encoder_string(encoder, P_SNAP_CONTAINER_id, id);
    encoder_string(encoder, P_SNAP_CONTAINER_engine, "gvisor");
    encoder_status(encoder, P_SNAP_CONTAINER_name, SYSFOLD_ABSENT);
    encoder_status(encoder, P_SNAP_CONTAINER_image, SYSFOLD_ABSENT);
    sandbox_emit(sandbox);
}

/* Of a path, what the kernel would name the process. */
static ProtobufCBinaryData last_part(ProtobufCBinaryData path)
{
    const uint8_t *slash = path.len ? memrchr(path.data, '/', path.len) : NULL;

    if (slash) {
        path.len -= (size_t)(slash + 1 - path.data);
        path.data += slash + 1 - path.data;
    }
    if (path.len > COMM_MAX)
        path.len = COMM_MAX;
    return path;
}

void life_start(struct sandbox *sandbox, const Gv__Start *start, struct instant when)
{
    Gv__ContextData context = GV__CONTEXT_DATA__INIT;
    struct thread *thread;
    char id[NAME_MAX_BYTES];

    if (start->context_data)
        context = *start->context_data;
    if (!context.cwd.len)
        context.cwd = start->cwd;
    if (!context.process_name.len && start->n_args)
        context.process_name = last_part(start->args[0]);
    (void)snprintf(id, sizeof(id), "%.*s", (int)(start->id.len < sizeof(id) ? start->id.len : sizeof(id) - 1),
                   (const char *)start->id.data);
    tell_container(sandbox, id, (uint32_t)context.thread_group_id, when.time);
    thread = find_thread(sandbox, &context);
    if (!thread)
        thread =
            add_thread(sandbox, pid_of(&context), (uint32_t)context.thread_id,
                       (uint64_t)context.thread_group_start_time_ns, (uint64_t)context.thread_start_time_ns, when.time);
    if (!thread)
        return;
    if (!sandbox->init)
        sandbox->init = thread->process->pid;
    tell_sight(sandbox, thread, &context, thread_time(thread, when.time), start->args, start->n_args);
    thread->is_named = true;
}

/* The sentry leaves out which signal the child's end sends. */
static uint64_t flags_of(const struct call_state *call, const Gv__CloneInfo *info)
{
    uint64_t flags = 0;
    struct value told;

    if (!call->begun)
        return info->flags;
    if (call->nr == FORK_NR || call->nr == VFORK_NR)
        flags = SIGCHLD_NR;
    else if (call->nr == CLONE_NR && call->has_args)
        flags = call->args[0];
    else if (call->nr == CLONE_NR && values_find(&call->at_enter, P_CLONE_flags, &told))
        memcpy(&flags, told.bytes, sizeof(flags));
    return info->flags | (flags & SIGNAL_BITS);
}

static uint32_t ppid_of(const struct thread *parent, const Gv__CloneInfo *info)
{
    return info->flags & (CLONE_PARENT | CLONE_THREAD) ? parent->process->ppid : parent->process->pid;
}

static void tell_birth(struct sandbox *sandbox, struct thread *child, const struct thread *parent,
                       const Gv__CloneInfo *info, uint64_t time)
{
    struct encoder *encoder = &sandbox->encoder;

    encoder_begin(encoder, row_builtin(ROW_THREAD_START), child->tid, time);
    encoder_integer(encoder, P_THREAD_START_pid, child->process->pid);
    put_id(encoder, P_THREAD_START_ppid, child->process->ppid);
    encoder_integer(encoder, P_THREAD_START_parent_tid, parent->tid);
    encoder_integer(encoder, P_THREAD_START_flags, (int64_t)flags_of(&parent->call, info));
    if (info->created_thread_start_time_ns)
        encoder_integer(encoder, P_THREAD_START_start_time, info->created_thread_start_time_ns);
    sandbox_emit_of(sandbox, child);
}

void life_clone(struct sandbox *sandbox, struct thread *parent, const Gv__CloneInfo *info, struct instant when)
{
    uint32_t tid = (uint32_t)info->created_thread_id, pid = (uint32_t)info->created_thread_group_id;
    struct process *process = tasks_process(&sandbox->tasks, pid);
    uint64_t time = thread_time(parent, when.time), start = (uint64_t)info->created_thread_start_time_ns;
    struct thread *child;

    if (tid == parent->tid || !tid || !pid)
        return;
    if (process && process != parent->process && pid == tid)
        end_process(sandbox, process, time, NULL);
    if (parent->process->stale_tid == tid)
        parent->process->stale_tid = 0;
    child = add_thread(sandbox, pid, tid, pid == tid ? start : 0, start, time);
    if (!child)
        return;
    if (child->process != parent->process)
        child->process->ppid = ppid_of(parent, info);
    child->is_named = true;
    tell_birth(sandbox, child, parent, info, time);
}

/* By the path that was given, or by what the sentry made of it. */
static void put_comm(struct encoder *encoder, const struct call_state *call, const ProtobufCBinaryData *binary)
{
    ProtobufCBinaryData path = *binary;
    struct value given = {0};

    if (call->nr == ROW_EXECVE)
        (void)values_find(&call->at_enter, P_EXECVE_path, &given);
    else if (call->nr == ROW_EXECVEAT)
        (void)values_find(&call->at_enter, P_EXECVEAT_path, &given);
    if (given.size && (call->nr == ROW_EXECVE || *given.bytes == '/')) /* else by what the descriptor has led to */
        path = (ProtobufCBinaryData){.data = (uint8_t *)(uintptr_t)given.bytes, .len = given.size};
    path = last_part(path);
    put_bytes(encoder, P_EXEC_comm, &path);
}

static void put_exec_credentials(struct encoder *encoder, const Gv__ContextData *context)
{
    const Gv__Credentials *credentials = context ? context->credentials : NULL;

    if (!credentials)
        return;
    encoder_integer(encoder, P_EXEC_uid, credentials->real_uid);
    encoder_integer(encoder, P_EXEC_euid, credentials->effective_uid);
    encoder_integer(encoder, P_EXEC_gid, credentials->real_gid);
    encoder_integer(encoder, P_EXEC_egid, credentials->effective_gid);
}

/* A thread that is not the leader becomes it; the other ones' ends are told afterwards. */
static bool take_over(struct sandbox *sandbox, struct thread *thread, uint64_t time)
{
    struct process *process = thread->process;
    struct thread *leader = tasks_thread(&sandbox->tasks, process->pid);

    process->exec_time = time;
    if (thread == leader)
        return true;
    if (leader)
        call_finish_all(sandbox, leader, true);
    process->leader_gives_way = !process->leader_ended;
    process->leader_ended = false;
    return tasks_make_leader(&sandbox->tasks, thread) == 0;
}

static void tell_exec(struct sandbox *sandbox, struct thread *thread, uint32_t old_tid, uint64_t time,
                      const Gv__ExecveInfo *info)
{
    static const ProtobufCBinaryData none;
    struct encoder *encoder = &sandbox->encoder;

    encoder_begin(encoder, row_builtin(ROW_EXEC), thread->tid, time);
    encoder_integer(encoder, P_EXEC_pid, thread->process->pid);
    encoder_integer(encoder, P_EXEC_old_tid, old_tid);
    if (info && info->binary_ino)
        encoder_integer(encoder, P_EXEC_ino, (int64_t)info->binary_ino);
    put_exec_credentials(encoder, info ? info->context_data : NULL);
    put_comm(encoder, &thread->call, info ? &info->binary_path : &none);
    put_bytes(encoder, P_EXEC_exe, info ? &info->binary_path : &none);
    put_bytes(encoder, P_EXEC_cgroup, &none); /* the sandbox is the container, which SNAP_CONTAINER tells */
    sandbox_emit_of(sandbox, thread);
    thread->is_named = true;
}

void life_exec(struct sandbox *sandbox, struct thread *thread, const Gv__ExecveInfo *info, struct instant when)
{
    uint64_t time = thread_time(thread, when.time);
    uint32_t old_tid = thread->tid;

    sandbox->tells_images = true;
    call_note_image(sandbox, thread, info);
    if (take_over(sandbox, thread, time))
        tell_exec(sandbox, thread, old_tid, time, info);
}

void life_exec_hidden(struct sandbox *sandbox, struct thread *thread, uint64_t time)
{
    uint32_t old_tid = thread->tid;

    if (take_over(sandbox, thread, time))
        tell_exec(sandbox, thread, old_tid, time, NULL);
}

void life_task_exit(struct sandbox *sandbox, const Gv__TaskExit *exit, struct instant when)
{
    const Gv__ContextData *context = exit->context_data;
    struct thread *thread = context && context->thread_id ? life_thread(sandbox, context, when) : NULL;
    struct process *process = thread ? thread->process : NULL;
    int32_t status = exit->exit_status;

    if (!context || !context->thread_id)
        sandbox_lose(sandbox, 1, "of no thread", when.time);
    if (!thread)
        return;
    if (thread->tid == process->pid && process->leader_gives_way) {
        process->leader_gives_way = false;
        return;
    }
    if (thread->tid == process->pid) {
        process->leader_ended = true;
        process->status = status;
        sandbox->init_has_ended |= sandbox->init && process->pid == sandbox->init;
    } else if (process->exec_time && when.time > process->exec_time) {
        if (!thread->start || thread->start < process->exec_time)
            when.time = process->exec_time - 1; /* before the exec that ended it */
    }
    end_thread(sandbox, thread, when.time, &status);
}

void life_process_exit(struct sandbox *sandbox, const Gv__ExitNotifyParentInfo *exit, struct instant when)
{
    const Gv__ContextData *context = exit->context_data;
    struct process *process = context ? tasks_process(&sandbox->tasks, pid_of(context)) : NULL;
    int32_t status = exit->exit_status;

    if (!process || is_another(process->start, context->thread_group_start_time_ns))
        return; /* an orphan's end is told again */
    end_process(sandbox, process, when.time, &status);
}

/* With its first process the whole sandbox ends, and nobody is notified. What takes the place of the removed one is
 * looked at as well. */
void life_end(struct sandbox *sandbox, uint64_t time)
{
    for (size_t i = 0; i < sandbox->tasks.processes.room;) {
        struct process *process = sandbox->tasks.processes.entries[i].value;

        if (process && ((process->leader_ended && LIST_EMPTY(&process->members)) || sandbox->init_has_ended))
            end_process(sandbox, process, time, process->leader_ended ? &process->status : NULL);
        else
            i++;
    }
}
