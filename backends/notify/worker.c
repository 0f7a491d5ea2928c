// SPDX-License-Identifier: Apache-2.0
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <linux/securebits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"

#define START_MS 1000 /* it has only to be scheduled */
#define ANSWER_MS 200 /* what is not there by then hangs */
#define GROUPS_MAX 256
#define READY 'r'
#define FILE_FOLLOWS 'f'

struct request {
    uint64_t flags, mode, resolve;
    char path[4096];
};

struct reply {
    int result; /* 0: the file has come before; else as opener_open() */
    struct opened opened;
};

/* Of the target, opened by S before the worker is forked. */
struct place {
    int user_namespace, mount_namespace, root;
};

static void close_place(const struct place *place)
{
    cleanup_close_fd(&place->user_namespace);
    cleanup_close_fd(&place->mount_namespace);
    cleanup_close_fd(&place->root);
}

static int open_below(int proc, pid_t tid, const char *name, int flags)
{
    char path[64];

    (void)snprintf(path, sizeof(path), "%d/%s", tid, name);
    return openat(proc, path, flags | O_CLOEXEC);
}

static int open_place(int proc, pid_t tid, struct place *ret_place)
{
    struct place place = {
        .user_namespace = open_below(proc, tid, "ns/user", O_RDONLY),
        .mount_namespace = open_below(proc, tid, "ns/mnt", O_RDONLY),
        .root = open_below(proc, tid, "root", O_PATH | O_DIRECTORY),
    };

    if (place.user_namespace < 0 || place.mount_namespace < 0 || place.root < 0) {
        close_place(&place);
        return -EACCES;
    }
    *ret_place = place;
    return 0;
}

/* In the worker. Who it is to be, in its own namespace's numbers. */
struct person {
    unsigned uid[3], gid[3]; /* real, effective, saved */
    gid_t groups[GROUPS_MAX];
    size_t group_count;
    uint64_t permitted, effective;
};

static int parse_groups(const char *text, struct person *person)
{
    const char *at = strstr(text, "\nGroups:");
    const char *end = at ? strchr(at + 1, '\n') : NULL;

    if (!end)
        return -EBADMSG;
    for (at += strlen("\nGroups:"); at < end;) {
        char *behind;
        unsigned long group = strtoul(at, &behind, 10);

        if (behind == at || behind > end)
            break;
        if (person->group_count == GROUPS_MAX)
            return -E2BIG;
        person->groups[person->group_count++] = (gid_t)group;
        at = behind;
    }
    return 0;
}

static int parse_person(const char *text, struct person *person)
{
    const char *uid = strstr(text, "\nUid:");
    const char *gid = strstr(text, "\nGid:");
    const char *permitted = strstr(text, "\nCapPrm:");
    const char *effective = strstr(text, "\nCapEff:");

    if (!uid || sscanf(uid, "\nUid: %u %u %u", &person->uid[0], &person->uid[1], &person->uid[2]) != 3 || !gid ||
        sscanf(gid, "\nGid: %u %u %u", &person->gid[0], &person->gid[1], &person->gid[2]) != 3 || !permitted ||
        sscanf(permitted, "\nCapPrm: %" SCNx64, &person->permitted) != 1 || !effective ||
        sscanf(effective, "\nCapEff: %" SCNx64, &person->effective) != 1)
        return -EBADMSG;
    return parse_groups(text, person);
}

/* The file shows ids as the namespace of who opens it has them. */
static int read_person(int proc, pid_t tid, struct person *person)
{
    char text[8192];
    cleanup_close int fd = open_below(proc, tid, "status", O_RDONLY);
    ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

    if (size <= 0)
        return -ESRCH;
    text[size] = '\0';
    return parse_person(text, person);
}

static bool is_in(int proc, const char *name, int namespace)
{
    struct stat its, ours;

    return fstat(namespace, &its) == 0 && fstatat(proc, name, &ours, 0) == 0 && its.st_ino == ours.st_ino;
}

/* One that we are in already need not be entered, nor could it: a user namespace, or a mount namespace of an outer
 * one. */
static int enter(int proc, const struct place *place)
{
    bool other_mounts = !is_in(proc, "self/ns/mnt", place->mount_namespace);

    if (!is_in(proc, "self/ns/user", place->user_namespace) && setns(place->user_namespace, CLONE_NEWUSER) < 0)
        return -errno;
    if (other_mounts && setns(place->mount_namespace, CLONE_NEWNS) < 0)
        return -errno;
    return fchdir(place->root) < 0 || chroot(".") < 0 ? -errno : 0;
}

