// SPDX-License-Identifier: Apache-2.0
#include "perform.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "backends/memory.h"
#include "backends/notify/connecting.h"
#include "backends/notify/likeness.h"
#include "backends/notify/listener.h"
#include "backends/notify/opening.h"
#include "backends/notify/worker.h"
#include "backends/proc.h"
#include "common/cleanup.h"
#include "common/error.h"

#define LIKENESS_US 1
/* The kernel takes the new descriptor before it looks at the path, we after: other threads are not to fill this many
 * places meanwhile. */
#define ROOM_MARGIN 64
#define LANDLOCK_ALONE 0x7 /* its flags that concern the calling thread only */
/* Calls of other ABIs: the first is the same everywhere. */
#define FOREIGN_LANDLOCK_RESTRICT_SELF 446
#define I386_FANOTIFY_INIT 338
#define X32_FANOTIFY_INIT (0x40000000 | 300)

#define WORKERS_MAX 4   /* at a time */
#define WORKERS_EVER 64 /* a container that goes on changing who it is does without */

/* Container: */
struct seat {
    uint32_t number; /* what likenesses know it by; 0: free */
    struct worker worker;
};

struct performer {
    int listener;
    bool
        is_container; /* opens are made by workers, and only what may be done twice: we do not know its filter's flags */
    int proc;         /* whatever is mounted over it later */
    bool stopped;
    bool roots_move; /* some thread may change others' root */
    struct identity identity;
    int label_size; /* 0: labels are not used */
    char label[LABEL_MAX];
    struct opener opener;
    struct seat seats[WORKERS_MAX];
    uint32_t workers_ever;
};

/* One call, while it is performed. */
struct performing {
    struct performer *performer;
    const struct seccomp_notif *notif;
    const struct call *call;
    const struct kept *kept;
    pid_t tid;
    struct worker *worker; /* who performs it; NULL: we */
    bool looked;           /* at what is its own only if it still waits */
};

/* Does the kernel know WAIT_KILLABLE_RECV, which has been there since 5.19? It looks at the flags before the filter,
 * which is none. */
static bool kernel_is_able(void)
{
    unsigned flags = SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;

    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, NULL) < 0 && errno == EFAULT;
}

static int open_proc(void)
{
    cleanup_close int fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct statfs status;

    if (fd < 0 || fstatfs(fd, &status) < 0)
        return -errno;
    return status.f_type == PROC_SUPER_MAGIC ? steal_fd(&fd) : -ENOSYS;
}

static int know_ourselves(struct performer *performer)
{
    int r;

    performer->proc = open_proc();
    if (performer->proc < 0)
        return performer->proc;
    r = identity_read(performer->proc, getpid(), &performer->identity);
    if (r < 0)
        return r;
    performer->label_size = label_read(performer->proc, getpid(), performer->label);
    return performer->label_size < 0 ? performer->label_size : opener_init(&performer->opener, true);
}

int performer_create(int listener, bool is_container, struct performer **ret_performer, struct sysfold_error *error)
{
    struct performer *performer;
    int r;

    if (!kernel_is_able())
        return error_set(error, -ENOSYS, "calls cannot be performed for others before Linux 5.19");
    performer = calloc(1, sizeof(*performer));
    if (!performer)
        return error_system(error, -ENOMEM, "cannot perform calls");
    performer->listener = listener;
    performer->proc = performer->opener.task = -1;
    performer->is_container = is_container;
    r = know_ourselves(performer);
    if (r < 0) {
        performer_destroy(performer);
        return error_system(error, r, "cannot perform calls: /proc does not tell who we are");
    }
    *ret_performer = performer;
    return 0;
}

void performer_destroy(struct performer *performer)
{
    if (!performer)
        return;
    for (size_t i = 0; i < WORKERS_MAX; i++)
        worker_end(&performer->seats[i].worker);
    opener_finish(&performer->opener);
    cleanup_close_fd(&performer->proc);
    free(performer);
}

