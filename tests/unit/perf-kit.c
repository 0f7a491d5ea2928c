// SPDX-License-Identifier: Apache-2.0
#include "perf-kit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "common/callset.h"
#include "common/cleanup.h"

struct sysfold_error failure;
struct told told;

const uint64_t *every_call(void)
{
    static uint64_t words[CALLSET_NATIVE_MAX / 64];

    memset(words, 0xff, sizeof(words));
    return words;
}

void perf_kit_need(enum perf_means wanted)
{
    enum perf_means means = PERF_MEANS_LIVES;

    if (perf_probe(&means, &failure) < 0 || means < wanted)
        cr_skip_test("not enough perf events: %s", failure.message);
}

void tell(const struct perf_record *record)
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

void drain(struct perf *perf)
{
    struct perf_record record;

    perf_look(perf);
    while (perf_next(perf, &record))
        tell(&record);
}

void forget(void)
{
    free(told.records);
    told = (struct told){0};
}

struct perf *create(const struct perf_plan *plan)
{
    struct perf *perf = NULL;

    cr_assert_eq(perf_create(plan, &perf, &failure), 0, "%s", failure.message);
    return perf;
}

struct child start(void (*work)(void))
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

void let_go(const struct child *child)
{
    cr_assert_eq(write(child->go, "g", 1), 1);
    close(child->go);
}

void expect_end(const struct child *child)
{
    int status;

    cr_assert_eq(waitpid(child->pid, &status, 0), child->pid);
    cr_assert_eq(status, 0, "the child ended with %#x", (unsigned)status);
}

/* Records it from its start to its end; read when it has ended. Returns its pid. */
pid_t record(const struct perf_plan *plan, void (*work)(void))
{
    struct perf *perf = create(plan);
    struct child child = start(work);

    cr_assert_eq(perf_add(perf, child.pid, &failure), 0, "%s", failure.message);
    let_go(&child);
    expect_end(&child);
    forget();
    drain(perf);
    perf_destroy(perf);
    return child.pid;
}

bool is_call(const struct perf_record *one, enum perf_kind kind, int64_t nr)
{
    return one->kind == kind && one->call.nr == nr;
}

/* The next record from `from` on that is such a call; told.count if there is none. */
size_t find_call(enum perf_kind kind, int64_t nr, size_t from)
{
    while (from < told.count && !is_call(&told.records[from], kind, nr))
        from++;
    return from;
}

size_t count_calls(enum perf_kind kind, int64_t nr)
{
    size_t count = 0;

    for (size_t i = 0; i < told.count; i++)
        count += is_call(&told.records[i], kind, nr);
    return count;
}

size_t find_kind(enum perf_kind kind, pid_t tid)
{
    size_t i = 0;

    while (i < told.count && (told.records[i].kind != kind || told.records[i].tid != tid))
        i++;
    return i;
}

void only(unsigned nr, uint64_t *words)
{
    memset(words, 0, CALLSET_NATIVE_MAX / 8);
    words[nr / 64] |= 1ULL << nr % 64;
}

/* prctl() with an option that there is not; every argument differs. */
void odd_prctls(void)
{
    for (unsigned long i = 0; i < CALLS; i++)
        syscall(SYS_prctl, 0x7000000070000000UL + i, i + 1, i + 2, i + 3, i + 4, i + 5);
}

void expect_odd_prctls(enum perf_kind kind, pid_t pid, unsigned arguments)
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
        for (unsigned long a = 1; a < arguments; a++)
            cr_assert_eq(one->call.args[a], i + a);
        if (kind == PERF_EXIT)
            cr_assert_eq(one->call.result, -EINVAL);
        cr_assert_geq(one->time, time);
        time = one->time;
    }
    cr_assert_eq(find_call(kind, SYS_prctl, at), told.count, "there are more");
    cr_assert_eq(told.lost, 0);
}

/* Whose locked memory is nobody else's: not the other tests', nor where all of it is used each other's. */
#define NOBODY 65533
#define NOBODY_FIRST 100000
#define NOBODIES 1000000

void as_nobody(bool with_perfmon)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{0}};
    uint32_t bit = with_perfmon ? 1U << (CAP_PERFMON - 32) : 0;
    uid_t nobody = with_perfmon ? NOBODY_FIRST + (uid_t)getpid() % NOBODIES : NOBODY;

    if (geteuid() != 0 && !with_perfmon)
        return;
    if (geteuid() != 0)
        cr_skip_test("only root becomes somebody else");
    cr_assert_eq(prctl(PR_SET_KEEPCAPS, 1), 0);
    cr_assert_eq(setresgid(65534, 65534, 65534), 0);
    cr_assert_eq(setresuid(nobody, nobody, nobody), 0);
    data[1].permitted = data[1].effective = bit;
    cr_assert_eq(syscall(SYS_capset, &header, data), 0);
    cr_assert_eq(prctl(PR_SET_DUMPABLE, 1), 0);
}

int paranoid(void)
{
    cleanup_fclose FILE *file = fopen("/proc/sys/kernel/perf_event_paranoid", "re");
    int level = INT_MAX;

    if (file && fscanf(file, "%d", &level) != 1)
        level = INT_MAX;
    return level;
}