static int set_capabilities(const struct person *person)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {
        {.effective = (uint32_t)person->effective, .permitted = (uint32_t)person->permitted},
        {.effective = (uint32_t)(person->effective >> 32), .permitted = (uint32_t)(person->permitted >> 32)},
    };

    return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

/* By system calls: glibc would tell threads that are not there. The capabilities are to stay, until they are set. */
static int become(const struct person *person)
{
    (void)prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP | SECBIT_KEEP_CAPS);
    if (syscall(SYS_setgroups, person->group_count, person->groups) < 0 && person->group_count)
        return -errno;
    if (syscall(SYS_setresgid, person->gid[0], person->gid[1], person->gid[2]) < 0 ||
        syscall(SYS_setresuid, person->uid[0], person->uid[1], person->uid[2]) < 0)
        return -errno;
    return set_capabilities(person);
}

/* Nothing of S's is to be had here, and nobody is to look. */
static int shut(int socket, const struct opener *opener)
{
    int mountinfo = fileno(opener->mounts.file);
    int last = socket > opener->task ? socket : opener->task;

    last = mountinfo > last ? mountinfo : last;
    for (int fd = 0; fd < last; fd++) {
        if (fd != socket && fd != opener->task && fd != mountinfo)
            (void)close(fd);
    }
    (void)syscall(SYS_close_range, (unsigned)last + 1, ~0U, 0);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        return -errno;
    return 0;
}

static int settle(int proc, pid_t tid, const struct place *place, int socket, struct opener *ret_opener)
{
    struct person person = {0};
    int task = openat(proc, "self", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int r = task < 0 ? -errno : enter(proc, place);

    if (r == 0)
        r = read_person(proc, tid, &person);
    if (r == 0)
        r = mounts_init(&ret_opener->mounts, task);
    if (r == 0)
        r = become(&person);
    ret_opener->task = task;
    return r == 0 ? shut(socket, ret_opener) : r;
}

union fd_message {
    struct cmsghdr header;
    char room[CMSG_SPACE(sizeof(int))];
};

static int send_with(int socket, const void *bytes, size_t size, int fd)
{
    union fd_message control = {0};
    struct iovec iovec = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = size};
    struct msghdr message = {.msg_iov = &iovec, .msg_iovlen = 1};

    if (fd >= 0) {
        message.msg_control = &control;
        message.msg_controllen = sizeof(control.room);
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        control.header.cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
    }
    return sendmsg(socket, &message, MSG_NOSIGNAL) == (ssize_t)size ? 0 : -EPIPE;
}

static int receive_with(int socket, void *bytes, size_t size, int *ret_fd)
{
    union fd_message control = {0};
    struct iovec iovec = {.iov_base = bytes, .iov_len = size};
    struct msghdr message = {
        .msg_iov = &iovec, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control.room)};
    ssize_t got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    const struct cmsghdr *header = got < 0 ? NULL : CMSG_FIRSTHDR(&message);

    *ret_fd = -1;
    if (header && header->cmsg_type == SCM_RIGHTS && header->cmsg_len == CMSG_LEN(sizeof(int)))
        memcpy(ret_fd, CMSG_DATA(header), sizeof(int));
    return got == (ssize_t)size ? 0 : -EPIPE;
}

static int serve_one(int socket, struct opener *opener)
{
    static struct request request;
    static struct reply reply;
    cleanup_close int start = -1;
    cleanup_close int fd = -1;
    struct opening opening = {.path = request.path};

    if (receive_with(socket, &request, sizeof(request), &start) < 0)
        return -EPIPE;
    opening.flags = request.flags;
    opening.mode = request.mode;
    opening.resolve = request.resolve;
    opening.dirfd = start;
    fd = opener_open(opener, &opening, &reply.opened);
    reply.result = fd < 0 ? fd : 0;
    if (fd >= 0 && send_with(socket, &(char){FILE_FOLLOWS}, 1, fd) < 0)
        return -EPIPE;
    if (fd >= 0)
        close(steal_fd(&fd));
    return send_with(socket, &reply, sizeof(reply), -1);
}

static _Noreturn void work(int proc, pid_t tid, const struct place *place, int socket, pid_t parent)
{
    struct opener opener = {0};
    int r = settle(proc, tid, place, socket, &opener);

    /* Only now: other ids make it be forgotten. */
    if (r == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent)
        r = send_with(socket, &(char){READY}, 1, -1);
    while (r == 0)
        r = serve_one(socket, &opener);
    _exit(0);
}

