// SPDX-License-Identifier: Apache-2.0
/* What /proc tells: compared with what the process itself knows, with odd names, and with processes that end. */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "backends/proc.h"
#include "decoder/decode/record.h"

static struct encoder encoder;

/* The records that were emitted, copied one behind the other. */
static struct told {
    uint8_t *bytes;
    size_t size;
    unsigned count;
} told;

static void take(void *data, const uint8_t *record, size_t size)
{
    cr_assert_eq(data, &told);
    told.bytes = realloc(told.bytes, told.size + size);
    memcpy(told.bytes + told.size, record, size);
    told.size += size;
    told.count++;
}

static void forget(void)
{
    free(told.bytes);
    told = (struct told){0};
}

static struct sysfold_value param_of(const struct record *record, unsigned index)
{
    struct sysfold_value value;

    cr_assert_eq(record_param(record, index, &value), 0);
    return value;
}

static struct record thread_record(pid_t pid, pid_t tid)
{
    struct record record;

    forget();
    cr_assert_eq(proc_snapshot_thread(pid, tid, &encoder, take, &told), 0);
    cr_assert_eq(told.count, 1);
    cr_assert_eq(record_read(&record, sysfold_schema_builtin(), told.bytes, told.size, false), (int)told.size);
    cr_assert_eq(record.row->number, ROW_SNAP_THREAD);
    return record;
}

/* The record for that descriptor; false where there is none. */
static bool fd_record(pid_t pid, int fd, struct record *ret_record)
{
    bool found = false;

    forget();
    cr_assert_eq(proc_snapshot_fds(pid, &encoder, take, &told), 0);
    for (size_t at = 0; at < told.size;) {
        struct record record;
        int r = record_read(&record, sysfold_schema_builtin(), told.bytes + at, told.size - at, false);

        cr_assert_gt(r, 0);
        cr_assert_eq(record.row->number, ROW_SNAP_FD);
        cr_assert_eq(param_of(&record, P_SNAP_FD_pid).i, pid);
        if (param_of(&record, P_SNAP_FD_fd).i == fd) {
            *ret_record = record;
            found = true;
        }
        at += (size_t)r;
    }
    return found;
}

static void expect_bytes(const struct record *record, unsigned index, const void *bytes, size_t size)
{
    struct sysfold_value value = param_of(record, index);

    cr_assert_eq(value.status, SYSFOLD_PRESENT, "parameter %u", index);
    cr_assert_eq(value.size, size, "parameter %u is '%.*s'", index, (int)value.size, (const char *)value.data);
    cr_assert_eq(memcmp(value.data, bytes, size), 0, "parameter %u is '%.*s'", index, (int)value.size,
                 (const char *)value.data);
}

static void expect_string(const struct record *record, unsigned index, const char *string)
{
    expect_bytes(record, index, string, strlen(string));
}