bool performs(const struct sysfold_row *row)
{
    switch (row->number) {
    case ROW_OPEN:
    case ROW_CREAT:
    case ROW_OPENAT:
    case ROW_OPENAT2:
    case ROW_CONNECT:
        return true;
    default:
        return false;
    }
}

/* prctl, keyctl and personality are not here: nothing of theirs changes what a performed call may or finds. */
bool changes_likeness(const struct sysfold_row *row)
{
    switch (row->number) {
    case ROW_SETUID:
    case ROW_SETGID:
    case ROW_SETREUID:
    case ROW_SETREGID:
    case ROW_SETRESUID:
    case ROW_SETRESGID:
    case ROW_SETFSUID:
    case ROW_SETFSGID:
    case ROW_SETGROUPS:
    case ROW_CAPSET:
    case ROW_UNSHARE:
    case ROW_SETNS:
    case ROW_CHROOT:
    case ROW_PIVOT_ROOT:
    case ROW_LANDLOCK_RESTRICT_SELF:
    case ROW_FANOTIFY_INIT:
    case ROW_EXECVE:
    case ROW_EXECVEAT:
    case ROW_SYSCALL:
        return true;
    default:
        return false;
    }
}

/* Nobody looks up what else the number may mean: chroot, for one. */
static void let_foreign_go(struct performer *performer, const struct call *call, struct likeness *likeness)
{
    performer->roots_move = true;
    if (call->nr == FOREIGN_LANDLOCK_RESTRICT_SELF)
        likeness->known_of = LIKENESS_NEVER;
    if (call->nr == X32_FANOTIFY_INIT || (call->nr == I386_FANOTIFY_INIT && call->arch == AUDIT_ARCH_I386))
        performer->stopped = true;
}

void performer_let_go(struct performer *performer, const struct call *call, struct likeness *likeness)
{
    if (!changes_likeness(call->row))
        return;
    if (likeness->known_of != LIKENESS_NEVER)
        likeness->known_of = 0;
    switch (call->row->number) {
    case ROW_CHROOT: /* threads, and what was cloned with CLONE_FS */
    case ROW_PIVOT_ROOT:
        performer->roots_move = true;
        break;
    case ROW_LANDLOCK_RESTRICT_SELF:
        likeness->known_of = LIKENESS_NEVER;
        if ((uint32_t)call->args[1] & ~(uint32_t)LANDLOCK_ALONE)
            performer->stopped = true;
        break;
    case ROW_FANOTIFY_INIT: /* it may be asked to permit what we open, and be stopped at a call of its own */
        performer->stopped = true;
        break;
    case ROW_SYSCALL:
        let_foreign_go(performer, call, likeness);
        break;
    default:
        break;
    }
}

/* Who it is does not change while it waits. */
static int read_likeness(struct performing *performing, struct identity *ret_identity)
{
    struct performer *performer = performing->performer;
    int r;

    performing->looked = true;
    r = identity_read(performer->proc, performing->tid, ret_identity);
    return listener_is_valid(performer->listener, performing->notif->id) ? r : -ESRCH;
}

static bool has_root(struct performing *performing, const struct root *expected)
{
    struct root root;

    performing->looked = true;
    return root_read(performing->performer->proc, performing->tid, &root) == 0 && root_is_same(&root, expected);
}

static bool has_our_label(struct performing *performing)
{
    struct performer *performer = performing->performer;
    char label[LABEL_MAX];

    if (!performer->label_size)
        return true;
    performing->looked = true;
    return label_read(performer->proc, performing->tid, label) == performer->label_size &&
           !memcmp(label, performer->label, (size_t)performer->label_size);
}

static bool is_like_us(struct performing *performing, struct likeness *likeness)
{
    struct performer *performer = performing->performer;

    if (likeness->known_of == 0) {
        struct identity identity;
        int r = read_likeness(performing, &identity);

        if (r == -ESRCH)
            return false;
        likeness->known_of = r == 0 && identity_is_same(&identity, &performer->identity) ? LIKENESS_US : LIKENESS_OTHER;
    }
    if (likeness->known_of != LIKENESS_US)
        return false;
    return (!performer->roots_move || has_root(performing, &performer->identity.root)) && has_our_label(performing);
}

