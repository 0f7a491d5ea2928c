// SPDX-License-Identifier: Apache-2.0
/* The snapshot: threads, then descriptors, by the kernel's iterators where they are allowed, else by /proc. */

#include "backends/ebpf/snapshot.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "backends/ebpf/body.h"
#include "backends/ebpf/iterators.h"
#include "backends/ebpf/told.h"
#include "backends/proc.h"
#include "common/cleanup.h"

#define NS UINT64_C(1000000000)
/* Two looks at the descriptors where nothing happens. More would only help against children whose parents were
 * themselves born while they were looked for. */
#define LOOKS_MIN 2
#define LOOKS_MAX 4
/* Who is on its way in or out has mostly arrived within that. */
#define ARRIVAL NS
/* /proc counts births in ticks. */
#define BIRTH_ERROR 20000000
#define PF_EXITING_FLAG 0x4
#define PF_IO_WORKER_FLAG 0x10
#define PF_USER_WORKER_FLAG 0x4000 /* since Linux 6.3 */

static uint64_t now_of(const struct snapshot *snapshot)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS + (uint64_t)now.tv_nsec + snapshot->clock_offset;
}

static uint64_t boot_time(void)
{
    struct timespec now;

    clock_gettime(CLOCK_BOOTTIME, &now);
    return (uint64_t)now.tv_sec * NS + (uint64_t)now.tv_nsec;
}

int snapshot_create(uint64_t birth_offset, struct snapshot **ret_snapshot)
{
    struct snapshot *snapshot = calloc(1, sizeof(*snapshot));

    if (!snapshot)
        return -ENOMEM;
    snapshot->birth_offset = birth_offset;
    snapshot->told = told_create();
    if (!snapshot->told || admission_init(&snapshot->admission) < 0) {
        snapshot_destroy(snapshot);
        return -ENOMEM;
    }
    *ret_snapshot = snapshot;
    return 0;
}

void snapshot_use_iterators(struct snapshot *snapshot)
{
    if (!snapshot->has_iterators)
        (void)iterators_create(&snapshot->iterators);
    snapshot->has_iterators = true;
}

void snapshot_use_proc(struct snapshot *snapshot)
{
    iterators_destroy(snapshot->iterators);
    snapshot->iterators = NULL;
    snapshot->has_iterators = true;
}

void snapshot_destroy(struct snapshot *snapshot)
{
    if (!snapshot)
        return;
    snapshot_use_proc(snapshot);
    admission_finish(&snapshot->admission);
    told_destroy(snapshot->told);
    free(snapshot->threads.bytes);
    free(snapshot->fds.bytes);
    free(snapshot);
}

static bool make_room(struct records *records, size_t size)
{
    size_t room = 2 * records->room + size + 65536;
    uint8_t *grown;

    if (records->size + size <= records->room)
        return true;
    grown = realloc(records->bytes, room);
    if (!grown)
        return false;
    records->bytes = grown;
    records->room = room;
    return true;
}

/* What fails for all would otherwise look as if nobody were there. Who is gone, or not ours to see, is not told of. */
static void note_error(struct snapshot *snapshot, int r)
{
    if (r < 0 && r != -ESRCH && r != -ENOENT && r != -EACCES && r != -EPERM && !snapshot->error)
        snapshot->error = r;
}

static void append(struct snapshot *snapshot, struct records *to, const uint8_t *record, size_t size, uint64_t time)
{
    if (!make_room(to, size)) {
        note_error(snapshot, -ENOMEM);
        return;
    }
    memcpy(to->bytes + to->size, record, size);
    memcpy(to->bytes + to->size + offsetof(struct record_header, time), &time, sizeof(time));
    to->size += size;
}

static bool is_in(const struct snapshot_scope *scope, pid_t pid)
{
    if (pid == getpid() || (scope->only && pid != scope->only))
        return false;
    return !scope->is_chosen || scope->is_chosen(scope->data, pid);
}

/* Threads. */

/* One of the strings of a record that was just made of /proc. Empty: it has none. */
static const uint8_t *string_of(const uint8_t *record, unsigned index, size_t *ret_size)
{
    const struct sysfold_row *row = row_builtin(ROW_SNAP_THREAD);
    const uint8_t *at = record_body(record) + row->fixed_size;

    for (unsigned before = row->params[index].place; before; before--)
        at += sizeof(uint16_t) + load_u16(at, false);
    *ret_size = load_u16(at, false);
    return at + sizeof(uint16_t);
}

/* The record that /proc would make, for what the kernel does not hand to programs; none where the thread has ended. */
struct rest {
    const uint8_t *record;
};

