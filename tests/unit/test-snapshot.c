// SPDX-License-Identifier: Apache-2.0
/* Snapshots by the kernel's iterators, held against what /proc tells of every process of the machine. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <sysfold/sysfold.h>

#include "backends/ebpf/snapshot.h"
#include "decoder/decode/record.h"

TestSuite(snapshot, .timeout = 60);

#define TICK 10000000 /* as /proc counts start times */
#define SEEN_MAX 20000

/* A snapshot taken apart. */
struct view {
    struct snapshot *snapshot;
    struct record records[SEEN_MAX];
    size_t count;
};

static struct view before, between, behind;

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* How far the records' time is from what it should be, and births from that. */
static int64_t clock_error, birth_error;

static void take(struct view *view, const struct snapshot_scope *scope, bool by_proc, bool again)
{
    uint64_t epoch = clock_ns(CLOCK_REALTIME) + (uint64_t)clock_error;
    uint64_t clock_offset = epoch - clock_ns(CLOCK_MONOTONIC), time, last = 0;
    const uint8_t *record;

    view->count = 0;
    cr_assert_eq(snapshot_create(epoch + (uint64_t)birth_error - clock_ns(CLOCK_BOOTTIME), &view->snapshot), 0);
    if (by_proc)
        snapshot_use_proc(view->snapshot);
    else
        snapshot_use_iterators(view->snapshot);
    cr_assert_eq(!view->snapshot->iterators, by_proc, "they are allowed where programs are");
    cr_assert_eq(snapshot_take(view->snapshot, scope, clock_offset, again), 0);
    while ((record = snapshot_head(view->snapshot, &time))) {
        cr_assert_lt(view->count, SEEN_MAX);
        cr_assert_gt(
            record_read(&view->records[view->count++], sysfold_schema_builtin(), record, RECORD_SIZE_MAX, false), 0);
        cr_assert_geq(time, last, "in the order of their times");
        last = time;
        snapshot_next(view->snapshot);
    }
    cr_assert_eq(!view->snapshot->iterators, by_proc, "they have not failed meanwhile");
}

static void forget(struct view *view)
{
    snapshot_destroy(view->snapshot);
    view->snapshot = NULL;
}

static int64_t fd_of(const struct record *record)
{
    return record->number == ROW_SNAP_FD ? record_integer(record, P_SNAP_FD_fd, -1) : -1;
}

/* What was told last of the same thread, or of the same descriptor. */
static const struct record *find(const struct view *view, const struct record *like)
{
    for (size_t i = view->count; i--;) {
        const struct record *record = &view->records[i];

        if (record->number == like->number && record->tid == like->tid && fd_of(record) == fd_of(like))
            return record;
    }
    return NULL;
}

static bool same_value(const struct record *a, const struct record *b, unsigned index)
{
    struct sysfold_value one, other;

    record_param(a, index, &one);
    record_param(b, index, &other);
    if (one.status != other.status || one.kind != other.kind)
        return false;
    if (one.kind == SYSFOLD_KIND_BYTES)
        return one.size == other.size && (!one.size || memcmp(one.data, other.data, one.size) == 0);
    return record_integer(a, index, -1) == record_integer(b, index, -1);
}

static bool same_record(const struct record *a, const struct record *b)
{
    for (unsigned i = 0; i < a->row->param_count; i++) {
        if (!same_value(a, b, i))
            return false;
    }
    return true;
}

/* /proc counts in ticks when a thread began, and tells of a kernel's worker what it works at. */
static bool may_differ(const struct record *proc, const struct record *record, unsigned index)
{
    struct sysfold_value exe;

    if (record->number != ROW_SNAP_THREAD)
        return false;
    if (index == P_SNAP_THREAD_start_time)
        return llabs(record_integer(proc, index, 0) - record_integer(record, index, 0)) < 2 * TICK;
    record_param(proc, P_SNAP_THREAD_exe, &exe);
    return index == P_SNAP_THREAD_comm && exe.status == SYSFOLD_ABSENT;
}

static void print_value(const struct record *record, unsigned index, char *to, size_t size)
{
    struct sysfold_value value;

    record_param(record, index, &value);
    if (value.kind == SYSFOLD_KIND_BYTES)
        (void)snprintf(to, size, "%d:'%.*s'", value.status, (int)value.size, (const char *)value.data);
    else
        (void)snprintf(to, size, "%d:%ld", value.status, (long)record_integer(record, index, -1));
}

