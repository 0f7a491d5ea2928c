// SPDX-License-Identifier: Apache-2.0
/* Transitions of threads and processes. */

#include <errno.h>
#include <string.h>

#include "decoder/state/internal.h"

#define CLONE_PARENT_FLAG 0x8000
#define CLONE_THREAD_FLAG 0x10000
#define CLONE_NEWNS_FLAG 0x20000
#define CLONE_NEWUSER_FLAG 0x10000000
#define PR_SET_NAME_OPTION 15
/* Two ways to work out when a process was born differ by a clock tick or so. */
#define START_TIME_ERROR UINT64_C(1000000000)

/* What a new thread takes from the one that made it. */
struct ancestry {
    struct sysfold_thread *parent; /* NULL: not known */
    uint64_t flags;
    bool late; /* the thread was seen at work before it was announced */
};

static void set_name(const struct step *step, struct sysfold_thread *thread)
{
    struct sysfold_value value;

    if (step_bytes(step, SLOT_COMM, &value))
        state_thread_set_name(thread, value.data, value.size);
}

/* Replaces a text by a parameter's bytes where it is there. -ENOMEM. */
static int set_text(const struct step *step, enum slot slot, struct text **text)
{
    struct sysfold_value value;
    struct text *fresh;

    if (!step_bytes(step, slot, &value))
        return 0;
    fresh = slot == SLOT_ARGV ? text_join(value.data, value.size) : text_create(value.data, value.size);
    if (!fresh)
        return -ENOMEM;
    text_replace(text, fresh);
    return 0;
}

static void set_uid(const struct step *step, struct sysfold_process *process)
{
    int64_t uid = step_number(step, SLOT_UID, -1);

    if (uid < 0 || uid > UINT32_MAX)
        return;
    process->uid = (uint32_t)uid;
    process->has_uid = true;
}

static struct sysfold_thread *find_parent(const struct step *step)
{
    uint32_t parent_tid = step_id(step, SLOT_PARENT_TID), ppid = step_id(step, SLOT_PPID);
    struct sysfold_thread *parent = parent_tid ? state_thread_find(step->state, step->source, parent_tid) : NULL;
    struct sysfold_process *process;

    if (parent || !ppid)
        return parent;
    process = state_process_find(step->state, step->source, ppid);
    return process ? process->threads : NULL;
}

static int inherit_files(struct sysfold_thread *thread, const struct sysfold_thread *parent, bool share)
{
    struct fd_table *files = share ? fds_hold(parent->files) : fds_fork(parent->files);

    if (!files)
        return -ENOMEM;
    state_thread_set_files(thread, files);
    return 0;
}

static int inherit_fs(struct sysfold_thread *thread, const struct sysfold_thread *parent, bool share)
{
    struct fs *fs = share ? state_fs_hold(parent->fs) : state_fs_fork(parent->fs);

    if (!fs)
        return -ENOMEM;
    state_thread_set_fs(thread, fs);
    return 0;
}

static int inherit(struct sysfold_thread *thread, const struct ancestry *ancestry)
{
    const struct sysfold_thread *parent = ancestry->parent;
    int r;

    if (!parent || parent == thread)
        return 0;
    state_thread_set_name(thread, (const uint8_t *)parent->name, sizeof(parent->name));
    r = inherit_fs(thread, parent, ancestry->flags & CLONE_FS_FLAG);
    if (!r && !(ancestry->late && thread->files->root)) /* or else it keeps what it has opened */
        r = inherit_files(thread, parent, ancestry->flags & CLONE_FILES_FLAG);
    return r;
}

static void inherit_image(struct sysfold_process *process, const struct sysfold_process *parent)
{
    text_replace(&process->exe, text_hold(parent->exe));
    text_replace(&process->cmdline, text_hold(parent->cmdline));
    state_process_inherit_container(process, parent);
    process->uid = parent->uid;
    process->has_uid = parent->has_uid;
    process->losses = parent->losses;
}