static struct seat *find_seat(struct performer *performer, uint32_t number)
{
    for (size_t i = 0; i < WORKERS_MAX; i++) {
        if (performer->seats[i].number == number)
            return &performer->seats[i];
    }
    return NULL;
}

static struct seat *find_seat_of(struct performer *performer, const struct identity *identity)
{
    for (size_t i = 0; i < WORKERS_MAX; i++) {
        struct seat *seat = &performer->seats[i];

        if (seat->number && identity_is_same(&seat->worker.identity, identity))
            return seat;
    }
    return NULL;
}

static struct seat *take_seat(struct performing *performing, const struct identity *identity)
{
    struct performer *performer = performing->performer;
    struct seat *seat = &performer->seats[performer->workers_ever % WORKERS_MAX]; /* whose it was longest ago */

    if (performer->workers_ever == WORKERS_EVER)
        return NULL;
    worker_end(&seat->worker);
    seat->number = 0;
    performer->workers_ever++;
    if (worker_start(performer->proc, performing->tid, identity, &seat->worker) < 0)
        return NULL;
    seat->number = performer->workers_ever;
    return seat;
}

/* Who is like the target, made if need be. */
static struct worker *find_worker(struct performing *performing, struct likeness *likeness)
{
    struct identity identity;
    struct seat *seat;
    int r;

    if (likeness->known_of >= LIKENESS_OTHER)
        return NULL;
    seat = likeness->known_of ? find_seat(performing->performer, likeness->known_of) : NULL;
    if (seat)
        return &seat->worker;
    r = read_likeness(performing, &identity);
    if (r == -ESRCH)
        return NULL;
    seat = r == 0 ? find_seat_of(performing->performer, &identity) : NULL;
    if (!seat && r == 0)
        seat = take_seat(performing, &identity);
    if (!listener_is_valid(performing->performer->listener, performing->notif->id))
        return NULL;
    likeness->known_of = seat ? seat->number : LIKENESS_OTHER;
    return seat ? &seat->worker : NULL;
}

static bool has_worker(struct performing *performing, struct likeness *likeness)
{
    performing->worker = find_worker(performing, likeness);
    if (!performing->worker || performing->worker->lost)
        return false;
    return (!performing->performer->roots_move || has_root(performing, &performing->worker->identity.root)) &&
           has_our_label(performing);
}

static bool read_fd_limit(const struct performing *performing, uint64_t *ret_limit)
{
    struct rlimit limit;

    if (prlimit(performing->tid, RLIMIT_NOFILE, NULL, &limit) < 0)
        return fd_limit_read(performing->performer->proc, performing->tid, ret_limit) == 0;
    *ret_limit = limit.rlim_cur;
    return true;
}

/* Surely there is a free number for one more descriptor. */
static bool has_room(struct performing *performing)
{
    struct performer *performer = performing->performer;
    struct task_status task_status;
    struct statx status;
    uint64_t limit, taken;
    char path[32];

    performing->looked = true;
    (void)snprintf(path, sizeof(path), "%d/fd", performing->tid);
    if (!read_fd_limit(performing, &limit) || statx(performer->proc, path, AT_STATX_DONT_SYNC, STATX_SIZE, &status) < 0)
        return false;
    taken = status.stx_size; /* how many there are, since Linux 6.2 */
    if (!taken && task_status_read(performer->proc, performing->tid, &task_status) == 0)
        taken = task_status.fd_slots;
    return taken && limit >= ROOM_MARGIN && taken <= limit - ROOM_MARGIN;
}

static bool still_waits(const struct performing *performing)
{
    return !performing->looked || listener_is_valid(performing->performer->listener, performing->notif->id);
}

