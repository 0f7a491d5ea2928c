// SPDX-License-Identifier: Apache-2.0
/* Records of this kernel's tracepoints, against what children are known to have done. */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "backends/notify/perf.h"
#include "backends/notify/tracepoints.h"
#include "common/callset.h"
#include "common/cleanup.h"

TestSuite(notify_perf, .timeout = 60);

/* What was told of a child. */
struct told {
    struct perf_record *records;
    size_t count, room;
    uint64_t lost;
};

static struct sysfold_error error;
static struct told told;

static const uint64_t *every_call(void)
{
    static uint64_t words[CALLSET_NATIVE_MAX / 64];

    memset(words, 0xff, sizeof(words));
    return words;
}

/* Without the means there is nothing to test, and perf_probe() says why. */
static void need_perf(void)
{
    enum perf_means means = PERF_MEANS_LIVES;

    if (perf_probe(&means, &error) < 0 || means < PERF_MEANS_ALL)
        cr_skip_test("no perf events of all calls: %s", error.message);
}

static void tell(const struct perf_record *record)
{
    if (record->kind == PERF_LOST)
        told.lost += record->lost;
    if (told.count == told.room) {
        told.room = told.room ? told.room * 2 : 1024;
        told.records = realloc(told.records, told.room * sizeof(*told.records));
        cr_assert(told.records);
    }
    told.records[told.count++] = *record;
}

static void drain(struct perf *perf)
{
    struct perf_record record;

    perf_look(perf);
    while (perf_next(perf, &record))
        tell(&record);
}

static void forget(void)
{
    free(told.records);
    told = (struct told){0};
}

static struct perf *create(const struct perf_plan *plan)
{
    struct perf *perf = NULL;

    cr_assert_eq(perf_create(plan, &perf, &error), 0, "%s", error.message);
    return perf;
}

/* A child that waits until it is recorded, and then does that. */
struct child {
    pid_t pid;
    int go;
};

static struct child start(void (*work)(void))
{
    struct child child;
    int ends[2];
    char byte;

    cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
    child.pid = fork();
    if (child.pid == 0) {
        close(ends[1]);
        if (read(ends[0], &byte, 1) != 1)
            _exit(1);
        work();
        _exit(0);
    }
    cr_assert_gt(child.pid, 0);
    close(ends[0]);
    child.go = ends[1];
    return child;
}

static void let_go(const struct child *child)
{
    cr_assert_eq(write(child->go, "g", 1), 1);
    close(child->go);
}

static void expect_end(const struct child *child)
{
    int status;

    cr_assert_eq(waitpid(child->pid, &status, 0), child->pid);
    cr_assert_eq(status, 0, "the child ended with %#x", (unsigned)status);
}

/* Records it from its start to its end; read when it has ended. Returns its pid. */
static pid_t record(const struct perf_plan *plan, void (*work)(void))
{
    struct perf *perf = create(plan);
    struct child child = start(work);

    cr_assert_eq(perf_add(perf, child.pid, &error), 0, "%s", error.message);
    let_go(&child);
    expect_end(&child);
    forget();
    drain(perf);
    perf_destroy(perf);
    return child.pid;
}

static bool is_call(const struct perf_record *one, enum perf_kind kind, int64_t nr)
{
    return one->kind == kind && one->call.nr == nr;
}

/* The next record from `from` on that is such a call; told.count if there is none. */
static size_t find_call(enum perf_kind kind, int64_t nr, size_t from)
{
    while (from < told.count && !is_call(&told.records[from], kind, nr))
        from++;
    return from;
}

static size_t count_calls(enum perf_kind kind, int64_t nr)
{
    size_t count = 0;

    for (size_t i = 0; i < told.count; i++)
        count += is_call(&told.records[i], kind, nr);
    return count;
}

static size_t find_kind(enum perf_kind kind, pid_t tid)
{
    size_t i = 0;

    while (i < told.count && (told.records[i].kind != kind || told.records[i].tid != tid))
        i++;
    return i;
}