/* In S. */

static bool await(int socket, int timeout_ms)
{
    struct pollfd pollfd = {.fd = socket, .events = POLLIN};

    return poll(&pollfd, 1, timeout_ms) == 1;
}

static int fork_worker(struct worker *worker)
{
    struct clone_args args = {.flags = CLONE_PIDFD, .pidfd = (uintptr_t)&worker->pidfd};
    pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));

    return pid < 0 ? -errno : pid;
}

static int start(int proc, pid_t tid, const struct place *place, struct worker *worker)
{
    pid_t parent = getpid();
    int sockets[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
        return -errno;
    worker->socket = sockets[0];
    worker->pid = fork_worker(worker);
    if (worker->pid == 0) {
        close(sockets[0]);
        work(proc, tid, place, sockets[1], parent);
    }
    close(sockets[1]);
    return worker->pid < 0 ? worker->pid : 0;
}

/* It says that it is ready; whether it is who it should be, the kernel says. */
static int check(int proc, const struct identity *identity, const struct worker *worker)
{
    struct identity came_out;
    int none, r;
    char byte;

    if (!await(worker->socket, START_MS) || receive_with(worker->socket, &byte, 1, &none) < 0)
        return -EPERM;
    r = identity_read(proc, worker->pid, &came_out);
    if (r < 0)
        return r;
    return identity_is_same(&came_out, identity) ? 0 : -ESTALE;
}

int worker_start(int proc, pid_t tid, const struct identity *identity, struct worker *ret_worker)
{
    struct worker worker = {.pidfd = -1, .socket = -1, .identity = *identity};
    struct place place;
    int r = open_place(proc, tid, &place);

    if (r < 0)
        return r;
    r = start(proc, tid, &place, &worker);
    close_place(&place);
    if (r == 0)
        r = check(proc, identity, &worker);
    if (r < 0) {
        worker_end(&worker);
        return r;
    }
    *ret_worker = worker;
    return 0;
}

static int exchange(const struct worker *worker, const struct request *request, int start, struct reply *ret_reply)
{
    cleanup_close int fd = -1;
    int none;
    char byte;

    if (send_with(worker->socket, request, sizeof(*request), start) < 0 || !await(worker->socket, ANSWER_MS))
        return -EPIPE;
    /* A file comes by itself, before the reply. */
    if (recv(worker->socket, &byte, 1, MSG_PEEK | MSG_TRUNC) == 1) {
        if (receive_with(worker->socket, &byte, 1, &fd) < 0 || fd < 0 || !await(worker->socket, ANSWER_MS))
            return -EPIPE;
    }
    if (receive_with(worker->socket, ret_reply, sizeof(*ret_reply), &none) < 0)
        return -EPIPE;
    if (ret_reply->result < 0)
        return ret_reply->result;
    return fd < 0 || ret_reply->opened.path_size > sizeof(ret_reply->opened.path) ? -EPIPE : steal_fd(&fd);
}

int worker_open(struct worker *worker, const struct opening *opening, struct opened *ret_opened)
{
    static struct request request;
    static struct reply reply;
    int fd;

    if (worker->lost)
        return OPENING_LEFT;
    request.flags = opening->flags;
    request.mode = opening->mode;
    request.resolve = opening->resolve;
    (void)snprintf(request.path, sizeof(request.path), "%s", opening->path);
    fd = exchange(worker, &request, opening->dirfd, &reply);
    if (fd == -EPIPE) {
        worker->lost = true;
        (void)syscall(SYS_pidfd_send_signal, worker->pidfd, SIGKILL, NULL, 0);
        return OPENING_LEFT;
    }
    if (fd >= 0)
        *ret_opened = reply.opened;
    return fd;
}

/* One that is killed and still hangs ends some day; nobody waits for it. */
void worker_end(struct worker *worker)
{
    if (worker->pid > 0) {
        (void)syscall(SYS_pidfd_send_signal, worker->pidfd, SIGKILL, NULL, 0);
        (void)waitpid(worker->pid, NULL, __WALL | (worker->lost ? WNOHANG : 0));
        cleanup_close_fd(&worker->pidfd);
    }
    if (worker->pid)
        cleanup_close_fd(&worker->socket);
    *worker = (struct worker){0};
}
