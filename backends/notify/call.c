// SPDX-License-Identifier: Apache-2.0
/*
 * System calls: from a notification, or from the tracepoints alone, to a record.
 *
 *   notified ──► performed ────────────────► told
 *       └──────► let go ──► exit record ───► told       (without the tracepoints: told at once, its result absent)
 *   entry record ─────────► exit record ───► told
 */

#include <errno.h>
#include <linux/audit.h>
#include <linux/sched.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "backends/memory.h"
#include "backends/notify/ends.h"
#include "backends/notify/listener.h"
#include "backends/notify/plan.h"
#include "backends/notify/supervisor.h"

static size_t target_read(void *target, void *to, uint64_t address, size_t size)
{
    return memory_read(((const struct thread *)target)->tid, to, address, size);
}

static size_t target_read_string(void *target, char *to, uint64_t address, size_t size)
{
    return memory_read_string(((const struct thread *)target)->tid, to, address, size);
}

static const struct collect_ops target_ops = {.read = target_read, .read_string = target_read_string};

static int performed_file(void *target, int fd, char *path, size_t room, size_t *ret_size, uint32_t *ret_dev,
                          uint64_t *ret_ino)
{
    const struct performance *performance = target;

    (void)fd;
    if (!performance->has_file)
        return -EBADF;
    *ret_size = performance->path_size < room ? performance->path_size : room;
    memcpy(path, performance->path, *ret_size);
    *ret_dev = performance->dev;
    *ret_ino = performance->ino;
    return performance->path_size ? 0 : -ENAMETOOLONG;
}

static int performed_sockets(void *target, int fd, uint8_t ret_pair[257])
{
    const struct performance *performance = target;

    (void)fd;
    if (performance->sockets_size > 0)
        memcpy(ret_pair, performance->sockets, (size_t)performance->sockets_size);
    return performance->sockets_size;
}

static const struct collect_ops performed_ops = {.file = performed_file, .sockets = performed_sockets};
/* Nothing of a call that the target made itself: who looks later may see what came after. */
static const struct collect_ops no_ops = {0};

static bool is_told(const struct supervisor *supervisor, const struct thread *thread)
{
    return thread->is_chosen && is_recorded(supervisor, thread->process);
}

static void tell(struct supervisor *supervisor, struct thread *thread, const struct collect_ops *ops, void *target,
                 bool has_result, uint64_t time)
{
    collect_told(ops, target, &thread->call, has_result, &thread->kept, (uint32_t)thread->tid, time,
                 &supervisor->encoder);
    if (supervisor->timed && has_result && thread->entered)
        encoder_duration(&supervisor->encoder, time > thread->entered ? time - thread->entered : 0);
    supervisor_emit(supervisor);
}

/* A call that was let go, and of which there will be an exit record. */
static bool waits_for_exit(const struct supervisor *supervisor, const struct thread *thread)
{
    return thread->step == CALL_NOTIFIED && !thread->process->is_unseen &&
           plan_tells_exit(supervisor->plan, &thread->call);
}

/* It has not been told yet: what would tell of its end may have been lost, or be still to come. */
static bool is_untold(const struct supervisor *supervisor, const struct thread *thread)
{
    return thread->step == CALL_ENTERED || call_is_exec(thread) || waits_for_exit(supervisor, thread);
}

bool call_is_exec(const struct thread *thread)
{
    const struct sysfold_row *row = thread->call.row;

    return thread->step == CALL_NOTIFIED && (row->number == ROW_EXECVE || row->number == ROW_EXECVEAT);
}

/* --- what a call says of births and ends --- */

#define I386_CLONE 120
#define I386_FORK 2
#define I386_EXIT 1
#define I386_EXECVE 11
#define I386_EXECVEAT 358
#define I386_VFORK 190
#define I386_EXIT_GROUP 252
#define X32_BIT 0x40000000U

/* The row of the native call that does the same, for those that make, replace and end threads. */
static unsigned native_row(const struct call *call)
{
    if (call->arch == AUDIT_ARCH_X86_64)
        return call->nr & X32_BIT ? call->nr & ~X32_BIT : call->row->number;
    switch (call->nr) {
    case I386_CLONE:
        return ROW_CLONE;
    case I386_FORK:
        return ROW_FORK;
    case I386_VFORK:
        return ROW_VFORK;
    case I386_EXIT:
        return ROW_EXIT;
    case I386_EXIT_GROUP:
        return ROW_EXIT_GROUP;
    case I386_EXECVE:
        return ROW_EXECVE;
    case I386_EXECVEAT:
        return ROW_EXECVEAT;
    default:
        return call->nr == ROW_CLONE3 ? ROW_CLONE3 : ROW_SYSCALL;
    }
}