static void only(unsigned nr, uint64_t *words)
{
    memset(words, 0, CALLSET_NATIVE_MAX / 8);
    words[nr / 64] |= 1ULL << nr % 64;
}

/* ---- Calls. ---- */

#define CALLS 3000

/* prctl() with an option that there is not; every argument differs. */
static void odd_prctls(void)
{
    for (unsigned long i = 0; i < CALLS; i++)
        syscall(SYS_prctl, 0x7000000070000000UL + i, i + 1, i + 2, i + 3, i + 4, i + 5);
}

static void expect_odd_prctls(enum perf_kind kind, pid_t pid)
{
    size_t at = 0;
    uint64_t time = 0;

    for (unsigned long i = 0; i < CALLS; i++, at++) {
        const struct perf_record *one;

        at = find_call(kind, SYS_prctl, at);
        cr_assert_lt(at, told.count, "call %lu is missing", i);
        one = &told.records[at];
        cr_assert_eq(one->tid, pid);
        cr_assert_eq(one->pid, pid);
        cr_assert(one->call.is_64);
        cr_assert_eq(one->call.args[0], 0x7000000070000000UL + i, "%lu: %#lx", i, one->call.args[0]);
        for (unsigned long a = 1; a < 6; a++)
            cr_assert_eq(one->call.args[a], i + a);
        if (kind == PERF_EXIT)
            cr_assert_eq(one->call.result, -EINVAL);
        cr_assert_geq(one->time, time);
        time = one->time;
    }
    cr_assert_eq(find_call(kind, SYS_prctl, at), told.count, "there are more");
    cr_assert_eq(told.lost, 0);
}

Test(notify_perf, calls_are_told_with_arguments_and_results)
{
    need_perf();
    expect_odd_prctls(PERF_EXIT, record(&(struct perf_plan){.means = PERF_MEANS_ALL}, odd_prctls));
    cr_assert_eq(count_calls(PERF_ENTRY, SYS_prctl), 0);
    forget();
}

Test(notify_perf, entries_come_before_exits)
{
    pid_t pid;
    size_t entry = 0;

    need_perf();
    pid = record(&(struct perf_plan){.means = PERF_MEANS_ALL, .entries = every_call()}, odd_prctls);
    expect_odd_prctls(PERF_EXIT, pid);
    expect_odd_prctls(PERF_ENTRY, pid);
    for (int i = 0; i < CALLS; i++) {
        size_t exit_at;

        entry = find_call(PERF_ENTRY, SYS_prctl, entry);
        exit_at = find_call(PERF_EXIT, SYS_prctl, entry);
        cr_assert_eq(exit_at, entry + 1);
        entry = exit_at;
    }
    forget();
}

Test(notify_perf, time_is_the_clocks)
{
    struct timespec before, after;
    uint64_t first, last;

    need_perf();
    clock_gettime(CLOCK_REALTIME, &before);
    record(&(struct perf_plan){.means = PERF_MEANS_ALL}, odd_prctls);
    clock_gettime(CLOCK_REALTIME, &after);
    first = (uint64_t)before.tv_sec * 1000000000 + (uint64_t)before.tv_nsec;
    last = (uint64_t)after.tv_sec * 1000000000 + (uint64_t)after.tv_nsec;
    for (size_t i = 0; i < told.count; i++)
        cr_assert(told.records[i].time >= first && told.records[i].time <= last);
    forget();
}

static void mixed_calls(void)
{
    for (int i = 0; i < 100; i++) {
        syscall(SYS_getppid);
        syscall(SYS_getuid);
        syscall(SYS_getgid);
        syscall(2000 + i); /* there is no such call */
    }
}