/* A child that waits for its death; closed over by the caller's setup. */
static pid_t spawn(void (*setup)(void *data), void *data)
{
    int ready[2];
    char byte;
    pid_t child;

    cr_assert_eq(pipe2(ready, O_CLOEXEC), 0);
    child = fork();
    if (child == 0) {
        if (setup)
            setup(data);
        (void)!write(ready[1], "", 1);
        for (;;)
            pause();
    }
    close(ready[1]);
    cr_assert_eq(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return child;
}

static void reap(pid_t child)
{
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

static uint64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_REALTIME, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

TestSuite(proc, .fini = forget);

Test(proc, devices_are_encoded_as_the_kernel_does)
{
    cr_assert_eq(proc_encode_dev(makedev(8, 1)), 0x801);
    cr_assert_eq(proc_encode_dev(makedev(0, 0)), 0);
    cr_assert_eq(proc_encode_dev(makedev(0xfff, 0xfffff)), 0xffffffff);
    cr_assert_eq(proc_encode_dev(makedev(0x123, 0x45678)), 0x45612378);
}

Test(proc, a_process_is_told_as_it_knows_itself)
{
    struct record record = thread_record(getpid(), getpid());
    char cwd[4096], exe[4096];
    struct stat status;

    cr_assert_not_null(getcwd(cwd, sizeof(cwd)));
    exe[readlink("/proc/self/exe", exe, sizeof(exe) - 1)] = '\0';
    cr_assert_eq(record.tid, (uint32_t)getpid());
    cr_assert_leq(record.time, now());
    cr_assert_eq(param_of(&record, P_SNAP_THREAD_pid).i, getpid());
    cr_assert_eq(param_of(&record, P_SNAP_THREAD_ppid).i, getppid());
    cr_assert_eq(param_of(&record, P_SNAP_THREAD_pgid).i, getpgid(0));
    cr_assert_eq(param_of(&record, P_SNAP_THREAD_sid).i, getsid(0));
    cr_assert_eq(param_of(&record, P_SNAP_THREAD_uid).u, getuid());
    cr_assert_eq(param_of(&record, P_SNAP_THREAD_egid).u, getegid());
    cr_assert_eq(stat("/proc/self/ns/net", &status), 0);
    cr_assert_eq(param_of(&record, P_SNAP_THREAD_net_ns).u, status.st_ino);
    cr_assert_eq(stat("/proc/self/ns/user", &status), 0);
    cr_assert_eq(param_of(&record, P_SNAP_THREAD_user_ns).u, status.st_ino);
    expect_string(&record, P_SNAP_THREAD_cwd, cwd);
    expect_string(&record, P_SNAP_THREAD_exe, exe);
    cr_assert_gt(param_of(&record, P_SNAP_THREAD_argv).size, 0);
    cr_assert_gt(param_of(&record, P_SNAP_THREAD_cgroup).size, 0);
    cr_assert_neq(param_of(&record, P_SNAP_THREAD_cgroup).data[0], '\n');
}

Test(proc, a_birth_is_between_before_and_after_and_always_the_same)
{
    const uint64_t tick = 1000000000 / (uint64_t)sysconf(_SC_CLK_TCK);
    uint64_t before = now(), born, again;
    pid_t child = spawn(NULL, NULL);

    cr_assert_eq(proc_start_time(child, &born), 0);
    cr_assert_geq(born + tick, before);
    cr_assert_leq(born, now());
    for (int i = 0; i < 1000; i++) {
        cr_assert_eq(proc_start_time(child, &again), 0);
        cr_assert_eq(again, born);
    }
    reap(child);
}

static void take_name(void *name)
{
    prctl(PR_SET_NAME, name);
}

Test(proc, odd_names_confuse_nobody)
{
    static const char *const names[] = {"a) R 1 2 3", "a\nUid:\t7\t7",  "\n", "a\\n(", ")))", "",
                                        "\xff\xfe",   "123456789012345"};

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        pid_t child = spawn(take_name, (void *)names[i]);
        struct record record = thread_record(child, child);
        struct proc_ids ids;
        char comm[16];

        expect_string(&record, P_SNAP_THREAD_comm, names[i]);
        cr_assert_eq(param_of(&record, P_SNAP_THREAD_ppid).i, getpid());
        cr_assert_eq(param_of(&record, P_SNAP_THREAD_uid).u, getuid());
        cr_assert_eq(proc_comm(child, comm), 0);
        cr_assert_str_eq(comm, names[i]);
        cr_assert_eq(proc_ids(child, &ids), 0);
        cr_assert_eq(ids.uid, getuid());
        reap(child);
    }
}

Test(proc, an_argv_keeps_its_strings_and_says_when_it_is_cut)
{
    static char large[30000];
    char *const args[] = {"sh", "-c", "kill -STOP $$", "", NULL};
    char *const long_args[] = {"sh", "-c", "kill -STOP $$", large, NULL};
    char exec_done[2];
    struct record record;

    memset(large, '0', sizeof(large) - 1);
    for (int i = 0; i < 2; i++) {
        int done[2];
        pid_t child;

        cr_assert_eq(pipe2(done, O_CLOEXEC), 0);
        child = fork();
        if (child == 0) {
            execvp("sh", i ? long_args : args);
            _exit(1);
        }
        close(done[1]);
        cr_assert_eq(read(done[0], exec_done, 1), 0, "closed by exec");
        close(done[0]);
        record = thread_record(child, child);
        if (i == 0) {
            expect_bytes(&record, P_SNAP_THREAD_argv, "sh\0-c\0kill -STOP $$\0", 21);
            cr_assert_not(param_of(&record, P_SNAP_THREAD_argv).truncated);
        } else {
            cr_assert(param_of(&record, P_SNAP_THREAD_argv).truncated);
            cr_assert_eq(param_of(&record, P_SNAP_THREAD_argv).size, STRING_VECTOR_DEFAULT);
        }
        reap(child);
    }
}

struct thread {
    pthread_t thread;
    pid_t tid;
    int ready, leave;
};

static void *wait_there(void *data)
{
    struct thread *thread = data;
    uint64_t value;

    thread->tid = gettid();
    prctl(PR_SET_NAME, "worker");
    eventfd_write(thread->ready, 1);
    eventfd_read(thread->leave, &value);
    return NULL;
}

static void start_thread(struct thread *thread)
{
    uint64_t value;

    thread->ready = eventfd(0, EFD_CLOEXEC);
    thread->leave = eventfd(0, EFD_CLOEXEC);
    pthread_create(&thread->thread, NULL, wait_there, thread);
    eventfd_read(thread->ready, &value);
}

static void end_thread(struct thread *thread)
{
    eventfd_write(thread->leave, 1);
    pthread_join(thread->thread, NULL);
    close(thread->ready);
    close(thread->leave);
}

static bool among(pid_t wanted, const pid_t *pids, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (pids[i] == wanted)
            return true;
    }
    return false;
}

