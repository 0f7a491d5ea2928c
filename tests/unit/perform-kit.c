// SPDX-License-Identifier: Apache-2.0
#include "perform-kit.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "backends/filter.h"
#include "backends/memory.h"
#include "backends/notify/listener.h"
#include "common/cleanup.h"

#define NOT_YET (-4096)
#define CALLS                                                                                                          \
    "open,creat,openat,openat2,connect,setuid,setgid,setreuid,setregid,setresuid,setresgid,setfsuid,setfsgid,"         \
    "setgroups,capset,unshare,setns,chroot,pivot_root,landlock_restrict_self,fanotify_init,execve,execveat"

void (*stage_before)(const struct seccomp_notif *notif);
bool stage_is_container;

void need_user_namespaces(void)
{
    pid_t child = fork();
    int status = -1;

    if (child == 0)
        _exit(unshare(CLONE_NEWUSER) < 0 ? errno : 0);
    cr_assert_eq(waitpid(child, &status, 0), child);
    if (status)
        cr_skip_test("no user namespace can be made here, in a chroot? (%s)", strerror(WEXITSTATUS(status)));
}

struct stage *stage_make(void)
{
    struct stage *stage =
        mmap(NULL, sizeof(*stage), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    cr_assert_neq(stage, MAP_FAILED);
    stage->step = -1;
    return stage;
}

void stage_free(struct stage *stage)
{
    munmap(stage, sizeof(*stage));
}

static size_t read_memory(void *target, void *to, uint64_t address, size_t size)
{
    return memory_read(*(pid_t *)target, to, address, size);
}

static size_t read_string(void *target, char *to, uint64_t address, size_t size)
{
    return memory_read_string(*(pid_t *)target, to, address, size);
}

static const struct collect_ops ops = {.read = read_memory, .read_string = read_string};
static const struct collect_limits limits = {.snaplen = 64, .string_vector_max = 64};

/* One likeness for each thread; those of threads that are gone are never used again here. */
struct thread {
    pid_t tid;
    struct likeness likeness;
};

struct server {
    struct stage *stage;
    struct performer *performer;
    int listener;
    struct kept kept;
    struct thread threads[64];
};

static struct likeness *find_likeness(struct server *server, pid_t tid)
{
    for (size_t i = 0; i < 64; i++) {
        if (server->threads[i].tid == tid)
            return &server->threads[i].likeness;
        if (!server->threads[i].tid) {
            server->threads[i].tid = tid;
            return &server->threads[i].likeness;
        }
    }
    cr_assert_fail("too many threads");
    return NULL;
}

static void note(struct told *told, bool performed, const struct performance *performance)
{
    told->seen = true;
    told->performed = performed;
    if (!performed)
        return;
    told->result = performance->result;
    told->has_file = performance->has_file;
    told->dev = performance->dev;
    told->ino = performance->ino;
    snprintf(told->path, sizeof(told->path), "%.*s", performance->path_size, performance->path);
    told->sockets_size = performance->sockets_size;
    memcpy(told->sockets, performance->sockets, sizeof(told->sockets));
}

static void serve_one(struct server *server, const struct seccomp_notif *notif)
{
    static struct performance performance;
    struct likeness *likeness = find_likeness(server, (pid_t)notif->pid);
    struct call call = {.row = call_row(notif->data.arch, (uint32_t)notif->data.nr),
                        .arch = notif->data.arch,
                        .nr = (uint32_t)notif->data.nr};
    pid_t tid = (pid_t)notif->pid;
    int step = server->stage->step;
    bool performed;

    memcpy(call.args, notif->data.args, sizeof(call.args));
    collect_passed(&ops, &tid, &limits, &call, &server->kept);
    if (stage_before)
        stage_before(notif);
    performed = step >= 0 && perform(server->performer, notif, &call, &server->kept, likeness, &performance);
    if (step >= 0)
        note(&server->stage->told[step], performed, &performance);
    if (performed)
        return;
    performer_let_go(server->performer, &call, likeness);
    (void)listener_continue(server->listener, notif->id);
}

static void serve(struct server *server)
{
    struct pollfd pollfd = {.fd = server->listener, .events = POLLIN};
    struct seccomp_notif notif;

    while (poll(&pollfd, 1, -1) == 1 && pollfd.revents & POLLIN) {
        if (listener_receive(server->listener, &notif) == 0)
            serve_one(server, &notif);
    }
}

static struct sock_fprog make_filter(void)
{
    struct callset calls;
    struct filter_plan plan = {.action = SCMP_ACT_NOTIFY, .calls = &calls};
    struct sock_fprog program;