Test(notify_perf, only_the_wanted_calls)
{
    uint64_t words[CALLSET_NATIVE_MAX / 64];

    need_perf();
    only(SYS_getuid, words);
    record(&(struct perf_plan){.means = PERF_MEANS_ALL, .calls = words}, mixed_calls);
    cr_assert_eq(count_calls(PERF_EXIT, SYS_getuid), 100);
    for (size_t i = 0; i < told.count; i++)
        cr_assert(told.records[i].kind != PERF_EXIT || told.records[i].call.nr == SYS_getuid, "call %ld is told",
                  told.records[i].call.nr);
    record(&(struct perf_plan){.means = PERF_MEANS_ALL}, mixed_calls);
    cr_assert_eq(count_calls(PERF_EXIT, SYS_getuid), 100);
    cr_assert_eq(count_calls(PERF_EXIT, SYS_getppid), 100);
    cr_assert_eq(count_calls(PERF_EXIT, 2050), 1);
    forget();
}

/* More ranges than the kernel's longest filter has room for. */
Test(notify_perf, a_filter_that_is_too_long)
{
    uint64_t words[CALLSET_NATIVE_MAX / 64];

    need_perf();
    memset(words, 0x55, sizeof(words)); /* all even numbers */
    record(&(struct perf_plan){.means = PERF_MEANS_ALL, .calls = words}, mixed_calls);
    cr_assert_eq(count_calls(PERF_EXIT, SYS_getuid), 100);
    cr_assert_eq(count_calls(PERF_EXIT, SYS_getppid), 100);
    cr_assert_eq(SYS_getuid % 2, 0);
    for (size_t i = 0; i < told.count; i++)
        cr_assert(told.records[i].kind != PERF_EXIT || told.records[i].call.nr % 2 == 0 ||
                  told.records[i].call.nr == -1);
    forget();
}

/* ---- Threads. ---- */

enum { THREADS = 4, THREAD_CALLS = 100000 };

/* Numbers its calls, and yields its cpu at times so that it moves. */
static void *numbered(void *argument)
{
    for (unsigned long i = 0; i < THREAD_CALLS; i++) {
        syscall(SYS_prctl, 0x7000000070000000UL, i);
        if (i % 64 == 0)
            sched_yield();
    }
    return argument;
}

static void busy_threads(void)
{
    pthread_t threads[THREADS];

    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, numbered, NULL))
            _exit(2);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

/* Reads while the child runs. */
static pid_t record_running(const struct perf_plan *plan, void (*work)(void))
{
    struct perf *perf = create(plan);
    struct child child = start(work);
    int status;
    pid_t ended;

    cr_assert_eq(perf_add(perf, child.pid, &error), 0, "%s", error.message);
    let_go(&child);
    forget();
    do {
        (void)poll(&(struct pollfd){.fd = perf_fd(perf), .events = POLLIN}, 1, 10);
        ended = waitpid(child.pid, &status, WNOHANG);
        drain(perf);
    } while (ended == 0);
    cr_assert_eq(status, 0);
    perf_destroy(perf);
    return child.pid;
}

/* Each thread's numbers go up by one, from its birth to its end. */
static void expect_numbers(pid_t tid, bool none_lost)
{
    size_t at = find_kind(PERF_BIRTH, tid);
    uint64_t expected = 0;

    cr_assert_lt(at, told.count, "no birth of %d", tid);
    for (size_t i = 0; i < at; i++)
        cr_assert_neq(told.records[i].tid, tid, "%d does something before it is born", tid);
    for (; at < told.count && !(told.records[at].kind == PERF_END && told.records[at].tid == tid); at++) {
        const struct perf_record *one = &told.records[at];

        if (one->tid != tid || !is_call(one, PERF_EXIT, SYS_prctl))
            continue;
        if (one->call.args[0] != 0x7000000070000000UL)
            continue; /* the library's own */
        cr_assert_geq(one->call.args[1], expected, "%d: %lu after %lu", tid, one->call.args[1], expected);
        if (none_lost)
            cr_assert_eq(one->call.args[1], expected);
        expected = one->call.args[1] + 1;
    }
    if (none_lost)
        cr_assert_eq(expected, THREAD_CALLS);
    while (++at < told.count)
        cr_assert_neq(told.records[at].tid, tid, "%d does something after its end", tid);
}