static void keep_rest(void *data, const uint8_t *record, size_t size)
{
    struct rest *rest = data;

    (void)size;
    rest->record = record; /* the encoder's: until it begins another */
}

static void put_rest(struct encoder *encoder, const struct rest *rest, unsigned index, size_t limit)
{
    size_t size = 0, room;
    const uint8_t *bytes = rest->record ? string_of(rest->record, index, &size) : NULL;
    uint8_t *to = encoder_variable_begin(encoder, index, limit, &room);

    if (!size || size > room) {
        encoder_status(encoder, index, SYSFOLD_ABSENT);
        return;
    }
    memcpy(to, bytes, size);
    encoder_variable_end(encoder, index, size,
                         load_u16(rest->record, false) & SYSFOLD_EVENT_TRUNCATED && size == limit);
}

static void put_identity(struct encoder *encoder, const struct snap_thread *entry, uint64_t birth_offset)
{
    encoder_integer(encoder, P_SNAP_THREAD_pid, entry->pid);
    encoder_integer(encoder, P_SNAP_THREAD_ppid, entry->ppid);
    encoder_integer(encoder, P_SNAP_THREAD_pgid, entry->pgid);
    encoder_integer(encoder, P_SNAP_THREAD_sid, entry->sid);
    encoder_integer(encoder, P_SNAP_THREAD_uid, entry->uid);
    encoder_integer(encoder, P_SNAP_THREAD_euid, entry->euid);
    encoder_integer(encoder, P_SNAP_THREAD_gid, entry->gid);
    encoder_integer(encoder, P_SNAP_THREAD_egid, entry->egid);
    encoder_integer(encoder, P_SNAP_THREAD_start_time, (int64_t)(entry->start + birth_offset));
}

static void put_namespace(struct encoder *encoder, unsigned index, uint64_t number)
{
    if (number)
        encoder_integer(encoder, index, (int64_t)number);
}

static const uint8_t *put_path(struct encoder *encoder, unsigned index, const uint8_t *path, uint16_t size)
{
    if (size)
        encoder_bytes(encoder, index, path, size, PATH_BYTES_MAX);
    else
        encoder_status(encoder, index, SYSFOLD_ABSENT);
    return path + size;
}

static void tell_entry(struct snapshot *snapshot, const struct snap_thread *entry)
{
    const uint8_t *strings = (const uint8_t *)(entry + 1), *record;
    struct encoder *encoder = &snapshot->encoder;
    struct rest rest = {0};
    size_t size;

    (void)proc_snapshot_thread((pid_t)entry->pid, (pid_t)entry->tid, &snapshot->other, keep_rest, &rest);
    encoder_begin(encoder, row_builtin(ROW_SNAP_THREAD), entry->tid, snapshot->begun);
    put_identity(encoder, entry, snapshot->birth_offset);
    put_namespace(encoder, P_SNAP_THREAD_pid_ns, entry->pid_ns);
    put_namespace(encoder, P_SNAP_THREAD_mnt_ns, entry->mnt_ns);
    put_namespace(encoder, P_SNAP_THREAD_net_ns, entry->net_ns);
    put_namespace(encoder, P_SNAP_THREAD_user_ns, entry->user_ns);
    encoder_bytes(encoder, P_SNAP_THREAD_comm, entry->comm, strnlen(entry->comm, sizeof(entry->comm)),
                  sizeof(entry->comm));
    strings = put_path(encoder, P_SNAP_THREAD_exe, strings, entry->exe_size);
    put_rest(encoder, &rest, P_SNAP_THREAD_argv, STRING_VECTOR_DEFAULT);
    strings = put_path(encoder, P_SNAP_THREAD_cwd, strings, entry->cwd_size);
    (void)put_path(encoder, P_SNAP_THREAD_root, strings, entry->root_size);
    put_rest(encoder, &rest, P_SNAP_THREAD_cgroup, PATH_BYTES_MAX);
    record = encoder_finish(encoder, &size);
    append(snapshot, &snapshot->threads, record, size, snapshot->begun);
}

/* Whoever was born since it began is told of by that event, which comes later than the birth. Of others it is not known
 * whether it does: then it is not told. No other clock is asked than that by which they are born. */
static bool is_newborn(const struct snapshot *snapshot, uint64_t birth)
{
    return birth >= snapshot->born_since;
}

static void admit_entry(struct snapshot *snapshot, const struct snap_thread *entry)
{
    if (entry->phase != SNAP_LIVES)
        admission_await(&snapshot->admission, entry->tid);
    if (entry->phase != SNAP_DEPARTS)
        admission_add(&snapshot->admission, entry->pid, entry->tid);
}