static unsigned count_differences(const struct record *proc, const struct record *record, bool tell)
{
    char one[5000], other[5000];
    unsigned differences = 0;

    for (unsigned i = 0; i < record->row->param_count; i++) {
        if (same_value(proc, record, i) || may_differ(proc, record, i))
            continue;
        print_value(proc, i, one, sizeof(one));
        print_value(record, i, other, sizeof(other));
        cr_expect(!tell, "%u fd %ld: %s is %s, by /proc %s", record->tid, (long)fd_of(record),
                  record->row->params[i].name, other, one);
        differences++;
    }
    return differences;
}

/* What /proc told before and behind alike was so in between, unless somebody changed it to and fro. */
static unsigned compare_views(bool tell, size_t *ret_compared)
{
    unsigned differences = 0;

    *ret_compared = 0;
    for (size_t i = 0; i < before.count; i++) {
        const struct record *proc = &before.records[i], *later = find(&behind, proc), *record = find(&between, proc);

        if (!later || !same_record(proc, later))
            continue;
        cr_expect(record || !tell, "%u fd %ld was missed", proc->tid, (long)fd_of(proc));
        differences += record ? count_differences(proc, record, tell) : 1;
        ++*ret_compared;
    }
    return differences;
}

static void take_all(const struct snapshot_scope *scope)
{
    take(&before, scope, true, false);
    take(&between, scope, false, false);
    take(&behind, scope, true, false);
}

static void forget_all(void)
{
    forget(&before);
    forget(&between);
    forget(&behind);
}

/* Whoever else is at work on the machine is so at another moment the next time. */
static void expect_equal(const struct snapshot_scope *scope, size_t least)
{
    unsigned differences = 1;
    size_t compared = 0;

    for (int left = 20; left-- && differences;) {
        take_all(scope);
        differences = compare_views(!left, &compared);
        if (left && differences)
            forget_all();
    }
    cr_expect_gt(compared, least, "%zu compared", compared);
}

static void *idle(void *unused)
{
    prctl(PR_SET_NAME, "odd ) name");
    for (;;)
        pause();
    return unused;
}

static void listen_at(int family, const void *address, socklen_t size)
{
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), other;
    struct sockaddr_storage mine;
    socklen_t room = sizeof(mine);

    if (fd < 0 || bind(fd, address, size) < 0 || listen(fd, 5) < 0)
        return;
    getsockname(fd, (struct sockaddr *)&mine, &room);
    other = socket(family, SOCK_STREAM, 0);
    (void)connect(other, (struct sockaddr *)&mine, room);
    (void)accept(fd, NULL, NULL);
}

/* Some of everything that a descriptor can be, held until it is killed. */
static void hold_everything(void)
{
    struct sockaddr_in inet = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in6 inet6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct sockaddr_un local = {.sun_family = AF_UNIX, .sun_path = "\0sysfold-test-snapshot"};
    char gone[] = "/tmp/sysfold-snapshot-XXXXXX";
    int pair[2], fd = mkstemp(gone);
    pthread_t thread;

    unlink(gone);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    (void)pipe2(pair, O_CLOEXEC);
    (void)socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
    (void)socket(AF_NETLINK, SOCK_RAW, 0);
    (void)socket(AF_INET, SOCK_DGRAM, 0);
    listen_at(AF_INET, &inet, sizeof(inet));
    listen_at(AF_INET6, &inet6, sizeof(inet6));
    listen_at(AF_UNIX, &local, sizeof(sa_family_t) + 22);
    (void)eventfd(0, EFD_CLOEXEC);
    (void)timerfd_create(CLOCK_MONOTONIC, 0);
    (void)memfd_create("held", MFD_CLOEXEC);
    (void)open("/proc/self/ns/net", O_RDONLY);
    (void)open("/tmp", O_RDONLY | O_DIRECTORY);
    (void)open("/dev/null", O_RDWR | O_APPEND);
    (void)open("/tmp", O_PATH);
    (void)dup2(fd, 700);
    (void)chdir("/usr/lib");
    pthread_create(&thread, NULL, idle, NULL);
}

static pid_t start_holder(void)
{
    int ready[2];
    pid_t child;
    char byte;

    (void)!pipe(ready);
    child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        hold_everything();
        (void)!write(ready[1], "", 1);
        idle(NULL);
    }
    close(ready[1]);
    cr_assert_eq(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return child;
}