Test(notify_perf, busy_threads_are_told_in_their_order)
{
    pid_t pid, tids[THREADS];
    size_t births = 0;

    need_perf();
    pid = record_running(&(struct perf_plan){.means = PERF_MEANS_ALL}, busy_threads);
    for (size_t i = 0; i < told.count; i++) {
        const struct perf_record *one = &told.records[i];

        if (one->kind != PERF_BIRTH)
            continue;
        cr_assert_lt(births, THREADS);
        cr_assert_eq(one->pid, pid);
        cr_assert_eq(one->birth.ppid, pid);
        cr_assert_eq(one->birth.parent_tid, pid);
        tids[births++] = one->tid;
    }
    cr_assert_eq(births, THREADS);
    cr_assert_eq(told.lost, 0, "%lu lost", told.lost);
    for (int i = 0; i < THREADS; i++)
        expect_numbers(tids[i], true);
    forget();
}

/* A ring of two pages while nobody reads: what is there, and what is said to be lost, is what was made. */
static void calls_with_pause(void)
{
    for (unsigned long i = 0; i < CALLS; i++)
        syscall(SYS_getuid);
    raise(SIGSTOP);
    syscall(SYS_getuid);
}

Test(notify_perf, what_is_lost_is_counted)
{
    uint64_t words[CALLSET_NATIVE_MAX / 64];
    struct perf *perf;
    struct child child;
    cpu_set_t one;
    int status;

    need_perf();
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    cr_assert_eq(sched_setaffinity(0, sizeof(one), &one), 0);
    only(SYS_getuid, words);
    perf = create(&(struct perf_plan){.means = PERF_MEANS_ALL, .calls = words, .ring_size = 8192});
    child = start(calls_with_pause);
    cr_assert_eq(perf_add(perf, child.pid, &error), 0, "%s", error.message);
    let_go(&child);
    cr_assert_eq(waitpid(child.pid, &status, WUNTRACED), child.pid);
    forget();
    drain(perf);
    cr_assert_lt(count_calls(PERF_EXIT, SYS_getuid), CALLS);
    cr_assert_gt(count_calls(PERF_EXIT, SYS_getuid), 8192 / 256);
    cr_assert_eq(kill(child.pid, SIGCONT), 0);
    expect_end(&child);
    drain(perf);
    cr_assert_eq(count_calls(PERF_EXIT, SYS_getuid) + told.lost, CALLS + 1);
    perf_destroy(perf);
    forget();
}

static void calls_without_pause(void)
{
    for (unsigned long i = 0; i < CALLS; i++)
        syscall(SYS_getuid);
}

/* Nothing comes after the losses that could tell of them. */
Test(notify_perf, what_is_lost_at_the_end_is_counted)
{
    uint64_t words[CALLSET_NATIVE_MAX / 64];
    struct perf *perf;
    struct child child;
    cpu_set_t one;

    need_perf();
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    cr_assert_eq(sched_setaffinity(0, sizeof(one), &one), 0);
    only(SYS_getuid, words);
    perf = create(&(struct perf_plan){.means = PERF_MEANS_ALL, .calls = words, .ring_size = 8192});
    child = start(calls_without_pause);
    cr_assert_eq(perf_add(perf, child.pid, &error), 0, "%s", error.message);
    cr_assert_eq(perf_lost(perf), 0);
    let_go(&child);
    expect_end(&child);
    forget();
    drain(perf);
    if (!perf_lost(perf))
        cr_skip_test("the kernel is older than 6.0");
    /* and the record of its end */
    cr_assert_eq(count_calls(PERF_EXIT, SYS_getuid) + told.lost + perf_lost(perf), CALLS + 1);
    perf_destroy(perf);
    forget();
}