Test(proc, threads_are_listed_and_told)
{
    struct thread threads[40];
    struct record record;
    pid_t *tids;
    size_t count;

    for (size_t i = 0; i < 40; i++)
        start_thread(&threads[i]);
    cr_assert_eq(proc_threads(getpid(), &tids, &count), 0);
    cr_assert(among(getpid(), tids, count));
    for (size_t i = 0; i < 40; i++)
        cr_assert(among(threads[i].tid, tids, count));
    free(tids);
    record = thread_record(getpid(), threads[7].tid);
    cr_assert_eq(record.tid, (uint32_t)threads[7].tid);
    cr_assert_eq(param_of(&record, P_SNAP_THREAD_pid).i, getpid());
    expect_string(&record, P_SNAP_THREAD_comm, "worker");
    for (size_t i = 0; i < 40; i++)
        end_thread(&threads[i]);
}

Test(proc, children_are_listed_whichever_thread_made_them)
{
    pid_t children[300];
    pid_t *pids = NULL;
    size_t count;
    int r = proc_children(getpid(), &pids, &count);

    if (r == -ENOSYS)
        cr_skip_test("this kernel does not list children");
    cr_assert_eq(r, 0);
    cr_assert_eq(count, 0);
    cr_assert_null(pids);
    for (size_t i = 0; i < 300; i++)
        children[i] = spawn(NULL, NULL);
    cr_assert_eq(proc_children(getpid(), &pids, &count), 0);
    cr_assert_eq(count, 300);
    for (size_t i = 0; i < 300; i++) {
        cr_assert(among(children[i], pids, count));
        reap(children[i]);
    }
    free(pids);
}

Test(proc, a_thread_of_another_process_is_not_told)
{
    pid_t child = spawn(NULL, NULL);

    cr_assert_eq(proc_snapshot_thread(child, getpid(), &encoder, take, &told), -ESRCH);
    cr_assert_eq(told.count, 0);
    reap(child);
}

Test(proc, who_is_gone_is_gone)
{
    pid_t child = spawn(NULL, NULL);
    struct proc_file file;
    struct proc_ids ids;
    uint8_t pair[257];
    uint64_t born;
    pid_t *pids;
    size_t count;
    char comm[16];

    reap(child);
    cr_assert_eq(proc_snapshot_thread(child, child, &encoder, take, &told), -ESRCH);
    cr_assert_eq(proc_snapshot_fds(child, &encoder, take, &told), -ESRCH);
    cr_assert_eq(proc_threads(child, &pids, &count), -ESRCH);
    cr_assert_eq(proc_children(child, &pids, &count), -ESRCH);
    cr_assert_eq(proc_ids(child, &ids), -ESRCH);
    cr_assert_eq(proc_start_time(child, &born), -ESRCH);
    cr_assert_eq(proc_comm(child, comm), -ESRCH);
    cr_assert_eq(proc_fd_file(child, 0, &file), -ESRCH);
    cr_assert_eq(proc_exe_file(child, &file), -ESRCH);
    cr_assert_eq(proc_fd_sockets(child, 0, pair), -ESRCH);
    cr_assert_eq(told.count, 0);
}