static void admit_entries(struct snapshot *snapshot, const struct snapshot_scope *scope, const struct entries *entries)
{
    const struct snap_thread *entry;
    size_t at = 0;

    while ((entry = entries_next_thread(entries, &at))) {
        if (!is_newborn(snapshot, entry->start) && is_in(scope, (pid_t)entry->pid))
            admit_entry(snapshot, entry);
    }
}

/* Whoever is admitted, although it may have ended by now: its end will be told. */
static void tell_entries(struct snapshot *snapshot, const struct entries *entries)
{
    const struct snap_thread *entry;
    size_t at = 0;

    while ((entry = entries_next_thread(entries, &at))) {
        if (entry->phase != SNAP_DEPARTS && admission_has_thread(&snapshot->admission, entry->tid))
            tell_entry(snapshot, entry);
    }
}

/* What /proc says of a thread's life. */
struct life {
    uint64_t birth; /* by CLOCK_BOOTTIME, or a tick before */
    bool departs;   /* and is shown for some time after its end was told */
    bool has_ended;
    bool is_servant; /* the kernel's, to serve the process: not told of (kernel.bpf.h) */
};

static bool parse_life(const char *text, struct life *ret_life)
{
    const char *rest = strrchr(text, ')');
    uint64_t ticks, hz = (uint64_t)sysconf(_SC_CLK_TCK);
    unsigned flags;
    char state;

    if (!rest || sscanf(rest + 1, " %c %*d %*d %*d %*d %*d %u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %" SCNu64,
                        &state, &flags, &ticks) != 3)
        return false;
    *ret_life = (struct life){
        .birth = ticks / hz * NS + ticks % hz * (NS / hz),
        .departs = flags & PF_EXITING_FLAG,
        .has_ended = state == 'Z' || state == 'X',
        .is_servant = flags & PF_IO_WORKER_FLAG || (flags & PF_USER_WORKER_FLAG && strstr(text, "(vhost-")),
    };
    return true;
}

/* false: it is gone. */
static bool read_life(pid_t pid, pid_t tid, struct life *ret_life)
{
    cleanup_fclose FILE *file = NULL;
    char path[64], text[512] = "";

    (void)snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", pid, tid);
    file = fopen(path, "re");
    return file && fgets(text, sizeof(text), file) && parse_life(text, ret_life);
}

static bool is_departing(pid_t pid, pid_t tid)
{
    struct life life;

    return !read_life(pid, tid, &life) || life.departs;
}

static void tell_thread_by_proc(void *data, const uint8_t *record, size_t size)
{
    struct snapshot *snapshot = data;

    append(snapshot, &snapshot->threads, record, size, snapshot->begun);
}

static void tell_thread_of(struct snapshot *snapshot, pid_t pid, pid_t tid)
{
    struct life life;
    int r;

    if (!read_life(pid, tid, &life) || life.is_servant || life.has_ended || is_newborn(snapshot, life.birth))
        return;
    if (life.departs) {
        admission_await(&snapshot->admission, (uint32_t)tid);
        return;
    }
    r = proc_snapshot_thread(pid, tid, &snapshot->encoder, tell_thread_by_proc, snapshot);
    note_error(snapshot, r);
    if (r == 0)
        admission_add(&snapshot->admission, (uint32_t)pid, (uint32_t)tid);
}

static void tell_threads_of(struct snapshot *snapshot, pid_t pid)
{
    cleanup_free pid_t *tids = NULL;
    size_t count = 0;

    note_error(snapshot, proc_threads(pid, &tids, &count));
    for (size_t i = 0; i < count; i++)
        tell_thread_of(snapshot, pid, tids[i]);
}

/* Descriptors. */

static void tell_fd(struct snapshot *snapshot, const uint8_t *record, size_t size, uint64_t time)
{
    if (!told_before(snapshot->told, record, size))
        append(snapshot, &snapshot->fds, record, size, time);
}

/* Addresses of families that the programs do not know. */
static void put_pair(struct encoder *encoder, const struct snap_fd *entry, const uint8_t *pair)
{
    uint8_t other[257];
    int size = entry->pair_size;

    if (!size && S_ISSOCK(entry->mode)) {
        size = proc_fd_sockets((pid_t)entry->pid, (int)entry->fd, other);
        pair = other;
    }
    if (size > 0)
        encoder_bytes(encoder, P_SNAP_FD_sockets, pair, (size_t)size, sizeof(other));
}

