// SPDX-License-Identifier: Apache-2.0
#include "proc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"

#define NS 1000000000
#define SOCKADDR_MAX 128
#ifndef PIDFD_THREAD
#define PIDFD_THREAD O_EXCL /* Linux 6.9 */
#endif

static inline void cleanup_closedir_dir(DIR **dir)
{
    if (*dir)
        closedir(*dir);
}

#define cleanup_closedir __attribute__((cleanup(cleanup_closedir_dir)))

uint32_t proc_encode_dev(dev_t dev)
{
    uint32_t minor_bits = minor(dev);

    return (minor_bits & 0xff) | (major(dev) & 0xfff) << 8 | (minor_bits & 0xfff00) << 12;
}

/* A task that is gone shows as a missing directory, as a file that no longer opens, or as one that no longer reads. */
static int gone(int r)
{
    return r == -ENOENT ? -ESRCH : r;
}

/* Its directory below /proc. What is opened through it is of this very task, even if its number is used again. */
static int open_task(pid_t pid, pid_t tid)
{
    char path[64];
    int fd;

    if (tid)
        (void)snprintf(path, sizeof(path), "/proc/%d/task/%d", pid, tid);
    else
        (void)snprintf(path, sizeof(path), "/proc/%d", pid);
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? gone(-errno) : fd;
}

static bool is_there(int task)
{
    char byte;
    cleanup_close int fd = openat(task, "stat", O_RDONLY | O_CLOEXEC);

    return fd >= 0 && read(fd, &byte, 1) == 1;
}

/* Reads at most `size` bytes; returns how many there were. */
static ssize_t read_up_to(int fd, void *to, size_t size)
{
    size_t used = 0;

    while (used < size) {
        ssize_t n = read(fd, (char *)to + used, size - used);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        used += (size_t)n;
    }
    return (ssize_t)used;
}

/* A small file, as a string. */
static ssize_t read_text(int directory, const char *name, char *to, size_t size)
{
    cleanup_close int fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
    ssize_t n;

    if (fd < 0)
        return -errno;
    n = read_up_to(fd, to, size - 1);
    if (n >= 0)
        to[n] = '\0';
    return n;
}

struct stat_fields {
    pid_t ppid, pgid, sid;
    uint64_t start_ticks;
};

/* The comm may hold anything, ')' included; nothing behind it does. */
static int parse_stat(const char *text, struct stat_fields *ret_fields)
{
    const char *rest = strrchr(text, ')');
    struct stat_fields fields = {0};

    if (!rest || sscanf(rest + 1, " %*c %d %d %d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %" SCNu64,
                        &fields.ppid, &fields.pgid, &fields.sid, &fields.start_ticks) != 4)
        return -EBADMSG;
    *ret_fields = fields;
    return 0;
}

static int read_stat(int task, struct stat_fields *ret_fields)
{
    char text[1024];
    ssize_t n = read_text(task, "stat", text, sizeof(text));

    return n < 0 ? gone((int)n) : n == 0 ? -ESRCH : parse_stat(text, ret_fields);
}

struct status_fields {
    pid_t tgid;
    struct proc_ids ids;
};

/* Safe to search for lines: the name, the only one that is the process's own choice, has its newlines escaped. */
static int read_status(int task, struct status_fields *ret_fields)
{
    char text[2048];
    ssize_t n = read_text(task, "status", text, sizeof(text));
    struct status_fields fields = {0};
    const char *tgid, *uid, *gid;

    if (n <= 0)
        return n < 0 ? gone((int)n) : -ESRCH;
    tgid = strstr(text, "\nTgid:");
    uid = strstr(text, "\nUid:");
    gid = strstr(text, "\nGid:");
    if (!tgid || sscanf(tgid, "\nTgid: %d", &fields.tgid) != 1 || !uid ||
        sscanf(uid, "\nUid: %u %u", &fields.ids.uid, &fields.ids.euid) != 2 || !gid ||
        sscanf(gid, "\nGid: %u %u", &fields.ids.gid, &fields.ids.egid) != 2)
        return -EBADMSG;
    *ret_fields = fields;
    return 0;
}