Test(proc, a_zombie_is_told_with_what_it_still_has)
{
    pid_t child = spawn(NULL, NULL);
    struct record record;
    siginfo_t info;

    kill(child, SIGKILL);
    cr_assert_eq(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
    record = thread_record(child, child);
    cr_assert_eq(param_of(&record, P_SNAP_THREAD_ppid).i, getpid());
    cr_assert_eq(param_of(&record, P_SNAP_THREAD_argv).status, SYSFOLD_ABSENT);
    cr_assert_eq(param_of(&record, P_SNAP_THREAD_exe).status, SYSFOLD_ABSENT);
    cr_assert_eq(param_of(&record, P_SNAP_THREAD_cwd).status, SYSFOLD_ABSENT);
    cr_assert_eq(proc_snapshot_fds(child, &encoder, take, &told), 0);
    reap(child);
}

/* Whatever is asked of processes while they end, the answer is a whole record or -ESRCH. */
Test(proc, processes_that_end_meanwhile_do_no_harm)
{
    unsigned found = 0;

    signal(SIGCHLD, SIG_IGN); /* they end without leaving zombies, which would be told for ever */
    for (int i = 0; i < 400; i++) {
        pid_t child = fork();
        int r;

        if (child == 0) {
            for (volatile int spin = 0; spin < i * 1000; spin++)
                continue;
            _exit(0);
        }
        do {
            forget();
            r = proc_snapshot_thread(child, child, &encoder, take, &told);
            cr_assert(r == 0 || r == -ESRCH, "%d", r);
            cr_assert_eq(told.count, r == 0);
            if (r == 0) {
                struct record record;

                cr_assert_eq(record_read(&record, sysfold_schema_builtin(), told.bytes, told.size, false),
                             (int)told.size);
                cr_assert_eq(param_of(&record, P_SNAP_THREAD_pid).i, child);
                found++;
            }
            r = proc_snapshot_fds(child, &encoder, take, &told);
            cr_assert(r == 0 || r == -ESRCH, "%d", r);
        } while (r == 0);
    }
    cr_assert_gt(found, 0);
}

Test(proc, files_are_told_as_the_kernel_knows_them)
{
    char name[] = "/tmp/sysfold-proc-XXXXXX", deleted[100], pipe_name[64];
    int fd = mkstemp(name), pipes[2];
    struct proc_file file;
    struct record record;
    struct stat status;

    cr_assert_geq(fd, 0);
    cr_assert_eq(fstat(fd, &status), 0);
    cr_assert_eq(proc_fd_file(getpid(), fd, &file), 0);
    cr_assert_str_eq(file.path, name);
    cr_assert_eq(file.path_size, strlen(name));
    cr_assert_eq(file.ino, status.st_ino);
    cr_assert_eq(file.mode, status.st_mode);
    cr_assert_eq(file.dev, proc_encode_dev(status.st_dev));
    unlink(name);
    cr_assert(fd_record(getpid(), fd, &record));
    snprintf(deleted, sizeof(deleted), "%s (deleted)", name);
    expect_string(&record, P_SNAP_FD_file, deleted);
    cr_assert_eq(param_of(&record, P_SNAP_FD_ino).u, status.st_ino);
    cr_assert_eq(param_of(&record, P_SNAP_FD_flags).u & O_ACCMODE, O_RDWR);
    cr_assert_eq(param_of(&record, P_SNAP_FD_flags).u & O_CLOEXEC, 0);
    cr_assert_eq(param_of(&record, P_SNAP_FD_sockets).status, SYSFOLD_ABSENT);

    cr_assert_eq(pipe2(pipes, O_CLOEXEC | O_NONBLOCK), 0);
    cr_assert_eq(fstat(pipes[1], &status), 0);
    snprintf(pipe_name, sizeof(pipe_name), "pipe:[%lu]", (unsigned long)status.st_ino);
    cr_assert(fd_record(getpid(), pipes[1], &record));
    expect_string(&record, P_SNAP_FD_file, pipe_name);
    cr_assert(S_ISFIFO(param_of(&record, P_SNAP_FD_mode).u));
    cr_assert_eq(param_of(&record, P_SNAP_FD_flags).u & (O_CLOEXEC | O_NONBLOCK | O_ACCMODE),
                 O_CLOEXEC | O_NONBLOCK | O_WRONLY);
    cr_assert_eq(fcntl(pipes[1], F_DUPFD, 500), 500);
    cr_assert(fd_record(getpid(), 500, &record));
    close(500);
    cr_assert_not(fd_record(getpid(), 500, &record), "closed");
    cr_assert_eq(proc_fd_file(getpid(), 500, &file), -EBADF);
    close(pipes[0]);
    close(pipes[1]);
    close(fd);
}

Test(proc, a_path_too_long_to_tell_is_absent)
{
    char name[] = "/tmp/sysfold-proc-XXXXXX", part[201] = "";
    struct proc_file file;
    struct stat status;
    struct record record;
    int top, fd;

    memset(part, 'd', 200);
    cr_assert_not_null(mkdtemp(name));
    top = fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; i < 25; i++) {
        int next;

        cr_assert_eq(mkdirat(fd, part, 0700), 0);
        next = openat(fd, part, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd != top)
            close(fd);
        fd = next;
    }
    cr_assert_eq(proc_fd_file(getpid(), fd, &file), -ENAMETOOLONG);
    cr_assert_eq(fstat(fd, &status), 0);
    cr_assert_eq(file.ino, status.st_ino);
    cr_assert(fd_record(getpid(), fd, &record));
    cr_assert_eq(param_of(&record, P_SNAP_FD_file).status, SYSFOLD_ABSENT);
    cr_assert(S_ISDIR(param_of(&record, P_SNAP_FD_mode).u));
    for (int i = 0; i < 25; i++) {
        int up = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        cr_assert_eq(unlinkat(up, part, AT_REMOVEDIR), 0);
        close(fd);
        fd = up;
    }
    rmdir(name);
    close(fd);
    close(top);
}