static bool answer(const struct performing *performing, int64_t result, struct performance *ret_performance)
{
    if (listener_answer(performing->performer->listener, performing->notif->id, result) < 0)
        return false;
    ret_performance->result = result;
    return true;
}

static uint64_t kept_integer(const struct kept *kept, unsigned index, bool *known)
{
    uint64_t value = 0;
    size_t size;
    bool cut;
    const uint8_t *bytes = kept_find(kept, index, &size, &cut);

    if (!bytes || cut || size > sizeof(value)) {
        *known = false;
        return 0;
    }
    memcpy(&value, bytes, size);
    return value;
}

/* The record has not all of openat2's structure: what is executed must be no more than what is told. */
static bool read_how(const struct performing *performing, struct opening *opening)
{
    const struct call *call = performing->call;
    struct open_how how;
    bool known = true;

    if (call->args[3] != sizeof(how) || memory_read(performing->tid, &how, call->args[2], sizeof(how)) != sizeof(how))
        return false;
    opening->flags = kept_integer(performing->kept, P_OPENAT2_flags, &known);
    opening->mode = kept_integer(performing->kept, P_OPENAT2_mode, &known);
    opening->resolve = kept_integer(performing->kept, P_OPENAT2_resolve, &known);
    return known && how.flags == opening->flags && how.mode == opening->mode && how.resolve == opening->resolve;
}

/* open() and openat() ignore flags and modes that they do not know. */
static void take_flags(struct opening *opening, uint64_t flags, uint64_t mode)
{
    opening->flags = flags & OPENING_FLAGS;
    opening->mode = flags & O_CREAT ? mode & 07777 : 0;
}

/* What the call asks for, and where its path is kept. */
static bool read_request(struct performing *performing, struct opening *opening, int *ret_dirfd, unsigned *ret_path)
{
    const uint64_t *args = performing->call->args;

    *ret_dirfd = AT_FDCWD;
    switch (performing->call->row->number) {
    case ROW_OPEN:
        take_flags(opening, args[1], args[2]);
        *ret_path = P_OPEN_path;
        return true;
    case ROW_CREAT:
        take_flags(opening, O_CREAT | O_WRONLY | O_TRUNC, args[1]);
        *ret_path = P_CREAT_path;
        return true;
    case ROW_OPENAT:
        take_flags(opening, args[2], args[3]);
        *ret_dirfd = (int)args[0];
        *ret_path = P_OPENAT_path;
        return true;
    case ROW_OPENAT2:
        performing->looked = true;
        *ret_dirfd = (int)args[0];
        *ret_path = P_OPENAT2_path;
        return read_how(performing, opening);
    default:
        return false;
    }
}

static bool read_path(const struct performing *performing, unsigned index, char ret_path[4096])
{
    size_t size;
    bool cut;
    const uint8_t *bytes = kept_find(performing->kept, index, &size, &cut);

    if (!bytes || cut || size == 0 || size > 4095)
        return false;
    memcpy(ret_path, bytes, size);
    ret_path[size] = '\0';
    return true;
}