    cr_assert_eq(callset_parse(&calls, CALLS, NULL), 0);
    cr_assert_eq(filter_make(&plan, &program), 0);
    return program;
}

static void await_status(pid_t pid)
{
    int status;

    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the target ended with status %x", (unsigned)status);
}

static int take_listener(struct stage *stage, pid_t pid)
{
    cleanup_close int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    int fd;

    while (stage->listener == NOT_YET)
        usleep(100);
    cr_assert_geq(stage->listener, 0, "no filter: %d", stage->listener);
    fd = (int)syscall(SYS_pidfd_getfd, pidfd, stage->listener, 0);
    cr_assert_geq(fd, 0, "no listener: %d", errno);
    stage->listener = NOT_YET; /* the target may close its own */
    return fd;
}

static void become_target(struct stage *stage, const struct sock_fprog *program, void (*body)(struct stage *))
{
    int listener = filter_install(program, SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);

    stage->listener = listener;
    while (stage->listener != NOT_YET)
        usleep(100);
    close(listener);
    body(stage);
    _exit(0);
}

bool stage_serve(struct stage *stage, void (*body)(struct stage *))
{
    struct server server = {.stage = stage};
    struct sock_fprog program = make_filter();
    struct sysfold_error error;
    pid_t pid;
    int r;

    stage->listener = NOT_YET;
    pid = fork();
    if (pid == 0)
        become_target(stage, &program, body);
    server.listener = take_listener(stage, pid);
    free(program.filter);
    r = performer_create(server.listener, stage_is_container, &server.performer, &error);
    cr_assert(r == 0 || r == -ENOSYS, "%s", error.message);
    if (r == 0)
        serve(&server);
    else
        kill(pid, SIGKILL);
    performer_destroy(server.performer);
    kept_finish(&server.kept);
    close(server.listener);
    if (r == 0)
        await_status(pid);
    return r == 0;
}

void stage_run(struct stage *stage, void (*body)(struct stage *))
{
    pid_t pid = fork();

    if (pid == 0) {
        body(stage);
        _exit(0);
    }
    await_status(pid);
}

void step_begin(struct stage *stage, int step)
{
    stage->step = step;
}

void step_end(struct stage *stage)
{
    stage->step = -1;
}

static unsigned info_flags(int fd)
{
    char path[64], text[256] = "";
    const char *line;
    unsigned flags = 0;
    int info;

    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
    info = open(path, O_RDONLY | O_CLOEXEC);
    if (info < 0 || read(info, text, sizeof(text) - 1) < 0)
        return 0;
    close(info);
    line = strstr(text, "flags:");
    return line && sscanf(line, "flags: %o", &flags) == 1 ? flags : 0;
}

void made_measure(struct made *made, int fd, int error)
{
    struct stat status;

    memset(made, 0, sizeof(*made));
    made->result = fd < 0 ? -error : fd;
    if (fd < 0)
        return;
    if (fstat(fd, &status) == 0) {
        made->mode = status.st_mode;
        made->uid = status.st_uid;
        made->gid = status.st_gid;
        made->rdev = (uint32_t)status.st_rdev;
        made->size = S_ISDIR(status.st_mode) ? 0 : status.st_size;
    }
    made->status_flags = fcntl(fd, F_GETFL);
    made->fd_flags = fcntl(fd, F_GETFD);
    made->info_flags = info_flags(fd);
    close(fd);
}

void stage_directory(struct stage *stage, const char *where)
{
    snprintf(stage->directory, sizeof(stage->directory), "%s/sysfold-perform-XXXXXX", where);
    cr_assert_not_null(mkdtemp(stage->directory));
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *where)
{
    (void)status;
    (void)type;
    (void)where;
    return remove(path);
}

void stage_clear(struct stage *stage)
{
    (void)nftw(stage->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    cr_assert_lt(access(stage->directory, F_OK), 0, "%s is still there", stage->directory);
}