static int64_t clock_ns(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * NS + now.tv_nsec;
}

/* From the clock that start times count in to the epoch. Asked twice, two clocks never differ by exactly
 * the same; one process's start is to be one number, so a new difference counts only where somebody set the clock. */
static int64_t boot_time(void)
{
    static _Atomic int64_t known;
    int64_t before = atomic_load_explicit(&known, memory_order_relaxed);
    int64_t difference = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_BOOTTIME);

    if (llabs(difference - before) < NS / 10)
        return before;
    atomic_store_explicit(&known, difference, memory_order_relaxed);
    return difference;
}

static uint64_t start_time(const struct stat_fields *fields)
{
    uint64_t hz = (uint64_t)sysconf(_SC_CLK_TCK);

    return (uint64_t)boot_time() + fields->start_ticks / hz * NS + fields->start_ticks % hz * (NS / hz);
}

int proc_start_time(pid_t tid, uint64_t *ret_ns)
{
    cleanup_close int task = open_task(tid, 0);
    struct stat_fields fields;
    int r = task < 0 ? task : read_stat(task, &fields);

    if (r < 0)
        return r;
    *ret_ns = start_time(&fields);
    return 0;
}

int proc_ids(pid_t tid, struct proc_ids *ret_ids)
{
    cleanup_close int task = open_task(tid, 0);
    struct status_fields fields;
    int r = task < 0 ? task : read_status(task, &fields);

    if (r < 0)
        return r;
    *ret_ids = fields.ids;
    return 0;
}

static int read_comm(int task, char ret_comm[16])
{
    char text[80]; /* a kernel worker's is longer than 15 */
    ssize_t n = read_text(task, "comm", text, sizeof(text));

    if (n < 0)
        return gone((int)n);
    if (n > 0 && text[n - 1] == '\n')
        text[n - 1] = '\0';
    (void)snprintf(ret_comm, 16, "%.15s", text);
    return 0;
}

int proc_comm(pid_t tid, char ret_comm[16])
{
    /* /proc/TID/comm is the thread's; what the directory is called does not matter. */
    cleanup_close int task = open_task(tid, 0);

    return task < 0 ? task : read_comm(task, ret_comm);
}

/* The kernel escapes what would break the line: a newline, and a backslash. */
static void unescape_comm(const char *from, char to[16])
{
    size_t size = 0;

    for (; *from && *from != '\n' && size < 15; from++) {
        bool escaped = from[0] == '\\' && from[1];

        from += escaped;
        to[size++] = escaped && *from == 'n' ? '\n' : *from;
    }
    to[size] = '\0';
}

static int parse_task(const char *text, struct proc_task *ret_task)
{
    const char *tgid = strstr(text, "\nTgid:"), *ppid = strstr(text, "\nPPid:");
    const char *tracer = strstr(text, "\nTracerPid:"), *uid = strstr(text, "\nUid:"), *gid = strstr(text, "\nGid:");
    struct proc_task ids = {0};

    if (strncmp(text, "Name:\t", 6) != 0 || !tgid || !ppid || !tracer || !uid || !gid)
        return -ESRCH;
    unescape_comm(text + 6, ids.comm);
    ids.tgid = atoi(tgid + 6);
    ids.ppid = atoi(ppid + 6);
    ids.tracer = atoi(tracer + 11);
    if (sscanf(uid + 5, "%u %u", &ids.uid, &ids.euid) != 2 || sscanf(gid + 5, "%u %u", &ids.gid, &ids.egid) != 2)
        return -ESRCH;
    *ret_task = ids;
    return 0;
}