static int open_start(struct performing *performing, int dirfd)
{
    char path[64];
    int fd;

    performing->looked = true;
    if (dirfd == AT_FDCWD)
        (void)snprintf(path, sizeof(path), "%d/cwd", performing->tid);
    else
        (void)snprintf(path, sizeof(path), "%d/fd/%d", performing->tid, dirfd);
    fd = openat(performing->performer->proc, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static bool needs_start(const struct opening *opening)
{
    return *opening->path != '/' || opening->resolve & (RESOLVE_IN_ROOT | RESOLVE_BENEATH);
}

/* All that must be known of the target before its call is made. */
static bool prepare(struct performing *performing, struct opening *opening, int dirfd, int *ret_start)
{
    struct task_status status;

    if (opening->flags & (O_CREAT | O_TRUNC) && !has_room(performing))
        return false;
    if (opening->flags & O_CREAT) {
        if (task_status_read(performing->performer->proc, performing->tid, &status) < 0)
            return false;
        opening->umask = status.umask;
    }
    if (needs_start(opening)) {
        *ret_start = open_start(performing, dirfd);
        if (*ret_start < 0)
            return false;
    }
    opening->dirfd = *ret_start;
    return still_waits(performing);
}

/* Ours is closed before the target can go on: nobody else is to hold what it has opened. */
static bool hand_over(const struct performing *performing, int *fd, const struct opening *opening,
                      const struct opened *opened, struct performance *ret_performance)
{
    struct performer *performer = performing->performer;
    int number = listener_add_fd(performer->listener, performing->notif->id, *fd, opening->flags & O_CLOEXEC);

    close(steal_fd(fd));
    if (number < 0) /* done again it comes to the same, unless there is a file now that there was not */
        return opened->created && opening->flags & O_EXCL && answer(performing, number, ret_performance);
    return answer(performing, number, ret_performance);
}

static void tell_file(const struct opened *opened, struct performance *ret_performance)
{
    ret_performance->has_file = true;
    ret_performance->dev = opened->dev;
    ret_performance->ino = opened->ino;
    ret_performance->path_size = opened->path_size;
    memcpy(ret_performance->path, opened->path, opened->path_size);
}

static bool perform_open(struct performing *performing, struct performance *ret_performance)
{
    struct opening opening = {.dirfd = -1};
    struct opened opened;
    cleanup_close int start = -1;
    cleanup_close int fd = -1;
    char path[4096];
    unsigned path_index;
    int dirfd;

    opening.path = path;
    if (!read_request(performing, &opening, &dirfd, &path_index) || !read_path(performing, path_index, path))
        return false;
    if (!opening_is_possible(opening.flags, opening.mode, opening.resolve))
        return false;
    if (performing->worker && opening.flags & (O_CREAT | O_TRUNC))
        return false;
    if (!prepare(performing, &opening, dirfd, &start))
        return false;
    fd = performing->worker ? worker_open(performing->worker, &opening, &opened)
                            : opener_open(&performing->performer->opener, &opening, &opened);
    if (fd == OPENING_LEFT)
        return false;
    if (fd < 0)
        return has_room(performing) && still_waits(performing) && answer(performing, fd, ret_performance);
    if (!hand_over(performing, &fd, &opening, &opened, ret_performance))
        return false;
    if (ret_performance->result >= 0)
        tell_file(&opened, ret_performance);
    return true;
}

static bool perform_connect(struct performing *performing, struct performance *ret_performance)
{
    const struct call *call = performing->call;
    cleanup_close int socket = -1;
    size_t size;
    bool cut;
    const uint8_t *address = kept_find(performing->kept, P_CONNECT_addr, &size, &cut);
    int r;

    if (!address || cut || size != (uint32_t)call->args[2])
        return false;
    performing->looked = true;
    socket = proc_fd_duplicate(performing->tid, (int)call->args[0]);
    if (socket < 0 || !connecting_is_possible(socket, address, size) || !still_waits(performing))
        return false;
    r = connecting_perform(&socket, address, size, &ret_performance->sockets_size, ret_performance->sockets);
    return r != -EINTR && answer(performing, r, ret_performance);
}

bool perform(struct performer *performer, const struct seccomp_notif *notif, const struct call *call,
             const struct kept *kept, struct likeness *likeness, struct performance *ret_performance)
{
    struct performing performing = {
        .performer = performer, .notif = notif, .call = call, .kept = kept, .tid = (pid_t)notif->pid};

    ret_performance->has_file = false;
    ret_performance->path_size = 0;
    ret_performance->sockets_size = -ENODATA;
    if (performer->stopped || !performing.tid || !performs(call->row))
        return false;
    if (performer->is_container && call->row->number == ROW_CONNECT)
        return false;
    if (performer->is_container ? !has_worker(&performing, likeness) : !is_like_us(&performing, likeness))
        return false;
    if (call->row->number == ROW_CONNECT)
        return perform_connect(&performing, ret_performance);
    return perform_open(&performing, ret_performance);
}