static void set_birth(const struct step *step, struct sysfold_process *process, const struct ancestry *ancestry)
{
    const struct sysfold_thread *parent = ancestry->parent;
    uint32_t ppid = 0;

    if (parent)
        ppid = ancestry->flags & CLONE_PARENT_FLAG ? parent->process->ppid : parent->process->pid;
    process->ppid = (uint32_t)step_number(step, SLOT_PPID, ppid);
    process->start_time = (uint64_t)step_number(step, SLOT_START_TIME, (int64_t)step->record->time);
    process->guessed = false;
    if (parent && parent->process != process)
        inherit_image(process, parent->process);
}

/* Whoever had these ids is gone, unless it was only a guess at the one that now comes. */
static void make_way(const struct step *step, uint32_t tid, uint32_t pid)
{
    struct sysfold_thread *thread = state_thread_find(step->state, step->source, tid);
    struct sysfold_process *process;

    if (thread && (thread->process->pid != pid || !thread->guessed))
        state_thread_retire(step->state, thread, step->record->time);
    process = state_process_find(step->state, step->source, pid);
    if (process && pid == tid && !process->guessed)
        state_process_retire(step->state, process, step->record->time);
}

/* The process of a new thread, where the record leaves it out. */
static uint32_t guess_pid(const struct step *step)
{
    const struct sysfold_thread *parent = find_parent(step);

    if (parent && step_number(step, SLOT_FLAGS, 0) & CLONE_THREAD_FLAG)
        return parent->process->pid;
    return step->record->tid;
}

int effect_starts_thread(struct step *step)
{
    uint32_t tid = step->record->tid, pid = step_id(step, SLOT_PID);
    struct ancestry ancestry = {.flags = (uint64_t)step_number(step, SLOT_FLAGS, 0)};
    int r;

    if (!tid)
        return 0;
    if (!pid)
        pid = guess_pid(step);
    make_way(step, tid, pid);
    ancestry.parent = find_parent(step);
    ancestry.late = state_thread_find(step->state, step->source, tid);
    if (pid != tid && !ancestry.flags)
        ancestry.flags = CLONE_FILES_FLAG | CLONE_FS_FLAG;
    r = state_thread_get(step->state, step->source, tid, pid, &step->thread);
    if (r < 0)
        return r;
    step->thread->guessed = false;
    step->thread->losses = step->source->losses;
    if (pid == tid)
        set_birth(step, step->thread->process, &ancestry);
    else if (ancestry.parent && ancestry.parent->process != step->thread->process)
        ancestry.parent = NULL; /* not what CLONE_THREAD does */
    return inherit(step->thread, &ancestry);
}

/* A thread that was taken for another process's cannot be the one that is spoken of, or take part in its id. */
static void dismiss(const struct step *step, uint32_t tid, uint32_t pid)
{
    struct sysfold_thread *thread = state_thread_find(step->state, step->source, tid);

    if (thread && thread->process->pid != pid && (thread->guessed || tid == pid))
        state_thread_retire(step->state, thread, step->record->time);
}

/* The thread that goes on, under its process's id. */
static int find_survivor(struct step *step, uint32_t pid)
{
    uint32_t old_tid = step_id(step, SLOT_OLD_TID);
    struct sysfold_thread *thread;

    if (!old_tid)
        old_tid = pid;
    dismiss(step, old_tid, pid);
    dismiss(step, pid, pid);
    thread = state_thread_find(step->state, step->source, old_tid);
    if (!thread || thread->process->pid != pid)
        return state_thread_get(step->state, step->source, pid, pid, &step->thread);
    step->thread = thread;
    return 0;
}

static void remove_others(struct state *state, struct sysfold_thread *survivor)
{
    struct sysfold_thread *next;

    for (struct sysfold_thread *thread = survivor->process->threads; thread; thread = next) {
        next = thread->next;
        if (thread != survivor)
            state_thread_remove(state, thread);
    }
}