static uint64_t clone3_flags(struct thread *thread)
{
    uint64_t fields[5] = {0}; /* of struct clone_args: the first is flags, the last exit_signal */

    (void)target_read(thread, fields, thread->call.args[0], sizeof(fields));
    return fields[0] | (fields[4] & CSIGNAL);
}

static void note_birth_flags(struct thread *thread, uint64_t flags)
{
    thread->has_birth_flags = true;
    thread->birth_flags = flags;
}

static void note_lifecycle(struct thread *thread)
{
    const struct call *call = &thread->call;
    struct process *process = thread->process;
    int status = (int)(call->args[0] & 0xff) << 8;

    switch (native_row(call)) {
    case ROW_CLONE:
        note_birth_flags(thread, call->args[0] & UINT32_MAX);
        break;
    case ROW_CLONE3:
        note_birth_flags(thread, clone3_flags(thread));
        break;
    case ROW_FORK:
        note_birth_flags(thread, SIGCHLD);
        break;
    case ROW_VFORK:
        note_birth_flags(thread, CLONE_VM | CLONE_VFORK | SIGCHLD);
        break;
    case ROW_EXIT:
        thread->has_status = true;
        thread->status = status;
        break;
    case ROW_EXIT_GROUP:
        process->has_group_status = true;
        process->group_status = status;
        break;
    default:
        break;
    }
}

/* --- notifications --- */

static void fill_call(struct call *call, const struct seccomp_data *data)
{
    call->arch = data->arch;
    call->nr = (uint32_t)data->nr;
    call->row = call_row(call->arch, call->nr);
    memcpy(call->args, data->args, sizeof(call->args));
    call->result = 0;
}

static bool perform_it(struct supervisor *supervisor, struct thread *thread, const struct seccomp_notif *notif)
{
    static struct performance performance;                                /* large; S has one thread */
    bool may_be_another = supervisor->perf && thread->process->is_unseen; /* nobody has told of its execs */

    if (!supervisor->performer || may_be_another || !is_told(supervisor, thread) || !performs(thread->call.row))
        return false;
    if (supervisor->session->state && thread->likeness.known_of != LIKENESS_NEVER)
        thread->likeness = (struct likeness){0}; /* what a container's profile stops at is not ours to know */
    if (!perform(supervisor->performer, notif, &thread->call, &thread->kept, &thread->likeness, &performance))
        return false;
    thread->step = CALL_TOLD;
    thread->call.result = performance.result;
    tell(supervisor, thread, &performed_ops, &performance, true, supervisor_clock());
    return true;
}

/* The image is still the old one if the caller still waits; another thread's exec may have been faster. */
static void mark_image(const struct supervisor *supervisor, struct process *process, uint64_t id)
{
    uint64_t mark = image_mark(process->pid);

    if (listener_is_valid(supervisor->listener, id))
        process->image = mark;
}

static void let_go(struct supervisor *supervisor, struct thread *thread, uint64_t id)
{
    thread->step = CALL_NOTIFIED;
    if (supervisor->performer && changes_likeness(thread->call.row))
        performer_let_go(supervisor->performer, &thread->call, &thread->likeness);
    note_lifecycle(thread);
    if (thread->process->is_unseen && call_is_exec(thread))
        mark_image(supervisor, thread->process, id);
    /* One that was killed meanwhile ends by a record, or by its pidfd; one that was interrupted comes again. */
    (void)listener_continue(supervisor->listener, id);
    if (is_untold(supervisor, thread))
        return;
    if (is_told(supervisor, thread))
        tell(supervisor, thread, &no_ops, NULL, false, supervisor_clock());
    thread->step = CALL_TOLD;
}

/* Whatever it was in, it is behind it; the exit's record was lost, or there are none. */
static void call_returned_unseen(struct supervisor *supervisor, struct thread *thread, uint64_t time)
{
    if (is_untold(supervisor, thread) && is_told(supervisor, thread))
        tell(supervisor, thread, &no_ops, NULL, false, time);
    thread->step = CALL_NONE;
}

void call_finish_exec(struct supervisor *supervisor, struct thread *thread)
{
    if (!call_is_exec(thread) || waits_for_exit(supervisor, thread))
        return;
    thread->call.result = 0;
    if (is_told(supervisor, thread))
        tell(supervisor, thread, &no_ops, NULL, true, supervisor_clock());
    thread->step = CALL_NONE;
}