Test(proc, the_image_is_a_file)
{
    struct proc_file file;
    struct stat status;

    cr_assert_eq(proc_exe_file(getpid(), &file), 0);
    cr_assert_eq(stat("/proc/self/exe", &status), 0);
    cr_assert_eq(file.ino, status.st_ino);
    cr_assert_eq(file.path[0], '/');
}

/* The pair of a child's socket, which the child made before it was forked: its number is the same here. */
static int pair_of_child(int fd, uint8_t pair[257])
{
    pid_t child = spawn(NULL, NULL);
    int r = proc_fd_sockets(child, fd, pair);
    struct record record;

    cr_assert(fd_record(child, fd, &record));
    if (r == -EPERM || r == -ENOSYS) {
        cr_assert_eq(param_of(&record, P_SNAP_FD_sockets).status, SYSFOLD_ABSENT);
        reap(child);
        cr_skip_test("pidfd_getfd() is not to be had here: %s", strerror(-r));
    }
    if (r > 0)
        expect_bytes(&record, P_SNAP_FD_sockets, pair, (size_t)r);
    else
        cr_assert_eq(param_of(&record, P_SNAP_FD_sockets).status, SYSFOLD_ABSENT);
    reap(child);
    return r;
}

static void expect_pair(int fd, const void *local, size_t local_size, const void *peer, size_t peer_size)
{
    uint8_t pair[257];

    cr_assert_eq(pair_of_child(fd, pair), (int)(1 + local_size + peer_size));
    cr_assert_eq(pair[0], local_size);
    cr_assert_eq(memcmp(pair + 1, local, local_size), 0);
    cr_assert_eq(memcmp(pair + 1 + local_size, peer, peer_size), 0);
}