int proc_task(pid_t tid, struct proc_task *ret_task)
{
    cleanup_close int fd = -1;
    char path[64], text[1024]; /* what is wanted stands at its beginning */
    ssize_t size;

    (void)snprintf(path, sizeof(path), "/proc/%d/status", tid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? -ESRCH : -errno;
    size = read(fd, text, sizeof(text) - 1);
    if (size < 0)
        return -errno;
    text[size] = '\0';
    return parse_task(text, ret_task);
}

static int append_pid(pid_t **pids, size_t *count, size_t *room, pid_t pid)
{
    if (*count == *room) {
        size_t larger = *room ? 2 * *room : 16;
        pid_t *grown = realloc(*pids, larger * sizeof(**pids));

        if (!grown)
            return -ENOMEM;
        *pids = grown;
        *room = larger;
    }
    (*pids)[(*count)++] = pid;
    return 0;
}

/* A directory entry's number, -1 where it is none. */
static int entry_number(const char *name)
{
    char *end;
    long number;

    if (*name < '0' || *name > '9')
        return -1;
    errno = 0;
    number = strtol(name, &end, 10);
    return *end || errno || number > INT_MAX ? -1 : (int)number;
}

static int open_list(int task, const char *name, DIR **ret_dir)
{
    cleanup_close int fd = openat(task, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir;

    if (fd < 0)
        return gone(-errno);
    dir = fdopendir(fd); /* which asks for the directory's kind */
    if (!dir)
        return gone(-errno);
    (void)steal_fd(&fd);
    *ret_dir = dir;
    return 0;
}

int proc_threads(pid_t pid, pid_t **ret_tids, size_t *ret_count)
{
    cleanup_close int task = open_task(pid, 0);
    cleanup_closedir DIR *dir = NULL;
    cleanup_free pid_t *tids = NULL;
    size_t count = 0, room = 0;
    int r = task < 0 ? task : open_list(task, "task", &dir);

    if (r < 0)
        return r;
    for (const struct dirent *entry; (entry = readdir(dir));) {
        int tid = entry_number(entry->d_name);

        if (tid > 0 && append_pid(&tids, &count, &room, tid) < 0)
            return -ENOMEM;
    }
    if (count == 0)
        return -ESRCH;
    *ret_tids = steal_pointer(&tids);
    *ret_count = count;
    return 0;
}

/* The children of one thread: "12 345 ", which grows with their number. */
static int append_children(pid_t pid, pid_t tid, pid_t **children, size_t *count, size_t *room)
{
    char path[64];
    cleanup_fclose FILE *file = NULL;
    int child;

    (void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, tid);
    file = fopen(path, "re");
    if (!file)
        return -errno;
    while (fscanf(file, "%d", &child) == 1) {
        if (append_pid(children, count, room, child) < 0)
            return -ENOMEM;
    }
    return 0;
}

int proc_children(pid_t pid, pid_t **ret_pids, size_t *ret_count)
{
    cleanup_free pid_t *tids = NULL;
    cleanup_free pid_t *children = NULL;
    size_t tid_count, count = 0, room = 0, read_count = 0;
    int r = proc_threads(pid, &tids, &tid_count);

    if (r < 0)
        return r;
    for (size_t i = 0; i < tid_count; i++) {
        r = append_children(pid, tids[i], &children, &count, &room);
        if (r == -ENOMEM)
            return r;
        read_count += r == 0;
    }
    if (read_count == 0) /* all threads have ended, or the kernel does not tell */
        return access("/proc/thread-self/children", F_OK) < 0 ? -ENOSYS : -ESRCH;
    *ret_pids = steal_pointer(&children);
    *ret_count = count;
    return 0;
}

bool proc_has_ended(pid_t pid)
{
    cleanup_close int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd pollfd = {.fd = fd, .events = POLLIN};

    if (fd < 0) /* of a thread's number: EINVAL, or ENOENT of newer kernels */
        return errno == ESRCH || errno == EINVAL || errno == ENOENT;
    return poll(&pollfd, 1, 0) > 0;
}

struct pid_list {
    pid_t *pids;
    size_t count, room;
};

static bool is_listed(const struct pid_list *list, pid_t pid)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->pids[i] == pid)
            return true;
    }
    return false;
}

static bool is_child(const struct pid_list *list, pid_t pid)
{
    cleanup_close int task = open_task(pid, 0);
    struct stat_fields fields;

    return task >= 0 && read_stat(task, &fields) == 0 && is_listed(list, fields.ppid);
}