/* The records' sizes do not divide the ring's: each place is straddled in time. */
static void calls_in_steps(void)
{
    for (unsigned long i = 0; i < CALLS; i++) {
        syscall(SYS_prctl, 0x7000000070000000UL + i, i + 1, i + 2, i + 3, i + 4, i + 5);
        if (i % 16 == 15)
            raise(SIGSTOP);
    }
}

Test(notify_perf, records_that_straddle_the_rings_edge)
{
    uint64_t words[CALLSET_NATIVE_MAX / 64];
    struct perf *perf;
    struct child child;
    int status;

    need_perf();
    only(SYS_prctl, words);
    perf = create(&(struct perf_plan){.means = PERF_MEANS_ALL, .calls = words, .ring_size = 4096});
    child = start(calls_in_steps);
    cr_assert_eq(perf_add(perf, child.pid, &error), 0, "%s", error.message);
    let_go(&child);
    forget();
    while (waitpid(child.pid, &status, WUNTRACED) == child.pid && WIFSTOPPED(status)) {
        drain(perf);
        cr_assert_eq(kill(child.pid, SIGCONT), 0);
    }
    cr_assert_eq(status, 0);
    drain(perf);
    expect_odd_prctls(PERF_EXIT, child.pid);
    perf_destroy(perf);
    forget();
}

/* ---- Lives. ---- */

static void fork_and_exec(void)
{
    pid_t pid = fork();

    if (pid == 0) {
        syscall(SYS_getppid);
        execl("/bin/true", "true", NULL);
        _exit(1);
    }
    if (waitpid(pid, NULL, 0) != pid)
        _exit(2);
    syscall(SYS_prctl, 0x7000000070000000UL, pid);
}

Test(notify_perf, births_execs_and_ends)
{
    pid_t parent, child;
    size_t birth, call, exec, end, after;

    need_perf();
    parent = record(&(struct perf_plan){.means = PERF_MEANS_ALL}, fork_and_exec);
    for (birth = 0; birth < told.count && told.records[birth].kind != PERF_BIRTH; birth++)
        ;
    cr_assert_lt(birth, told.count);
    child = told.records[birth].tid;
    cr_assert_eq(told.records[birth].pid, child);
    cr_assert_eq(told.records[birth].birth.ppid, parent);
    cr_assert_eq(told.records[birth].birth.parent_tid, parent);
    call = find_call(PERF_EXIT, SYS_getppid, birth);
    exec = find_kind(PERF_EXEC, child);
    end = find_kind(PERF_END, child);
    after = find_call(PERF_EXIT, SYS_prctl, end);
    cr_assert(birth < call && call < exec && exec < end && end < after && after < told.count);
    cr_assert_eq(told.records[call].call.result, parent);
    cr_assert_str_eq(told.records[exec].comm, "true");
    cr_assert_eq(told.records[exec].pid, child);
    cr_assert_eq(told.records[end].pid, child);
    cr_assert_eq(told.records[after].call.args[1], child);
    cr_assert_eq(find_kind(PERF_END, parent), told.count - 1);
    forget();
}

static void *exec_from_thread(void *argument)
{
    execl("/bin/true", "true", NULL);
    return argument;
}

static void thread_execs(void)
{
    pthread_t thread;

    pthread_create(&thread, NULL, exec_from_thread, NULL);
    pause();
}

/* The leader ends first, and the thread that executes takes its number. */
Test(notify_perf, exec_by_a_thread)
{
    pid_t pid;
    size_t birth, end, exec, last;

    need_perf();
    pid = record(&(struct perf_plan){.means = PERF_MEANS_ALL}, thread_execs);
    for (birth = 0; birth < told.count && told.records[birth].kind != PERF_BIRTH; birth++)
        ;
    end = find_kind(PERF_END, pid);
    exec = find_kind(PERF_EXEC, pid);
    cr_assert(birth < end && end < exec && exec < told.count);
    last = told.count - 1;
    cr_assert_eq(told.records[last].kind, PERF_END);
    cr_assert_eq(told.records[last].tid, pid);
    forget();
}

