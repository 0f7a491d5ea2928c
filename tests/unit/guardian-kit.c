// SPDX-License-Identifier: Apache-2.0
#include "guardian-kit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "backends/daemon.h"
#include "backends/filter.h"
#include "backends/notify/listener.h"
#include "common/cleanup.h"

#define SUPERVISORS_ANSWER 4242

enum manner supervisor_manner = ANSWERS;

void pause_shortly(void)
{
    const struct timespec moment = {.tv_nsec = 2000000};

    nanosleep(&moment, NULL);
}

/* --- descriptors --- */

static void send_fds(int to, const void *bytes, size_t size, const int *fds, size_t count)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(64 * sizeof(int))];
    } control = {0};
    struct iovec part = {.iov_base = (void *)bytes, .iov_len = size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

    if (count) {
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(count * sizeof(int));
        control.header = (struct cmsghdr){
            .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(count * sizeof(int))};
        memcpy(CMSG_DATA(&control.header), fds, count * sizeof(int));
    }
    cr_assert_eq(sendmsg(to, &message, MSG_NOSIGNAL), (ssize_t)size, "%s", strerror(errno));
}

static int receive_fd(int from)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {0};
    char byte;
    struct iovec part = {.iov_base = &byte, .iov_len = 1};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
    int fd;

    cr_assert_eq(recvmsg(from, &message, MSG_CMSG_CLOEXEC), 1);
    cr_assert_eq(control.header.cmsg_type, SCM_RIGHTS);
    memcpy(&fd, CMSG_DATA(&control.header), sizeof(fd));
    return fd;
}

/* --- targets --- */

static int install(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};

    return filter_install(&program, SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
}

static struct job {
    int orders, told;
} job;

static void *obey(void *data)
{
    char byte;

    while (read(job.orders, &byte, 1) == 1) {
        long result = syscall(SYS_getppid);

        byte = result == SUPERVISORS_ANSWER ? PERFORMED : result >= 0 ? PASSED : FAILED;
        if (write(job.told, &byte, 1) != 1)
            break;
    }
    return data;
}

static void live(int orders, int told, int passing, unsigned threads)
{
    const int kept[] = {orders, told, passing};
    pthread_t thread;
    int listener;

    daemon_close_all_but(kept, 3);
    listener = install();
    if (listener < 0)
        _exit(1);
    send_fds(passing, "l", 1, &listener, 1);
    close(listener);
    close(passing);
    job = (struct job){.orders = orders, .told = told};
    while (--threads)
        pthread_create(&thread, NULL, obey, NULL);
    obey(NULL);
    _exit(0);
}

static void begin(struct caller *target, unsigned threads)
{
    int orders[2], told[2], passing[2];

    cr_assert_eq(pipe2(orders, O_CLOEXEC), 0);
    cr_assert_eq(pipe2(told, O_CLOEXEC), 0);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, passing), 0);
    target->pid = fork();
    cr_assert_geq(target->pid, 0);
    if (target->pid == 0)
        live(orders[0], told[1], passing[1], threads);
    close(orders[0]);
    close(told[1]);
    close(passing[1]);
    target->ask = orders[1];
    target->told = told[0];
    target->listener = receive_fd(passing[0]);
    close(passing[0]);
}

void target_start(struct caller *target)
{
    begin(target, 1);
}

void target_start_threads(struct caller *target)
{
    begin(target, 2);
}

void target_ask(const struct caller *target)
{
    cr_assert_eq(write(target->ask, "c", 1), 1);
}

enum answer target_hear(const struct caller *target)
{
    char byte;

    cr_assert_eq(read(target->told, &byte, 1), 1);
    return (enum answer)byte;
}

enum answer target_call(const struct caller *target)
{
    target_ask(target);
    return target_hear(target);
}

void target_end(struct caller *target)
{
    close(target->ask);
    cr_assert_eq(waitpid(target->pid, NULL, 0), target->pid);
    close(target->told);
    if (target->listener >= 0)
        close(target->listener);
}

/* --- the supervisor --- */