/* One pass over all processes. Not through their parents' lists of children: these leave some out while others end. */
static int append_children_of_listed(struct pid_list *list, pid_t except)
{
    cleanup_closedir DIR *proc = opendir("/proc");

    if (!proc)
        return -errno;
    for (const struct dirent *entry; (entry = readdir(proc));) {
        int pid = entry_number(entry->d_name);

        if (pid <= 0 || pid == except || is_listed(list, pid) || !is_child(list, pid) || proc_has_ended(pid))
            continue;
        if (append_pid(&list->pids, &list->count, &list->room, pid) < 0)
            return -ENOMEM;
    }
    return 0;
}

static int list_descendants(const pid_t *pids, size_t pid_count, pid_t except, struct pid_list *list)
{
    size_t before;
    int r = 0;

    for (size_t i = 0; i < pid_count && r == 0; i++)
        r = append_pid(&list->pids, &list->count, &list->room, pids[i]);
    do {
        before = list->count;
        if (r == 0)
            r = append_children_of_listed(list, except);
    } while (r == 0 && list->count > before);
    return r;
}

int proc_descendants(const pid_t *pids, size_t pid_count, pid_t except, pid_t **ret_pids, size_t *ret_count)
{
    struct pid_list list = {0};
    int r = list_descendants(pids, pid_count, except, &list);

    if (r < 0) {
        free(list.pids);
        return r;
    }
    *ret_pids = list.pids;
    *ret_count = list.count;
    return 0;
}

/* Where a link below a task's directory leads. */
static int read_path(int directory, const char *name, struct proc_file *ret_file)
{
    ssize_t n = readlinkat(directory, name, ret_file->path, sizeof(ret_file->path) - 1);

    if (n < 0)
        return -errno;
    ret_file->path[n] = '\0';
    ret_file->path_size = (uint16_t)n;
    return 0;
}

/* What it leads to. Not synced: a network file system that hangs must not make us hang with it. */
static int read_inode(int directory, const char *name, struct proc_file *ret_file)
{
    struct statx status;

    if (statx(directory, name, AT_STATX_DONT_SYNC, STATX_TYPE | STATX_MODE | STATX_INO, &status) < 0)
        return -errno;
    ret_file->dev = proc_encode_dev(makedev(status.stx_dev_major, status.stx_dev_minor));
    ret_file->mode = status.stx_mode;
    ret_file->ino = status.stx_ino;
    return 0;
}

static int read_file(int directory, const char *name, struct proc_file *ret_file)
{
    int path = read_path(directory, name, ret_file);
    int inode = path < 0 && path != -ENAMETOOLONG ? path : read_inode(directory, name, ret_file);

    return inode < 0 ? inode : path;
}

/* -ENOENT is both "no such descriptor" and "no such process". */
static int explain_missing(pid_t pid, int r)
{
    char path[32];

    if (r != -ENOENT)
        return r;
    (void)snprintf(path, sizeof(path), "/proc/%d", pid);
    return access(path, F_OK) == 0 ? -EBADF : -ESRCH;
}

int proc_fd_file(pid_t pid, int fd, struct proc_file *ret_file)
{
    char path[64];

    (void)snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
    return explain_missing(pid, read_file(AT_FDCWD, path, ret_file));
}

int proc_exe_file(pid_t pid, struct proc_file *ret_file)
{
    char path[64];

    (void)snprintf(path, sizeof(path), "/proc/%d/exe", pid);
    return explain_missing(pid, read_file(AT_FDCWD, path, ret_file));
}

/* pidfd_getfd() wants the very thread, since it may have descriptors of its own; kernels before 6.9 know processes. */
static int open_pidfd(pid_t pid)
{
    cleanup_close int task = -1;
    struct status_fields fields;
    int fd = (int)syscall(SYS_pidfd_open, pid, PIDFD_THREAD);

    if (fd >= 0 || errno != EINVAL)
        return fd < 0 ? -errno : fd;
    task = open_task(pid, 0);
    if (task < 0)
        return task;
    if (read_status(task, &fields) < 0)
        return -ESRCH;
    fd = (int)syscall(SYS_pidfd_open, fields.tgid, 0);
    return fd < 0 ? -errno : fd;
}