static void end(pid_t child)
{
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

Test(snapshot, is_what_proc_tells_of_every_process)
{
    const struct snapshot_scope all = {0};
    pid_t holder = start_holder();

    expect_equal(&all, 30);
    forget_all();
    end(holder);
}

Test(snapshot, of_one_process)
{
    pid_t holder = start_holder();
    const struct snapshot_scope one = {.only = holder};
    size_t threads = 0;

    expect_equal(&one, 20);
    cr_expect_eq(between.count, before.count);
    for (size_t i = 0; i < between.count; i++) {
        threads += between.records[i].number == ROW_SNAP_THREAD;
        cr_expect(between.records[i].tid == (uint32_t)holder || between.records[i].number == ROW_SNAP_THREAD);
    }
    cr_expect_eq(threads, 2);
    forget_all();
    end(holder);
}

static bool is_child(void *data, pid_t tgid)
{
    return tgid == *(pid_t *)data;
}

static void expect_only(pid_t pid, bool by_proc)
{
    const struct snapshot_scope chosen = {.is_chosen = is_child, .data = &pid};

    take(&between, &chosen, by_proc, true);
    cr_assert_gt(between.count, 20);
    for (size_t i = 0; i + 1 < between.count; i++)
        cr_expect_eq(record_integer(&between.records[i], 0, 0), pid);
    cr_expect_eq(between.records[between.count - 1].number, ROW_SNAP_THREAD, "a resync ends with");
    cr_expect_eq(between.records[between.count - 1].tid, 0, "what says that it is complete");
    forget(&between);
}

Test(snapshot, of_those_that_are_chosen)
{
    pid_t holder = start_holder();

    expect_only(holder, false);
    expect_only(holder, true);
    end(holder);
}

static void expect_no_zombie(pid_t zombie, bool by_proc)
{
    const struct snapshot_scope all = {0};

    take(&between, &all, by_proc, false);
    for (size_t i = 0; i < between.count; i++) {
        cr_expect_neq(between.records[i].tid, (uint32_t)zombie);
        cr_expect_neq(record_integer(&between.records[i], 0, 0), getpid(), "never of the recorder");
    }
    forget(&between);
}

Test(snapshot, leaves_out_who_has_ended)
{
    pid_t zombie = fork();

    if (zombie == 0)
        _exit(0);
    waitid(P_PID, (id_t)zombie, &(siginfo_t){0}, WEXITED | WNOWAIT);
    expect_no_zombie(zombie, false);
    expect_no_zombie(zombie, true);
    waitpid(zombie, NULL, 0);
}

/* It has just been born. */
static unsigned count_threads(pid_t pid, bool by_proc)
{
    const struct snapshot_scope all = {0};
    unsigned count = 0;

    take(&between, &all, by_proc, false);
    for (size_t i = 0; i < between.count; i++) {
        const struct record *record = &between.records[i];

        count += record->number == ROW_SNAP_THREAD && record_integer(record, P_SNAP_THREAD_pid, 0) == pid;
    }
    forget(&between);
    return count;
}

Test(snapshot, meets_everybody_whatever_the_clocks)
{
    const int64_t hour = 3600000000000;
    pid_t holder = start_holder();

    for (int sign = -1; sign <= 1; sign++) {
        clock_error = sign * hour; /* somebody has set it since */
        cr_expect_eq(count_threads(holder, false), 2, "set by %d hours", sign);
        cr_expect_eq(count_threads(holder, true), 2, "set by %d hours, by /proc", sign);
        clock_error = 0;
        birth_error = sign * hour; /* the machine has slept since */
        cr_expect_eq(count_threads(holder, false), 2, "slept for %d hours", sign);
        cr_expect_eq(count_threads(holder, true), 2, "slept for %d hours, by /proc", sign);
        birth_error = 0;
    }
    end(holder);
}

static unsigned count_tasks(pid_t pid)
{
    unsigned count = 0;
    char path[64];
    DIR *tasks;

    (void)snprintf(path, sizeof(path), "/proc/%d/task", pid);
    tasks = opendir(path);
    cr_assert_not_null(tasks);
    for (const struct dirent *entry; (entry = readdir(tasks));)
        count += *entry->d_name != '.';
    closedir(tasks);
    return count;
}

/* No event tells of their birth or their end. */
Test(snapshot, leaves_out_the_threads_by_which_the_kernel_serves)
{
    struct io_uring_params params = {.flags = IORING_SETUP_SQPOLL, .sq_thread_idle = 10};
    int ring = (int)syscall(SYS_io_uring_setup, 4, &params);
    pid_t server;

    if (ring < 0)
        cr_skip_test("no io_uring here: %s", strerror(errno));
    close(ring);
    server = fork();
    if (server == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)syscall(SYS_io_uring_setup, 4, &params);
        idle(NULL);
    }
    for (int left = 30000; left && count_tasks(server) < 2; left--)
        usleep(1000);
    cr_assert_eq(count_tasks(server), 2);
    cr_expect_eq(count_threads(server, false), 1);
    cr_expect_eq(count_threads(server, true), 1);
    end(server);
}