void call_notified(struct supervisor *supervisor, struct thread *thread, const struct seccomp_notif *notif)
{
    call_returned_unseen(supervisor, thread, supervisor_clock());
    fill_call(&thread->call, &notif->data);
    thread->kept.size = 0;
    thread->entered = supervisor->timed ? supervisor_clock() : 0;
    thread->is_chosen = callset_has(supervisor->calls, thread->call.arch, thread->call.nr);
    if (thread->is_chosen && thread->process->is_followed)
        collect_passed(&target_ops, thread, &supervisor->limits, &thread->call, &thread->kept);
    if (perform_it(supervisor, thread, notif))
        return;
    let_go(supervisor, thread, notif->id);
    /* Of a thread that ends by itself nobody will tell, and its number may soon be another's. */
    if (thread->process->is_unseen && native_row(&thread->call) == ROW_EXIT)
        lives_end(supervisor,
                  &(const struct perf_record){.kind = PERF_END, .time = supervisor_clock(), .tid = thread->tid});
}

/* --- the tracepoints --- */

/* A native call of which there is no notification, as the record has it. False: it is none. */
static bool take_unstopped(struct thread *thread, const struct perf_record *record)
{
    struct call *call = &thread->call;

    if (!record->call.is_64 || record->call.nr < 0 || record->call.nr >= CALLSET_NATIVE_MAX)
        return false;
    call->arch = AUDIT_ARCH_X86_64;
    call->nr = (uint32_t)record->call.nr;
    call->row = call_row(call->arch, call->nr);
    memcpy(call->args, record->call.args, sizeof(call->args));
    thread->kept.size = 0;
    return true;
}

static bool is_chosen(const struct supervisor *supervisor, const struct call *call)
{
    return plan_is_unstopped(supervisor->plan, call->nr) && callset_has(supervisor->calls, call->arch, call->nr);
}

/* A new thread's own return from the call that has made it. */
static bool is_birth_cry(const struct thread *thread, const struct perf_record *record)
{
    switch (record->call.nr) {
    case ROW_CLONE:
    case ROW_CLONE3:
    case ROW_FORK:
    case ROW_VFORK:
    case I386_CLONE:
    case I386_FORK:
    case I386_VFORK:
        return thread->is_newborn && record->call.result == 0;
    default:
        return false;
    }
}

/* Registers that a handler's end has put back say nothing of the call that did it; those of a new image say that it
 * was an execve, whichever exec it was. */
static bool is_exit_of(const struct call *call, int64_t nr)
{
    unsigned row = native_row(call);

    if (nr < 0 || (uint32_t)nr == call->nr)
        return true;
    return (row == ROW_EXECVE || row == ROW_EXECVEAT) && (nr == ROW_EXECVE || nr == I386_EXECVE);
}

void call_entered(struct supervisor *supervisor, struct thread *thread, const struct perf_record *record)
{
    bool is_stopped_at = thread->step == CALL_NOTIFIED || thread->step == CALL_TOLD;

    if (is_stopped_at && is_exit_of(&thread->call, record->call.nr))
        return; /* it has been let go */
    call_returned_unseen(supervisor, thread, record->time);
    thread->is_newborn = false;
    if (!take_unstopped(thread, record))
        return;
    thread->is_chosen = is_chosen(supervisor, &thread->call);
    thread->entered = record->time;
    thread->step = CALL_ENTERED;
    note_lifecycle(thread);
}

void call_exited(struct supervisor *supervisor, struct thread *thread, const struct perf_record *record)
{
    enum call_step step = thread->step;

    if (is_birth_cry(thread, record))
        return;
    thread->is_newborn = false;
    if (step != CALL_NONE && !is_exit_of(&thread->call, record->call.nr)) {
        call_returned_unseen(supervisor, thread, record->time); /* what was lost was its exit */
        step = CALL_NONE;
    }
    thread->step = CALL_NONE;
    if (step == CALL_TOLD)
        return;
    if (step == CALL_NONE) {
        thread->entered = 0;
        thread->is_chosen = take_unstopped(thread, record) && is_chosen(supervisor, &thread->call);
    }
    thread->call.result = record->call.result;
    if (is_told(supervisor, thread))
        tell(supervisor, thread, &no_ops, NULL, true, record->time);
}

void call_broken_off(struct supervisor *supervisor, struct thread *thread, uint64_t time)
{
    if (is_untold(supervisor, thread) && is_told(supervisor, thread)) {
        collect_unfinished(&thread->call, &thread->kept, (uint32_t)thread->tid, time, &supervisor->encoder);
        if (supervisor->timed && thread->entered && time > thread->entered)
            encoder_duration(&supervisor->encoder, time - thread->entered);
        supervisor_emit(supervisor);
    }
    thread->step = CALL_NONE;
}