static socklen_t at_most(socklen_t size)
{
    return size < SOCKADDR_MAX ? size : SOCKADDR_MAX;
}

int proc_socket_pair(int socket, uint8_t ret_pair[257])
{
    struct sockaddr_storage local, peer;
    socklen_t local_size = sizeof(local), peer_size = sizeof(peer);

    static_assert(sizeof(struct sockaddr_storage) == SOCKADDR_MAX, "SOCKET_PAIR is at most 1 + 2 * 128 bytes");
    if (getsockname(socket, (struct sockaddr *)&local, &local_size) < 0)
        return -errno;
    if (getpeername(socket, (struct sockaddr *)&peer, &peer_size) < 0)
        peer_size = 0; /* not connected */
    local_size = at_most(local_size);
    peer_size = at_most(peer_size);
    ret_pair[0] = (uint8_t)local_size;
    memcpy(ret_pair + 1, &local, local_size);
    memcpy(ret_pair + 1 + local_size, &peer, peer_size);
    return (int)(1 + local_size + peer_size);
}

static int duplicate(int pidfd, int fd)
{
    int copy = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);

    return copy < 0 ? -errno : copy;
}

int proc_fd_duplicate(pid_t pid, int fd)
{
    cleanup_close int pidfd = open_pidfd(pid);

    return pidfd < 0 ? pidfd : duplicate(pidfd, fd);
}

static int socket_pair(int pidfd, int fd, uint8_t ret_pair[257])
{
    cleanup_close int socket = duplicate(pidfd, fd);

    return socket < 0 ? socket : proc_socket_pair(socket, ret_pair);
}

int proc_fd_sockets(pid_t pid, int fd, uint8_t ret_pair[257])
{
    cleanup_close int pidfd = open_pidfd(pid);

    return pidfd < 0 ? pidfd : socket_pair(pidfd, fd, ret_pair);
}

static void put_link(struct encoder *encoder, unsigned index, int task, const char *name)
{
    size_t room;
    char *to = (char *)encoder_variable_begin(encoder, index, PATH_BYTES_MAX, &room);
    ssize_t n = readlinkat(task, name, to, room);

    if (n < 0)
        encoder_status(encoder, index, SYSFOLD_ABSENT);
    else
        encoder_variable_end(encoder, index, (size_t)n, false);
}

/* Its last string may lack the NUL, where the process wrote over it. A process that is
 * ending, or is the kernel's, has an empty one: not known, rather than none. */
static void put_argv(struct encoder *encoder, int task)
{
    cleanup_close int fd = openat(task, "cmdline", O_RDONLY | O_CLOEXEC);
    uint8_t *to;
    size_t room;
    char more;
    ssize_t n = -1;
    bool cut;

    to = encoder_variable_begin(encoder, P_SNAP_THREAD_argv, STRING_VECTOR_DEFAULT, &room);
    if (fd >= 0)
        n = read_up_to(fd, to, room);
    if (n <= 0) {
        encoder_status(encoder, P_SNAP_THREAD_argv, SYSFOLD_ABSENT);
        return;
    }
    cut = (size_t)n == room && read(fd, &more, 1) == 1;
    if (to[n - 1] && (size_t)n < room)
        to[n++] = '\0';
    encoder_variable_end(encoder, P_SNAP_THREAD_argv, (size_t)n, cut);
}

/* "0::/path" alone is cgroup v2. With others (v1, or both) it takes all lines to say where the process is. */
static void put_cgroup(struct encoder *encoder, unsigned index, int task)
{
    char text[PATH_BYTES_MAX + 1];
    ssize_t n = read_text(task, "cgroup", text, sizeof(text));
    const char *start = text;

    if (n <= 0) {
        encoder_status(encoder, index, SYSFOLD_ABSENT);
        return;
    }
    if (text[n - 1] == '\n')
        text[n - 1] = '\0';
    if (!strncmp(text, "0::", 3) && !strchr(text, '\n'))
        start += 3;
    encoder_string(encoder, index, start);
}