/* Listens, connects, and expects the connecting end to be told with both addresses, the listening one with one. */
static void connect_and_expect(struct sockaddr *address, socklen_t size)
{
    int listener = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int client = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_storage local = {0};
    socklen_t local_size = sizeof(local);

    if (listener < 0 || bind(listener, address, size) < 0)
        cr_skip_test("no such address here: %s", strerror(errno));
    cr_assert_eq(listen(listener, 1), 0);
    cr_assert_eq(getsockname(listener, address, &size), 0);
    cr_assert_eq(connect(client, address, size), 0);
    cr_assert_eq(getsockname(client, (struct sockaddr *)&local, &local_size), 0);
    expect_pair(listener, address, size, "", 0);
    expect_pair(client, &local, local_size, address, size);
    close(listener);
    close(client);
}

Test(proc, sockets_of_ipv4)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    connect_and_expect((struct sockaddr *)&address, sizeof(address));
}

Test(proc, sockets_of_ipv6)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};

    connect_and_expect((struct sockaddr *)&address, sizeof(address));
}

Test(proc, sockets_with_a_path)
{
    struct sockaddr_un storage = {.sun_family = AF_UNIX};

    snprintf(storage.sun_path, sizeof(storage.sun_path), "/tmp/sysfold-proc-%d", getpid());
    connect_and_expect((struct sockaddr *)&storage, sizeof(storage));
    unlink(storage.sun_path);
}

Test(proc, abstract_sockets)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int n = snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "sysfold-%d", getpid());

    connect_and_expect((struct sockaddr *)&address,
                       (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n));
}

Test(proc, what_is_no_socket_says_so)
{
    uint8_t pair[257];
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

    cr_assert_eq(pair_of_child(fd, pair), -ENOTSOCK);
    cr_assert_eq(proc_fd_sockets(getpid(), 9999, pair), -EBADF);
    close(fd);
}

static void become_nobody(void *data)
{
    (void)data;
    if (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65533, 65534) < 0)
        _exit(1);
}

Test(proc, credentials_are_real_and_effective)
{
    struct proc_ids ids;
    pid_t child;

    if (geteuid() != 0)
        cr_skip_test("only root can change its ids");
    child = spawn(become_nobody, NULL);
    cr_assert_eq(proc_ids(child, &ids), 0);
    cr_assert_eq(ids.uid, 65534);
    cr_assert_eq(ids.euid, 65533);
    cr_assert_eq(ids.gid, 65534);
    reap(child);
}

/* In a child, since criterion needs its own user back. */
static void look_as_nobody(pid_t pid)
{
    struct proc_file file;
    struct record record;
    uint8_t pair[257];
    int r;

    become_nobody(NULL);
    record = thread_record(pid, pid);
    cr_assert_eq(param_of(&record, P_SNAP_THREAD_uid).u, 0);
    cr_assert_eq(param_of(&record, P_SNAP_THREAD_exe).status, SYSFOLD_ABSENT);
    cr_assert_eq(param_of(&record, P_SNAP_THREAD_cwd).status, SYSFOLD_ABSENT);
    cr_assert_eq(param_of(&record, P_SNAP_THREAD_net_ns).status, SYSFOLD_ABSENT);
    cr_assert_neq(param_of(&record, P_SNAP_THREAD_argv).status, SYSFOLD_ABSENT);
    forget();
    cr_assert_eq(proc_snapshot_fds(pid, &encoder, take, &told), -EACCES);
    cr_assert_eq(told.count, 0);
    cr_assert_eq(proc_fd_file(pid, 0, &file), -EACCES);
    r = proc_fd_sockets(pid, 0, pair);
    cr_assert(r == -EPERM || r == -ENOSYS, "%d", r);
}

Test(proc, of_another_user_only_what_anybody_may_see)
{
    int status;
    pid_t child;

    if (geteuid() != 0)
        cr_skip_test("needs root to be two users");
    child = fork();
    if (child == 0) {
        look_as_nobody(getppid());
        forget();
        _exit(42);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 42, "%#x", status);
}
