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
#include "perf-kit.h"

TestSuite(notify_perf, .timeout = 60);

/* ---- Calls. ---- */

Test(notify_perf, calls_are_told_with_arguments_and_results)
{
    perf_kit_need(PERF_MEANS_ALL);
    expect_odd_prctls(PERF_EXIT, record(&(struct perf_plan){.means = PERF_MEANS_ALL}, odd_prctls), 6);
    cr_assert_eq(count_calls(PERF_ENTRY, SYS_prctl), 0);
    forget();
}

/* Each register costs: those that nobody asked for are not there. */
Test(notify_perf, as_many_arguments_as_are_wanted)
{
    perf_kit_need(PERF_MEANS_ALL);
    for (unsigned wanted = 1; wanted <= PERF_ARGUMENTS; wanted++) {
        expect_odd_prctls(
            PERF_EXIT, record(&(struct perf_plan){.means = PERF_MEANS_ALL, .arguments = wanted}, odd_prctls), wanted);
        for (unsigned i = wanted; i < PERF_ARGUMENTS; i++)
            cr_assert_eq(told.records[find_call(PERF_EXIT, SYS_prctl, 0)].call.args[i], 0, "%u of %u", i, wanted);
        forget();
    }
}

Test(notify_perf, entries_come_before_exits)
{
    pid_t pid;
    size_t entry = 0;

    perf_kit_need(PERF_MEANS_ALL);
    pid = record(&(struct perf_plan){.means = PERF_MEANS_ALL, .entries = every_call()}, odd_prctls);
    expect_odd_prctls(PERF_EXIT, pid, 6);
    expect_odd_prctls(PERF_ENTRY, pid, 6);
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

    perf_kit_need(PERF_MEANS_ALL);
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

    perf_kit_need(PERF_MEANS_ALL);
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

    perf_kit_need(PERF_MEANS_ALL);
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

    cr_assert_eq(perf_add(perf, child.pid, &failure), 0, "%s", failure.message);
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

    perf_kit_need(PERF_MEANS_ALL);
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

    perf_kit_need(PERF_MEANS_ALL);
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    cr_assert_eq(sched_setaffinity(0, sizeof(one), &one), 0);
    only(SYS_getuid, words);
    perf = create(&(struct perf_plan){.means = PERF_MEANS_ALL, .calls = words, .ring_size = 8192});
    child = start(calls_with_pause);
    cr_assert_eq(perf_add(perf, child.pid, &failure), 0, "%s", failure.message);
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

    perf_kit_need(PERF_MEANS_ALL);
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    cr_assert_eq(sched_setaffinity(0, sizeof(one), &one), 0);
    only(SYS_getuid, words);
    perf = create(&(struct perf_plan){.means = PERF_MEANS_ALL, .calls = words, .ring_size = 8192});
    child = start(calls_without_pause);
    cr_assert_eq(perf_add(perf, child.pid, &failure), 0, "%s", failure.message);
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

    perf_kit_need(PERF_MEANS_ALL);
    only(SYS_prctl, words);
    perf = create(&(struct perf_plan){.means = PERF_MEANS_ALL, .calls = words, .ring_size = 4096});
    child = start(calls_in_steps);
    cr_assert_eq(perf_add(perf, child.pid, &failure), 0, "%s", failure.message);
    let_go(&child);
    forget();
    while (waitpid(child.pid, &status, WUNTRACED) == child.pid && WIFSTOPPED(status)) {
        drain(perf);
        cr_assert_eq(kill(child.pid, SIGCONT), 0);
    }
    cr_assert_eq(status, 0);
    drain(perf);
    expect_odd_prctls(PERF_EXIT, child.pid, 6);
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

    perf_kit_need(PERF_MEANS_ALL);
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
    cr_assert_eq((pid_t)told.records[after].call.args[1], child);
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

    perf_kit_need(PERF_MEANS_ALL);
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

    perf_kit_need(PERF_MEANS_ALL);
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

/* i386's getppid is 64, write is 4. */
Test(notify_perf, a_32_bit_program)
{
    struct perf *perf;
    struct child child;
    size_t getppids = 0, writes = 0;
    int status;

    perf_kit_need(PERF_MEANS_ALL);
    if (access(program_32(), X_OK))
        cr_skip_test("no 32-bit program: the compiler makes none");
    perf = create(&(struct perf_plan){.means = PERF_MEANS_ALL});
    child = start(run_32);
    cr_assert_eq(perf_add(perf, child.pid, &failure), 0, "%s", failure.message);
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
        writes += one->call.nr == 4 && one->call.result > 0 && !one->call.args[0];
    }
    cr_assert_eq(getppids, 10);
    cr_assert_geq(writes, 1);
    forget();
}

/* ---- The means. ---- */

static void with_little_memory(void)
{
    struct rlimit limit = {0, 0};

    cr_assert_eq(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
}

/* Without tracefs, and with what everybody may lock: the rings are as large as that lets them be. */
Test(notify_perf, a_user_with_cap_perfmon)
{
    as_nobody(true);
    perf_kit_need(PERF_MEANS_ALL);
    with_little_memory();
    expect_odd_prctls(PERF_EXIT, record(&(struct perf_plan){.means = PERF_MEANS_ALL}, odd_prctls), 6);
    forget();
}

Test(notify_perf, numbers_are_found_by_trying)
{
    struct tracepoints tried, read;

    perf_kit_need(PERF_MEANS_ALL);
    cr_assert_eq(tracepoints_try(&tried, &failure), 0, "%s", failure.message);
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

    perf_kit_need(PERF_MEANS_ALL);
    cr_assert_eq(pipe(ends), 0);
    cr_assert_eq(tracepoints_try(&tried, &failure), 0, "%s", failure.message);
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
    cr_assert_eq(perf_probe(&means, &failure), -EPERM);
    cr_assert(strstr(failure.message, "seccomp"), "%s", failure.message);
    cr_assert_eq(perf_create(&(struct perf_plan){.means = PERF_MEANS_ALL}, &perf, &failure), -EPERM);
    cr_assert_null(perf);
}

Test(notify_perf, a_kernel_without_perf_events)
{
    enum perf_means means;

    refuse_perf(ENOSYS);
    cr_assert_eq(perf_probe(&means, &failure), -ENOSYS);
    cr_assert(strstr(failure.message, "no perf events"), "%s", failure.message);
}

Test(notify_perf, a_thread_that_there_is_not)
{
    struct perf *perf;

    perf_kit_need(PERF_MEANS_ALL);
    perf = create(&(struct perf_plan){.means = PERF_MEANS_ALL, .entries = every_call()});
    cr_assert_eq(perf_add(perf, INT_MAX, &failure), -ESRCH);
    cr_assert(strstr(failure.message, "2147483647"), "%s", failure.message);
    drain(perf);
    perf_destroy(perf);
    perf_destroy(NULL);
}