void proc_put_cgroup(pid_t tid, struct encoder *encoder, unsigned index)
{
    cleanup_close int task = open_task(tid, tid);

    if (task < 0)
        encoder_status(encoder, index, SYSFOLD_ABSENT);
    else
        put_cgroup(encoder, index, task);
}

void proc_tell_container(const struct proc_container *container, struct encoder *encoder, proc_emit emit, void *data)
{
    const uint8_t *record;
    size_t size;

    encoder_begin(encoder, row_builtin(ROW_SNAP_CONTAINER), (uint32_t)container->pid,
                  (uint64_t)clock_ns(CLOCK_REALTIME));
    if (container->pid)
        encoder_integer(encoder, P_SNAP_CONTAINER_pid, container->pid);
    encoder_string(encoder, P_SNAP_CONTAINER_id, container->id);
    encoder_string(encoder, P_SNAP_CONTAINER_engine, container->engine);
    encoder_string(encoder, P_SNAP_CONTAINER_name, container->name);
    encoder_string(encoder, P_SNAP_CONTAINER_image, NULL);
    record = encoder_finish(encoder, &size);
    emit(data, record, size);
}

static void put_namespaces(struct encoder *encoder, int task)
{
    static const struct {
        unsigned index;
        const char *name;
    } namespaces[] = {
        {P_SNAP_THREAD_pid_ns, "ns/pid"},
        {P_SNAP_THREAD_mnt_ns, "ns/mnt"},
        {P_SNAP_THREAD_net_ns, "ns/net"},
        {P_SNAP_THREAD_user_ns, "ns/user"},
    };

    for (size_t i = 0; i < sizeof(namespaces) / sizeof(*namespaces); i++) {
        struct proc_file file;

        if (read_inode(task, namespaces[i].name, &file) == 0)
            encoder_integer(encoder, namespaces[i].index, (int64_t)file.ino);
    }
}

static void put_identity(struct encoder *encoder, const struct stat_fields *stat_fields,
                         const struct status_fields *status)
{
    encoder_integer(encoder, P_SNAP_THREAD_pid, status->tgid);
    encoder_integer(encoder, P_SNAP_THREAD_ppid, stat_fields->ppid);
    encoder_integer(encoder, P_SNAP_THREAD_pgid, stat_fields->pgid);
    encoder_integer(encoder, P_SNAP_THREAD_sid, stat_fields->sid);
    encoder_integer(encoder, P_SNAP_THREAD_uid, status->ids.uid);
    encoder_integer(encoder, P_SNAP_THREAD_euid, status->ids.euid);
    encoder_integer(encoder, P_SNAP_THREAD_gid, status->ids.gid);
    encoder_integer(encoder, P_SNAP_THREAD_egid, status->ids.egid);
    encoder_integer(encoder, P_SNAP_THREAD_start_time, (int64_t)start_time(stat_fields));
}

int proc_snapshot_thread(pid_t pid, pid_t tid, struct encoder *encoder, proc_emit emit, void *data)
{
    cleanup_close int task = open_task(pid, tid);
    struct stat_fields stat_fields;
    struct status_fields status;
    char comm[16];
    const uint8_t *record;
    size_t size;
    int r = task < 0 ? task : read_stat(task, &stat_fields);

    if (r == 0)
        r = read_status(task, &status);
    if (r == 0)
        r = read_comm(task, comm);
    if (r < 0)
        return r;
    encoder_begin(encoder, row_builtin(ROW_SNAP_THREAD), (uint32_t)tid, (uint64_t)clock_ns(CLOCK_REALTIME));
    put_identity(encoder, &stat_fields, &status);
    put_namespaces(encoder, task);
    encoder_string(encoder, P_SNAP_THREAD_comm, comm);
    put_link(encoder, P_SNAP_THREAD_exe, task, "exe");
    put_argv(encoder, task);
    put_link(encoder, P_SNAP_THREAD_cwd, task, "cwd");
    put_link(encoder, P_SNAP_THREAD_root, task, "root");
    put_cgroup(encoder, P_SNAP_THREAD_cgroup, task);
    if (!is_there(task)) /* what is absent may be so only because it ended meanwhile */
        return -ESRCH;
    record = encoder_finish(encoder, &size);
    emit(data, record, size);
    return 0;
}