/* It tells which source it is by a record of sixteen bytes. */
static void __attribute__((noreturn)) supervise(const struct session *session)
{
    struct pollfd pollfds[] = {{.fd = session->listener, .events = POLLIN},
                               {.fd = session->lifeline, .events = POLLIN}};
    const uint8_t record[16] = {1, 0, 16};
    struct seccomp_notif notif;

    queue_put(session->queue, record, sizeof(record));
    while (poll(pollfds, 2, -1) >= 0 && !pollfds[1].revents) {
        if (!(pollfds[0].revents & POLLIN))
            break; /* the last target has ended */
        if (listener_receive(session->listener, &notif) < 0)
            continue;
        if (supervisor_manner != HOLDS_SECRETLY)
            session->shared->last_id = notif.id;
        if (supervisor_manner != ANSWERS) {
            session->shared->status = 1; /* says that it has received */
            while (true)
                pause();
        }
        (void)listener_answer(session->listener, notif.id, SUPERVISORS_ANSWER);
    }
    session->shared->ended = true;
    queue_end(session->queue);
    _exit(0);
}

/* --- the recorder --- */

void recorder_init(struct recorder *recorder)
{
    *recorder = (struct recorder){.lifeline = -1, .control = -1};
    (void)snprintf(recorder->directory, sizeof(recorder->directory), "/tmp/sysfold-guardian-XXXXXX");
    cr_assert(mkdtemp(recorder->directory));
    (void)snprintf(recorder->path, sizeof(recorder->path), "%s/socket", recorder->directory);
    cr_assert_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0); /* guardians are ours to wait for */
}

static void make_ends(struct recorder *recorder)
{
    int lifeline[2], control[2];
    void *bell = mmap(NULL, sizeof(*recorder->bell), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    cr_assert_neq(bell, MAP_FAILED);
    cr_assert_eq(pipe2(lifeline, O_CLOEXEC), 0);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control), 0);
    recorder->bell = bell;
    recorder->lifeline = lifeline[1];
    recorder->control = control[0];
    recorder->options.live.buffer_size = 1 << 18;
    recorder->plan = (struct guardian_plan){
        .session = {.options = &recorder->options, .lifeline = lifeline[0], .control = control[1], .listener = -1},
        .supervise = supervise,
        .bell = recorder->bell,
        .recorder_ends = {lifeline[1], control[0]},
        .listening = {.fd = -1},
        .predecessor = -1,
    };
}

static void start(struct recorder *recorder)
{
    struct sysfold_error error = {0};
    sigset_t all, before;
    int r;

    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    r = guardian_start(&recorder->plan, &error);
    sigprocmask(SIG_SETMASK, &before, NULL);
    cr_assert_eq(r, 0, "%s", error.message);
}

void recorder_start(struct recorder *recorder)
{
    const struct endpoint endpoint = {.path = recorder->path, .mode = 0600, .uid = (uid_t)-1, .gid = (gid_t)-1};
    struct sysfold_error error = {0};

    make_ends(recorder);
    cr_assert_eq(guardian_listen(&endpoint, &recorder->plan, &error), 0, "%s", error.message);
    start(recorder);
}

void recorder_start_command(struct recorder *recorder, struct shared *shared, struct queue *queue,
                            void (*supervise_command)(const struct session *) __attribute__((noreturn)))
{
    make_ends(recorder);
    recorder->plan.session.shared = shared;
    recorder->plan.session.queue = queue;
    recorder->plan.supervise = supervise_command;
    start(recorder);
}