static void tell_fd_entry(struct snapshot *snapshot, const struct snap_fd *entry)
{
    const uint8_t *path = (const uint8_t *)(entry + 1), *record;
    struct encoder *encoder = &snapshot->encoder;
    size_t size;

    encoder_begin(encoder, row_builtin(ROW_SNAP_FD), entry->pid, entry->time);
    encoder_integer(encoder, P_SNAP_FD_pid, entry->pid);
    encoder_integer(encoder, P_SNAP_FD_fd, entry->fd);
    encoder_integer(encoder, P_SNAP_FD_flags, entry->flags);
    encoder_integer(encoder, P_SNAP_FD_mode, entry->mode);
    encoder_integer(encoder, P_SNAP_FD_dev, entry->dev);
    encoder_integer(encoder, P_SNAP_FD_ino, (int64_t)entry->ino);
    put_pair(encoder, entry, put_path(encoder, P_SNAP_FD_file, path, entry->path_size));
    record = encoder_finish(encoder, &size);
    tell_fd(snapshot, record, size, entry->time);
}

/* By the snapshot, or by its birth. */
static bool is_announced(const struct snapshot *snapshot, const struct snap_fd *entry)
{
    return !entry->is_new || admission_has_process(&snapshot->admission, entry->pid);
}

static int look_at_fds(struct snapshot *snapshot, const struct snapshot_scope *scope)
{
    struct entries entries;
    const struct snap_fd *entry;
    size_t at = 0;
    int r = iterators_read_fds(snapshot->iterators, scope->only, snapshot->clock_offset, &entries);

    if (r < 0)
        return r;
    while ((entry = entries_next_fd(&entries, &at))) {
        if (is_announced(snapshot, entry) && is_in(scope, (pid_t)entry->pid))
            tell_fd_entry(snapshot, entry);
    }
    free(entries.bytes);
    return 0;
}

/* What a record tells was looked up after the one before it was complete. */
static void tell_fd_by_proc(void *data, const uint8_t *record, size_t size)
{
    struct snapshot *snapshot = data;

    tell_fd(snapshot, record, size, snapshot->stamp);
    snapshot->stamp = now_of(snapshot);
}

/* The kernel tells of a thread's end before it closes what that had open: of an ended one nothing may be told. */
static void tell_fds_of(struct snapshot *snapshot, pid_t pid)
{
    size_t before = snapshot->fds.size;

    snapshot->stamp = now_of(snapshot);
    note_error(snapshot, proc_snapshot_fds(pid, &snapshot->encoder, tell_fd_by_proc, snapshot));
    if (is_departing(pid, pid))
        snapshot->fds.size = before;
}

static int each_process(struct snapshot *snapshot, const struct snapshot_scope *scope,
                        void (*visit)(struct snapshot *snapshot, pid_t pid))
{
    DIR *dir;

    if (scope->only) {
        visit(snapshot, scope->only);
        return 0;
    }
    dir = opendir("/proc");
    if (!dir)
        return -errno;
    for (const struct dirent *entry; (entry = readdir(dir));) {
        pid_t pid = atoi(entry->d_name);

        if (pid > 0 && is_in(scope, pid))
            visit(snapshot, pid);
    }
    closedir(dir);
    return 0;
}

/* The whole. */

static int look_up(const struct snapshot_scope *scope)
{
    return scope->look_up ? scope->look_up(scope->data) : 0;
}

static int look(struct snapshot *snapshot, const struct snapshot_scope *scope)
{
    int r = look_up(scope);

    if (r < 0)
        return r;
    return snapshot->iterators ? look_at_fds(snapshot, scope) : each_process(snapshot, scope, tell_fds_of);
}

static int tell_all_fds(struct snapshot *snapshot, const struct snapshot_scope *scope)
{
    size_t before;
    int r = 0;

    told_forget(snapshot->told);
    for (int i = 0; i < LOOKS_MAX && r == 0; i++) {
        before = snapshot->fds.size;
        r = look(snapshot, scope);
        if (i + 1 >= LOOKS_MIN && snapshot->fds.size == before)
            break;
    }
    return r;
}

/* What the stream has told of and this does not mention is gone. */
static void tell_completeness(struct snapshot *snapshot)
{
    const uint8_t *record;
    size_t size;

    encoder_begin(&snapshot->encoder, row_builtin(ROW_SNAP_THREAD), 0, snapshot->ended);
    record = encoder_finish(&snapshot->encoder, &size);
    append(snapshot, &snapshot->fds, record, size, snapshot->ended);
}

/* Some kernels keep processes from programs that they show in /proc: those that were there long before are meant, not
 * those that come and go. */