/* fdinfo's second line is the flags; what follows differs by kind of file. */
static void put_fd_flags(struct encoder *encoder, int task, int fd)
{
    char name[32], text[256];
    const char *line;
    unsigned flags;

    (void)snprintf(name, sizeof(name), "fdinfo/%d", fd);
    if (read_text(task, name, text, sizeof(text)) <= 0)
        return;
    line = strstr(text, "flags:");
    if (line && sscanf(line, "flags: %o", &flags) == 1)
        encoder_integer(encoder, P_SNAP_FD_flags, flags);
}

static void put_pair(struct encoder *encoder, int pidfd, int fd)
{
    uint8_t pair[257];
    int r = socket_pair(pidfd, fd, pair);

    if (r > 0)
        encoder_bytes(encoder, P_SNAP_FD_sockets, pair, (size_t)r, sizeof(pair));
}

/* A process's descriptors, while they are told one after the other. */
struct fd_walk {
    pid_t pid;
    int task;
    DIR *dir;
    int pidfd; /* opened for the first socket */
};

static void put_socket(struct fd_walk *walk, struct encoder *encoder, int fd)
{
    if (walk->pidfd < 0)
        walk->pidfd = open_pidfd(walk->pid);
    if (walk->pidfd >= 0)
        put_pair(encoder, walk->pidfd, fd);
}

/* What cannot be had of it is absent: a path that is too long, an inode of somebody's own file system. */
static void put_fd(struct fd_walk *walk, struct encoder *encoder, int fd, const char *name)
{
    struct proc_file file;
    bool has_path = read_path(dirfd(walk->dir), name, &file) == 0;
    bool has_inode = read_inode(dirfd(walk->dir), name, &file) == 0;

    encoder_begin(encoder, row_builtin(ROW_SNAP_FD), (uint32_t)walk->pid, (uint64_t)clock_ns(CLOCK_REALTIME));
    encoder_integer(encoder, P_SNAP_FD_pid, walk->pid);
    encoder_integer(encoder, P_SNAP_FD_fd, fd);
    put_fd_flags(encoder, walk->task, fd);
    if (has_inode) {
        encoder_integer(encoder, P_SNAP_FD_mode, file.mode);
        encoder_integer(encoder, P_SNAP_FD_dev, file.dev);
        encoder_integer(encoder, P_SNAP_FD_ino, (int64_t)file.ino);
    }
    if (has_path)
        encoder_bytes(encoder, P_SNAP_FD_file, file.path, file.path_size, PATH_BYTES_MAX);
    if (has_inode && S_ISSOCK(file.mode))
        put_socket(walk, encoder, fd);
}

static bool is_open(const struct fd_walk *walk, const char *name)
{
    char byte;

    return readlinkat(dirfd(walk->dir), name, &byte, 1) >= 0 || errno != ENOENT;
}

int proc_snapshot_fds(pid_t pid, struct encoder *encoder, proc_emit emit, void *data)
{
    cleanup_close int task = open_task(pid, 0);
    cleanup_closedir DIR *dir = NULL;
    struct fd_walk walk = {.pid = pid, .task = task, .pidfd = -1};
    int r = task < 0 ? task : open_list(task, "fd", &dir);

    if (r < 0)
        return r;
    walk.dir = dir;
    for (const struct dirent *entry; (entry = readdir(dir));) {
        int fd = entry_number(entry->d_name);
        const uint8_t *record;
        size_t size;

        if (fd < 0)
            continue;
        put_fd(&walk, encoder, fd, entry->d_name);
        if (!is_open(&walk, entry->d_name)) /* closed meanwhile: what was read is of nothing */
            continue;
        record = encoder_finish(encoder, &size);
        emit(data, record, size);
    }
    cleanup_close_fd(&walk.pidfd);
    return is_there(task) ? 0 : -ESRCH;
}