pid_t recorder_start_elsewhere(struct recorder *recorder)
{
    int ready[2];
    char byte;
    pid_t pid;

    cr_assert_eq(pipe2(ready, O_CLOEXEC), 0);
    pid = fork();
    cr_assert_geq(pid, 0);
    if (pid == 0) {
        recorder_start(recorder);
        if (write(ready[1], "r", 1) == 1)
            pause();
        _exit(1);
    }
    close(ready[1]);
    cr_assert_eq(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return pid;
}

void recorder_kill(pid_t recorder)
{
    kill(recorder, SIGKILL);
    cr_assert_eq(waitpid(recorder, NULL, 0), recorder);
}

void await_exit(pid_t pid)
{
    cr_assert_eq(waitpid(pid, NULL, 0), pid, "%s", strerror(errno));
}

void await_all_exits(void)
{
    while (waitpid(-1, NULL, 0) > 0)
        ;
    cr_assert_eq(errno, ECHILD);
}

void recorder_dismiss(struct recorder *recorder, pid_t guardian)
{
    cr_assert_eq(write(recorder->lifeline, "s", 1), 1);
    await_exit(guardian);
}

void recorder_finish(struct recorder *recorder)
{
    if (recorder->lifeline >= 0)
        close(recorder->lifeline);
    if (recorder->control >= 0)
        close(recorder->control);
    if (recorder->bell)
        munmap((void *)recorder->bell, sizeof(*recorder->bell));
    guardian_plan_finish(&recorder->plan);
    cr_assert_eq(rmdir(recorder->directory), 0, "something is left in %s", recorder->directory);
}

/* --- what arrives --- */

static void await_either(const struct recorder *recorder, struct arrived *ret_source)
{
    struct pollfd pollfd = {.fd = recorder->control, .events = POLLIN};
    struct sysfold_error error = {0};
    int r = 0;

    while (r == 0) {
        poll(&pollfd, 1, -1);
        r = guardian_take_arrival(recorder->control, &ret_source->arrival, &ret_source->queue, &ret_source->shared,
                                  &error);
    }
    cr_assert_eq(r, 1, "%s", error.message);
}

void await_arrival(const struct recorder *recorder, struct arrived *ret_source)
{
    await_either(recorder, ret_source);
    cr_assert_eq(ret_source->arrival.kind, ARRIVAL_CONTAINER, "%s", ret_source->arrival.text);
    queue_share_bell(ret_source->queue, recorder->bell);
}

void await_complaint(const struct recorder *recorder, const char *what)
{
    struct arrived source;

    await_either(recorder, &source);
    cr_assert_eq(source.arrival.kind, ARRIVAL_COMPLAINT);
    cr_assert_null(source.queue);
    cr_assert(strstr(source.arrival.text, what), "'%s' does not say '%s'", source.arrival.text, what);
}

void source_finish(struct arrived *source)
{
    queue_destroy(source->queue);
    munmap(source->shared, sizeof(*source->shared));
}

void await_end(const struct arrived *source)
{
    const uint8_t *records;
    size_t size, total = 0;
    int r;

    while ((r = queue_get(source->queue, 1000, &records, &size)) != 0) {
        if (r > 0)
            total += size;
        else
            cr_assert_eq(r, -EAGAIN);
    }
    cr_assert_eq(total, 16, "the supervisor's record is there, and nothing else");
}

/* Its supervisor's parent. */
pid_t guardian_of(const struct arrived *source)
{
    char path[64];
    cleanup_fclose FILE *file = NULL;
    int parent = 0;

    (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)source->shared->supervisor);
    file = fopen(path, "re");
    cr_assert(file && fscanf(file, "%*d (%*[^)]) %*c %d", &parent) == 1);
    return parent;
}

unsigned open_files(pid_t pid)
{
    char path[64];
    DIR *directory;
    unsigned count = 0;

    (void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
    directory = opendir(path);
    cr_assert(directory);
    while (readdir(directory))
        count++;
    closedir(directory);
    return count;
}

/* --- runtimes --- */

int runtime_connect(const struct recorder *recorder)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    memcpy(address.sun_path, recorder->path, strlen(recorder->path));
    cr_assert_eq(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0, "%s", strerror(errno));
    return fd;
}

void runtime_send(int fd, const void *bytes, size_t size, const int *fds, size_t fd_count)
{
    send_fds(fd, bytes, size, fds, fd_count);
}

void runtime_introduce(const struct recorder *recorder, struct caller *target, const char *id)
{
    cleanup_free char *json = NULL;
    int fd = runtime_connect(recorder);

    cr_assert_gt(
        asprintf(&json, "{\"fds\":[\"seccompFd\"],\"pid\":%d,\"state\":{\"id\":\"%s\"}}", (int)target->pid, id), 0);
    runtime_send(fd, json, strlen(json), &target->listener, 1);
    close(fd);
    close(target->listener);
    target->listener = -1;
}