static void tell_if_kept_back(struct snapshot *snapshot, pid_t pid)
{
    struct life life;

    if (admission_has_process(&snapshot->admission, (uint32_t)pid) || !read_life(pid, pid, &life) ||
        life.birth + BIRTH_ERROR > snapshot->born_since)
        return;
    tell_threads_of(snapshot, pid);
    if (admission_has_process(&snapshot->admission, (uint32_t)pid))
        tell_fds_of(snapshot, pid);
}

/* What takes long, asking /proc for the rest, comes when the descriptors have been looked at. */
static int take_by_iterators(struct snapshot *snapshot, const struct snapshot_scope *scope)
{
    struct entries entries;
    int r = iterators_read_threads(snapshot->iterators, scope->only, &entries);

    if (r < 0)
        return r;
    r = look_up(scope);
    if (r == 0)
        admit_entries(snapshot, scope, &entries);
    if (r == 0)
        r = tell_all_fds(snapshot, scope);
    if (r == 0)
        r = each_process(snapshot, scope, tell_if_kept_back);
    snapshot->ended = now_of(snapshot) + (snapshot->admission.awaited_count ? ARRIVAL : 0);
    if (r == 0)
        tell_entries(snapshot, &entries);
    free(entries.bytes);
    return r;
}

static int take_by_proc(struct snapshot *snapshot, const struct snapshot_scope *scope)
{
    int r = look_up(scope);

    if (r == 0)
        r = each_process(snapshot, scope, tell_threads_of);
    if (r == 0)
        r = tell_all_fds(snapshot, scope);
    snapshot->ended = now_of(snapshot) + ARRIVAL; /* it is not known who is on its way in */
    return r;
}

static void forget(struct snapshot *snapshot)
{
    snapshot->threads.size = 0;
    snapshot->threads.at = 0;
    snapshot->fds.size = 0;
    snapshot->fds.at = 0;
    snapshot->error = 0;
}

static void begin(struct snapshot *snapshot, bool again)
{
    forget(snapshot);
    snapshot->begun = now_of(snapshot);
    snapshot->born_since = boot_time();
    admission_begin(&snapshot->admission, snapshot->begun, again);
}

static int try_to_take(struct snapshot *snapshot, const struct snapshot_scope *scope, bool again)
{
    int r;

    begin(snapshot, again);
    r = snapshot->iterators ? take_by_iterators(snapshot, scope) : take_by_proc(snapshot, scope);
    if (r < 0)
        return r;
    admission_end(&snapshot->admission, snapshot->ended);
    snapshot->review_at = snapshot->ended;
    if (again && !scope->only)
        tell_completeness(snapshot);
    return snapshot->error;
}

int snapshot_take(struct snapshot *snapshot, const struct snapshot_scope *scope, uint64_t clock_offset, bool again)
{
    int r;

    snapshot->clock_offset = clock_offset;
    if (!scope->only || again)
        snapshot_use_iterators(snapshot);
    r = try_to_take(snapshot, scope, again);
    if (r < 0 && r != -ENOMEM && snapshot->iterators) {
        snapshot_use_proc(snapshot);
        r = try_to_take(snapshot, scope, again);
    }
    if (r < 0) {
        forget(snapshot);
        admission_begin(&snapshot->admission, 0, false);
        admission_end(&snapshot->admission, 0);
    }
    return r;
}

static bool is_there(uint32_t tid)
{
    struct life life;

    return read_life((pid_t)tid, (pid_t)tid, &life) && !life.has_ended;
}

void snapshot_review(struct snapshot *snapshot, uint64_t now)
{
    admission_review(&snapshot->admission, now, is_there);
    snapshot->review_at = now + ARRIVAL;
}

static const uint8_t *next_of(const struct records *records)
{
    return records->at < records->size ? records->bytes + records->at : NULL;
}

const uint8_t *snapshot_first(const struct snapshot *snapshot, uint64_t *ret_time)
{
    const uint8_t *record = next_of(&snapshot->threads);

    if (!record)
        record = next_of(&snapshot->fds);
    *ret_time = load_u64(record + offsetof(struct record_header, time), false);
    return record;
}

void snapshot_next(struct snapshot *snapshot)
{
    struct records *records = next_of(&snapshot->threads) ? &snapshot->threads : &snapshot->fds;

    records->at += load_u16(next_of(records) + offsetof(struct record_header, length), false);
}

bool snapshot_is_due(const struct snapshot *snapshot, uint64_t lost_until, uint64_t now)
{
    return lost_until && snapshot_is_handed_on(snapshot) && now - snapshot->begun >= NS;
}