/* An exec by the thread of a process that has ended but for it and another thread, which is held on its way out. */
static atomic_int held_tid;
static atomic_int *held; /* the same, for whoever holds it; 0 again: it does */

static void *be_held(void *unused)
{
    atomic_store(&held_tid, (int)syscall(SYS_gettid));
    return idle(unused);
}

static void *call_exec(void *unused)
{
    while (atomic_load(held))
        usleep(1000);
    execl("/bin/sleep", "sleep", "100", NULL);
    return unused;
}

static char state_of(pid_t pid)
{
    char path[64], text[512] = "";
    FILE *file;

    (void)snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", pid, pid);
    file = fopen(path, "re");
    (void)!(file && fgets(text, sizeof(text), file));
    if (file)
        fclose(file);
    return strrchr(text, ')') ? strrchr(text, ')')[2] : '?';
}

Test(snapshot, meets_a_leader_that_makes_way)
{
    pthread_t thread;
    pid_t child, tid;

    held = mmap(NULL, sizeof(*held), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        pthread_create(&thread, NULL, be_held, NULL);
        while (!atomic_load(&held_tid))
            usleep(1000);
        atomic_store(held, atomic_load(&held_tid));
        pthread_create(&thread, NULL, call_exec, NULL);
        idle(NULL);
    }
    while (!(tid = atomic_load(held)))
        usleep(1000);
    cr_assert_eq(ptrace(PTRACE_SEIZE, tid, NULL, (void *)PTRACE_O_TRACEEXIT), 0);
    atomic_store(held, 0);
    for (int left = 30000; left && state_of(child) != 'Z'; left--)
        usleep(1000);
    cr_assert_eq(state_of(child), 'Z');
    cr_expect_eq(count_threads(child, false), 3, "the leader's number goes on, by the thread that called exec");
    cr_assert_eq(waitpid(tid, NULL, __WALL), tid);
    cr_assert_eq(ptrace(PTRACE_DETACH, tid, NULL, NULL), 0);
    end(child);
}

Test(snapshot, times_are_before_what_they_stamp)
{
    const struct snapshot_scope all = {0};
    uint64_t start = clock_ns(CLOCK_REALTIME);

    take(&between, &all, false, false);
    for (size_t i = 0; i < between.count; i++) {
        cr_expect_geq(between.records[i].time + TICK, start);
        if (between.records[i].number == ROW_SNAP_THREAD)
            cr_expect_eq(between.records[i].time, between.snapshot->begun);
        else
            cr_expect_leq(between.records[i].time, between.snapshot->ended);
    }
    forget(&between);
}

Test(snapshot, is_due_again_where_something_was_lost_behind_it)
{
    const uint64_t second = 1000000000;
    struct snapshot snapshot = {.begun = 10 * second};

    cr_expect_not(snapshot_is_due(&snapshot, 0, 100 * second));
    cr_expect(snapshot_is_due(&snapshot, 9 * second, 100 * second), "told behind it, whenever it was");
    cr_expect(snapshot_is_due(&snapshot, 10 * second, 11 * second));
    cr_expect_not(snapshot_is_due(&snapshot, 10 * second, 11 * second - 1), "at most once a second");
    snapshot.fds.size = 1;
    snapshot.fds.bytes = (uint8_t[RECORD_HEADER_SIZE]){0};
    cr_expect_not(snapshot_is_due(&snapshot, 10 * second, 11 * second), "not all of the last was handed on");
}