static int keep_files(struct sysfold_thread *thread)
{
    bool is_process_s = thread->process->files == thread->files;
    int r;

    if (thread->files->holders > (is_process_s ? 2u : 1u)) {
        r = state_thread_unshare_files(thread);
        if (r < 0)
            return r;
    }
    return fds_change(thread->files, 0, UINT32_MAX, FD_CLOSE_CLOEXEC);
}

static void name_image(const struct step *step, struct sysfold_thread *thread)
{
    const char *exe = text_bytes(thread->process->exe), *slash = exe ? strrchr(exe, '/') : NULL;

    if (slash)
        state_thread_set_name(thread, (const uint8_t *)slash + 1, strlen(slash + 1));
    set_name(step, thread);
}

/* argv comes in the call's own event: before this one, or after it. */
static void expect_arguments(struct sysfold_process *process)
{
    process->awaits_arguments = !process->has_arguments;
    if (!process->has_arguments)
        text_replace(&process->cmdline, NULL);
    process->has_arguments = false;
}

int effect_execs(struct step *step)
{
    uint32_t pid = step->record->tid;
    struct sysfold_process *process;
    int r;

    if (!pid)
        return 0;
    r = find_survivor(step, pid);
    if (r < 0)
        return r;
    process = step->thread->process;
    remove_others(step->state, step->thread);
    if (step->thread->tid != pid) {
        state_thread_rename(step->state, step->thread, pid);
        /* It leads now: what it has is what the process has. */
        state_thread_set_files(step->thread, fds_hold(step->thread->files));
        state_thread_set_fs(step->thread, state_fs_hold(step->thread->fs));
    }
    r = keep_files(step->thread);
    if (r < 0)
        return r;
    text_replace(&process->exe, NULL);
    expect_arguments(process);
    set_uid(step, process);
    r = set_text(step, SLOT_EXE, &process->exe);
    name_image(step, step->thread);
    if (!r)
        r = state_process_enter_cgroup(step, process); /* what enters a container does so before it execs */
    return r;
}

int effect_takes_arguments(struct step *step)
{
    struct sysfold_process *process = step->thread->process;
    int r = set_text(step, SLOT_ARGV, &process->cmdline);

    process->has_arguments = !process->awaits_arguments;
    process->awaits_arguments = false;
    return r;
}

int effect_ends_thread(struct step *step)
{
    struct ending *ending = &step->state->ending;
    uint32_t tid = step->record->tid, pid = step_id(step, SLOT_PID);
    int r;

    if (!tid)
        return 0;
    r = state_thread_get(step->state, step->source, tid, pid, &step->thread);
    if (r < 0)
        return r;
    if (step->thread->process->guessed && pid && pid != step->thread->process->pid && step->thread->tid != pid)
        ending->process = step->thread->process; /* it never was a process */
    else if (step->thread->tid != step->thread->process->pid)
        ending->thread = step->thread; /* a leader stays, a zombie, as long as its process */
    step->state->has_ending = true;
    return 0;
}

int effect_ends_process(struct step *step)
{
    uint32_t tid = step->record->tid, pid = step_id(step, SLOT_PID);
    struct sysfold_process *process;
    int64_t status = step_number(step, SLOT_STATUS, INT64_MIN);
    int r;

    if (!tid)
        return 0;
    r = state_thread_get(step->state, step->source, tid, pid, &step->thread);
    if (r < 0)
        return r;
    process = step->thread->process;
    process->exit_time = step->record->time ? step->record->time : 1;
    process->has_status = status != INT64_MIN;
    process->status = process->has_status ? (int32_t)status : 0;
    step->state->ending.process = process;
    step->state->has_ending = true;
    return 0;
}

/* Is it another process than the one we knew under that id? Only a loss can hide that. */
static bool is_recycled(const struct step *step, const struct sysfold_process *process)
{
    uint64_t start_time = (uint64_t)step_number(step, SLOT_START_TIME, 0);
    uint64_t known = process->start_time;

    if (process->losses == step->source->losses || !start_time || !known)
        return false;
    return start_time > known ? start_time - known > START_TIME_ERROR : known - start_time > START_TIME_ERROR;
}