/* By the gate for 32-bit programs from 64-bit code, the number is i386's and the arguments are the native registers. */
static long gate(long nr, long first)
{
    long result;

    __asm__ volatile("int $0x80" : "=a"(result) : "a"(nr), "b"(first) : "memory", "r8", "r9", "r10", "r11");
    return result;
}

static void gate_calls(void)
{
    for (int i = 0; i < 10; i++)
        if (gate(20, 0) != getpid())
            _exit(3);
}

Test(notify_perf, calls_by_the_32_bit_gate)
{
    pid_t pid;
    size_t right = 0;

    need_perf();
    pid = record(&(struct perf_plan){.means = PERF_MEANS_ALL}, gate_calls);
    for (size_t i = 0; i < told.count; i++)
        right += is_call(&told.records[i], PERF_EXIT, 20) && told.records[i].call.result == pid;
    cr_assert_eq(right, 10);
    forget();
}

static const char *program_32(void)
{
    static char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 64);
    char *slash;

    cr_assert_gt(n, 0);
    path[n] = '\0';
    slash = strrchr(path, '/');
    (void)snprintf(slash, 64, "/../programs/program-calls-32");
    return path;
}

static void run_32(void)
{
    int null = open("/dev/null", O_WRONLY);

    dup2(null, 1);
    execl(program_32(), "calls", "10", NULL);
    _exit(7);
}

/* i386's getppid is 64 (write is 4, its first argument 1). */
Test(notify_perf, a_32_bit_program)
{
    struct perf *perf;
    struct child child;
    size_t getppids = 0, writes = 0;
    int status;

    need_perf();
    if (access(program_32(), X_OK))
        cr_skip_test("no 32-bit program: the compiler makes none");
    perf = create(&(struct perf_plan){.means = PERF_MEANS_ALL});
    child = start(run_32);
    cr_assert_eq(perf_add(perf, child.pid, &error), 0, "%s", error.message);
    let_go(&child);
    waitpid(child.pid, &status, 0);
    forget();
    drain(perf);
    perf_destroy(perf);
    for (size_t i = 0; i < told.count; i++) {
        const struct perf_record *one = &told.records[i];

        if (one->kind != PERF_EXIT || one->call.is_64)
            continue;
        getppids += one->call.nr == 64 && one->call.result == getpid();
        writes += one->call.nr == 4 && one->call.args[0] == 1 && one->call.args[2] == (uint64_t)one->call.result;
    }
    cr_assert_eq(getppids, 10);
    cr_assert_geq(writes, 1);
    forget();
}

/* ---- The means. ---- */

static void as_nobody(bool with_perfmon)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{0}};
    uint32_t bit = with_perfmon ? 1U << (CAP_PERFMON - 32) : 0;

    if (geteuid() != 0)
        cr_skip_test("only root becomes somebody else");
    cr_assert_eq(prctl(PR_SET_KEEPCAPS, 1), 0);
    cr_assert_eq(setresgid(65534, 65534, 65534), 0);
    cr_assert_eq(setresuid(65534, 65534, 65534), 0);
    data[1].permitted = data[1].effective = bit;
    cr_assert_eq(syscall(SYS_capset, &header, data), 0);
    cr_assert_eq(prctl(PR_SET_DUMPABLE, 1), 0);
}

static int paranoid(void)
{
    cleanup_fclose FILE *file = fopen("/proc/sys/kernel/perf_event_paranoid", "re");
    int level = INT_MAX;

    if (file && fscanf(file, "%d", &level) != 1)
        level = INT_MAX;
    return level;
}