static int snapshot_fs(const struct step *step, struct fs *fs)
{
    int r;

    if (fs->losses != step->source->losses) {
        text_replace(&fs->cwd, NULL);
        text_replace(&fs->root, NULL);
    }
    r = set_text(step, SLOT_CWD, &fs->cwd);
    if (!r)
        r = set_text(step, SLOT_ROOT, &fs->root);
    if (fs->root && !strcmp(fs->root->bytes, "/"))
        text_replace(&fs->root, NULL);
    fs->losses = step->source->losses;
    return r;
}

static int snapshot_process(const struct step *step, struct sysfold_process *process)
{
    int r;

    process->guessed = false;
    process->ppid = (uint32_t)step_number(step, SLOT_PPID, process->ppid);
    set_uid(step, process);
    /* The table begins afresh: what the resync does not mention again is not there any more. */
    r = process->losses == step->source->losses ? 0 : fds_change(process->files, 0, UINT32_MAX, FD_CLOSE);
    process->losses = step->source->losses;
    if (!r)
        r = set_text(step, SLOT_EXE, &process->exe);
    if (!r)
        r = set_text(step, SLOT_ARGV, &process->cmdline);
    if (!r && (step->record->tid == process->pid || !process->container))
        r = state_process_enter_cgroup(step, process);
    return r;
}

/* The record without a thread, behind those of all there are. What was lost meanwhile may have been a birth. */
static void end_snapshot(const struct step *step)
{
    if (step->source->snapshot_losses == step->source->losses)
        state_retire_unmentioned(step->state, step->source, step->record->time);
}

int effect_snapshots_thread(struct step *step)
{
    uint32_t tid = step->record->tid, pid = step_id(step, SLOT_PID);
    struct sysfold_thread *thread;
    int r;

    if (!tid) {
        end_snapshot(step);
        return 0;
    }
    pid = pid ? pid : tid;
    step->source->snapshot_losses = step->source->losses;
    thread = state_thread_find(step->state, step->source, tid);
    if (thread && (thread->process->pid != pid || (tid == pid && is_recycled(step, thread->process))))
        state_thread_retire(step->state, thread, step->record->time);
    r = state_thread_get(step->state, step->source, tid, pid, &step->thread);
    if (r < 0)
        return r;
    thread = step->thread;
    thread->guessed = false;
    thread->losses = step->source->losses;
    set_name(step, thread);
    if (tid == pid)
        thread->process->start_time =
            (uint64_t)step_number(step, SLOT_START_TIME, (int64_t)thread->process->start_time);
    r = snapshot_process(step, thread->process);
    if (!r)
        r = snapshot_fs(step, thread->fs);
    return r;
}

int effect_loses(struct step *step)
{
    uint64_t until = (uint64_t)step_number(step, SLOT_TO, 0);

    step->source->losses++;
    if (until > step->source->lost_until)
        step->source->lost_until = until;
    if (step->record->tid)
        step->thread = state_thread_find(step->state, step->source, step->record->tid);
    return 0;
}

int effect_names_thread(struct step *step)
{
    struct sysfold_value value;

    if (step_number(step, SLOT_OPTION, 0) == PR_SET_NAME_OPTION && step_bytes(step, SLOT_NAME, &value))
        state_thread_set_name(step->thread, value.data, value.size);
    return 0;
}

int effect_unshares(struct step *step)
{
    uint64_t flags = (uint64_t)step_number(step, SLOT_FLAGS, 0);
    int r = 0;

    if (flags & CLONE_FILES_FLAG)
        r = state_thread_unshare_files(step->thread);
    if (!r && flags & (CLONE_FS_FLAG | CLONE_NEWNS_FLAG | CLONE_NEWUSER_FLAG))
        r = state_thread_unshare_fs(step->thread);
    return r;
}