Test(notify_perf, an_ordinary_user_is_told_why_not)
{
    enum perf_means means = PERF_MEANS_ALL;

    as_nobody(false);
    if (paranoid() <= 1)
        cr_skip_test("kernel.perf_event_paranoid lets everybody");
    if (paranoid() > 2) {
        cr_assert_eq(perf_probe(&means, &error), -EACCES);
        cr_assert_eq(means, PERF_MEANS_ALL, "it is written to though there is nothing");
    } else {
        cr_assert_eq(perf_probe(&means, &error), 0, "%s", error.message);
        cr_assert_lt(means, PERF_MEANS_ALL);
    }
    cr_assert_eq(error.code, -EACCES);
    cr_assert(strstr(error.message, "perf_event_paranoid"), "%s", error.message);
}

static void with_little_memory(void)
{
    struct rlimit limit = {0, 0};

    cr_assert_eq(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
}

/* Without tracefs, and with what everybody may lock: the rings are as large as that lets them be. */
Test(notify_perf, a_user_with_cap_perfmon)
{
    as_nobody(true);
    need_perf();
    with_little_memory();
    expect_odd_prctls(PERF_EXIT, record(&(struct perf_plan){.means = PERF_MEANS_ALL}, odd_prctls));
    forget();
}

Test(notify_perf, numbers_are_found_by_trying)
{
    struct tracepoints tried, read;

    need_perf();
    cr_assert_eq(tracepoints_try(&tried, &error), 0, "%s", error.message);
    if (tracepoints_read(&read) < 0)
        cr_skip_test("no tracefs to compare with");
    cr_assert_eq(tried.sys_enter, read.sys_enter);
    cr_assert_eq(tried.sys_exit, read.sys_exit);
}

/* Nobody has a child to wait for afterwards, nor a pipe's end that somebody else keeps open. */
Test(notify_perf, trying_leaves_nothing_behind)
{
    struct tracepoints tried;
    int ends[2];
    char byte;

    need_perf();
    cr_assert_eq(pipe(ends), 0);
    cr_assert_eq(tracepoints_try(&tried, &error), 0, "%s", error.message);
    cr_assert_eq(waitpid(-1, NULL, WNOHANG | __WALL), -1);
    cr_assert_eq(errno, ECHILD);
    close(ends[1]);
    cr_assert_eq(poll(&(struct pollfd){.fd = ends[0], .events = POLLIN}, 1, 0), 1);
    cr_assert_eq(read(ends[0], &byte, 1), 0);
}

static void refuse_perf(uint32_t code)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_perf_event_open, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | code),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof(filter) / sizeof(*filter), filter};

    cr_assert_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    cr_assert_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

Test(notify_perf, a_container_without_perf_events)
{
    enum perf_means means;
    struct perf *perf = NULL;

    refuse_perf(EPERM);
    cr_assert_eq(perf_probe(&means, &error), -EPERM);
    cr_assert(strstr(error.message, "seccomp"), "%s", error.message);
    cr_assert_eq(perf_create(&(struct perf_plan){.means = PERF_MEANS_ALL}, &perf, &error), -EPERM);
    cr_assert_null(perf);
}

Test(notify_perf, a_kernel_without_perf_events)
{
    enum perf_means means;

    refuse_perf(ENOSYS);
    cr_assert_eq(perf_probe(&means, &error), -ENOSYS);
    cr_assert(strstr(error.message, "no perf events"), "%s", error.message);
}

Test(notify_perf, a_thread_that_there_is_not)
{
    struct perf *perf;

    need_perf();
    perf = create(&(struct perf_plan){.means = PERF_MEANS_ALL, .entries = every_call()});
    cr_assert_eq(perf_add(perf, INT_MAX, &error), -ESRCH);
    cr_assert(strstr(error.message, "2147483647"), "%s", error.message);
    drain(perf);
    perf_destroy(perf);
    perf_destroy(NULL);
}
