// SPDX-License-Identifier: Apache-2.0
/* What perf tells users without a capability. */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "backends/notify/perf.h"
#include "backends/notify/tracepoints.h"
#include "common/callset.h"
#include "common/cleanup.h"
#include "perf-kit.h"

TestSuite(notify_perf_user, .timeout = 60);

/* One cache for all these tests, as a user has one: a search keeps tracepoints open for a while. */
static void need_as_nobody(enum perf_means means)
{
    char path[PATH_MAX];

    as_nobody(false);
    (void)snprintf(path, sizeof(path), "%s/sysfold-test-perf-%u", P_tmpdir, geteuid());
    (void)mkdir(path, 0700);
    cr_assert_eq(setenv("XDG_CACHE_HOME", path, 1), 0);
    perf_kit_need(means);
}

Test(notify_perf_user, the_reason_for_less)
{
    enum perf_means means = PERF_MEANS_ALL;

    as_nobody(false);
    if (paranoid() <= 1)
        cr_skip_test("kernel.perf_event_paranoid lets everybody");
    if (paranoid() > 2) {
        cr_assert_eq(perf_probe(&means, &failure), -EACCES);
        cr_assert_eq(means, PERF_MEANS_ALL, "it is written to though there is nothing");
    } else {
        need_as_nobody(PERF_MEANS_LIVES);
        cr_assert_eq(perf_probe(&means, &failure), 0, "%s", failure.message);
        cr_assert_lt(means, PERF_MEANS_ALL);
    }
    cr_assert_eq(failure.code, -EACCES);
    cr_assert(strstr(failure.message, "perf_event_paranoid"), "%s", failure.message);
}

/* ---- Single calls. ---- */

Test(notify_perf_user, single_calls_with_arguments_and_results)
{
    uint64_t words[CALLSET_NATIVE_MAX / 64];
    pid_t pid;
    size_t entry = 0;

    need_as_nobody(PERF_MEANS_EACH);
    only(SYS_prctl, words);
    pid = record(&(struct perf_plan){.means = PERF_MEANS_EACH, .calls = words, .entries = words}, odd_prctls);
    expect_odd_prctls(PERF_EXIT, pid, 6);
    expect_odd_prctls(PERF_ENTRY, pid, 5);
    forget();
    pid = record(&(struct perf_plan){.means = PERF_MEANS_EACH, .calls = words, .entries = words, .arguments = 3},
                 odd_prctls);
    expect_odd_prctls(PERF_EXIT, pid, 3);
    for (int i = 0; i < CALLS; i++) {
        entry = find_call(PERF_ENTRY, SYS_prctl, entry);
        cr_assert_eq(find_call(PERF_EXIT, SYS_prctl, entry), entry + 1);
        entry++;
    }
    forget();
}

/* Each a different number of times. */
static void mixed_calls(void)
{
    for (int i = 0; i < 10; i++)
        syscall(SYS_getppid);
    for (int i = 0; i < 20; i++)
        syscall(SYS_getuid);
    for (int i = 0; i < 30; i++)
        syscall(SYS_getgid);
    for (int i = 0; i < 40; i++)
        close(-1);
    syscall(2000);
}

Test(notify_perf_user, only_the_wanted_single_calls)
{
    uint64_t exits[CALLSET_NATIVE_MAX / 64], entries[CALLSET_NATIVE_MAX / 64];
    pid_t pid;

    need_as_nobody(PERF_MEANS_EACH);
    only(SYS_getppid, exits);
    exits[SYS_getgid / 64] |= 1ULL << SYS_getgid % 64;
    only(SYS_close, entries);
    pid = record(&(struct perf_plan){.means = PERF_MEANS_EACH, .calls = exits, .entries = entries}, mixed_calls);
    cr_assert_eq(count_calls(PERF_EXIT, SYS_getppid), 10);
    cr_assert_eq(count_calls(PERF_EXIT, SYS_getgid), 30);
    cr_assert_geq(count_calls(PERF_ENTRY, SYS_close), 40);
    for (size_t i = 0; i < told.count; i++) {
        const struct perf_record *one = &told.records[i];

        cr_assert(one->kind != PERF_EXIT || one->call.nr == SYS_getppid || one->call.nr == SYS_getgid);
        cr_assert(one->kind != PERF_ENTRY || one->call.nr == SYS_close);
    }
    cr_assert_eq(find_kind(PERF_END, pid), told.count - 1);
    forget();
}

/* The search found each call's own number: as many as the kernel has, but exit_group's and uprobes'. */
Test(notify_perf_user, numbers_of_single_calls)
{
    const struct call_tracepoints *ids;
    unsigned count = 0;

    need_as_nobody(PERF_MEANS_EACH);
    cr_assert_eq(tracepoints_find_calls(&ids, &failure), 0, "%s", failure.message);
    for (int i = 0; i < CALLSET_NATIVE_MAX; i++) {
        count += ids->exits[i] && ids->enters[i];
        for (int j = 0; j < i && ids->exits[i]; j++)
            cr_assert(ids->exits[j] != ids->exits[i] && ids->enters[j] != ids->enters[i] &&
                      ids->exits[j] != ids->enters[i]);
    }
    cr_assert_gt(count, 300);
    cr_expect(ids->exits[SYS_exit_group] && ids->enters[SYS_exit_group]);
}

Test(notify_perf_user, more_than_fits)
{
    struct perf *perf = NULL;
    struct rlimit limit = {128, 128};

    need_as_nobody(PERF_MEANS_EACH);
    cr_assert_eq(perf_create(&(struct perf_plan){.means = PERF_MEANS_EACH}, &perf, &failure), -EINVAL);
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    cr_assert_eq(perf_create(&(struct perf_plan){.means = PERF_MEANS_EACH, .calls = every_call()}, &perf, &failure),
                 -E2BIG);
    cr_assert(strstr(failure.message, "ulimit"), "%s", failure.message);
    cr_assert_null(perf);
}

/* ---- Lives. ---- */

static void fork_and_exec(void)
{
    pid_t pid = fork();

    if (pid == 0) {
        execl("/bin/true", "true", NULL);
        _exit(1);
    }
    if (waitpid(pid, NULL, 0) != pid)
        _exit(2);
}

static void expect_lives(const struct perf_plan *plan, bool end_is_exec)
{
    pid_t parent = record(plan, fork_and_exec), child;
    size_t birth, exec, end;

    for (birth = 0; birth < told.count && told.records[birth].kind != PERF_BIRTH; birth++)
        ;
    cr_assert_lt(birth, told.count);
    child = told.records[birth].tid;
    cr_assert_eq(told.records[birth].birth.ppid, parent);
    exec = find_kind(PERF_EXEC, child);
    end = find_kind(PERF_END, child);
    cr_assert(birth < exec && exec < end && end < told.count);
    cr_assert_str_eq(told.records[exec].comm, "true");
    cr_assert_eq(told.records[end].is_exec, end_is_exec);
    cr_assert_eq(find_kind(PERF_END, parent), told.count - 1);
    cr_assert(!told.records[told.count - 1].is_exec);
}

Test(notify_perf_user, lives_alone)
{
    need_as_nobody(PERF_MEANS_LIVES);
    expect_lives(&(struct perf_plan){.means = PERF_MEANS_LIVES}, true);
    cr_assert_eq(told.count, 4, "there is more than a birth, an exec and two ends");
    forget();
}

Test(notify_perf_user, lives_and_single_calls)
{
    uint64_t words[CALLSET_NATIVE_MAX / 64];

    need_as_nobody(PERF_MEANS_EACH);
    only(SYS_execve, words);
    expect_lives(&(struct perf_plan){.means = PERF_MEANS_EACH, .calls = words}, false);
    cr_assert_eq(count_calls(PERF_EXIT, SYS_execve), 1);
    cr_assert_eq(waitpid(-1, NULL, WNOHANG | __WALL), -1, "who closes the events is somebody's child");
    cr_assert_eq(errno, ECHILD);
    forget();
}

/* Of who executes a set-uid program the kernel ends all events, though it lives. */
static char directory[64], elevated[96];

static void run_elevated(void)
{
    execl(elevated, "sleep", "60", NULL);
    _exit(3);
}

static void copy(const char *from, const char *to)
{
    cleanup_close int source = open(from, O_RDONLY | O_CLOEXEC),
                      target = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0700);

    cr_assert(source >= 0 && target >= 0);
    while (sendfile(target, source, NULL, 1 << 20) > 0)
        ;
}

/* In a directory that the other user alone gets at, by his group. */
static void make_elevated(void)
{
    struct statvfs status;

    if (geteuid() != 0)
        cr_skip_test("only root makes a set-uid program");
    if (statvfs(P_tmpdir, &status) < 0 || status.f_flag & ST_NOSUID)
        cr_skip_test("programs in %s are never set-uid", P_tmpdir);
    (void)snprintf(directory, sizeof(directory), "%s/sysfold-test-perf-XXXXXX", P_tmpdir);
    cr_assert(mkdtemp(directory));
    (void)snprintf(elevated, sizeof(elevated), "%s/sleep", directory);
    copy("/bin/sleep", elevated);
    cr_assert_eq(chmod(elevated, 04755), 0);
    cr_assert_eq(chown(directory, 0, 65534), 0);
    cr_assert_eq(chmod(directory, 0770), 0);
}

Test(notify_perf_user, an_exec_of_a_set_uid_program)
{
    struct perf *perf;
    struct child child;
    size_t end;
    int i, status;

    make_elevated();
    as_nobody(false);
    if (paranoid() > 2 || paranoid() < 0)
        cr_skip_test("everything is allowed, or nothing");
    perf = create(&(struct perf_plan){.means = PERF_MEANS_LIVES});
    child = start(run_elevated);
    cr_assert_eq(perf_add(perf, child.pid, &failure), 0, "%s", failure.message);
    let_go(&child);
    forget();
    for (i = 0; i < 3000; i++, usleep(10000)) {
        drain(perf);
        end = find_kind(PERF_END, child.pid);
        if (end < told.count)
            break;
    }
    (void)unlink(elevated);
    (void)rmdir(directory);
    cr_assert_lt(i, 3000, "the kernel tells of no end");
    cr_assert_eq(waitpid(child.pid, NULL, WNOHANG), 0, "it has ended");
    cr_assert(told.records[end].is_exec);
    cr_assert_lt(find_kind(PERF_EXEC, child.pid), end);
    cr_assert_eq(kill(child.pid, SIGKILL), 0);
    cr_assert_eq(waitpid(child.pid, &status, 0), child.pid);
    perf_destroy(perf);
    forget();
}

Test(notify_perf_user, an_end_that_is_no_exec)
{
    pid_t pid;

    need_as_nobody(PERF_MEANS_LIVES);
    pid = record(&(struct perf_plan){.means = PERF_MEANS_LIVES}, mixed_calls);
    cr_assert_eq(told.count, 1);
    cr_assert_eq(told.records[0].kind, PERF_END);
    cr_assert_eq(told.records[0].tid, pid);
    cr_assert(!told.records[0].is_exec);
    forget();
}

/* ---- The cache. ---- */

static char cache[PATH_MAX], cached[PATH_MAX];

static void make_cache(void)
{
    char boot_id[37] = "";
    cleanup_fclose FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");

    cr_assert(file && fgets(boot_id, sizeof(boot_id), file));
    (void)snprintf(cache, sizeof(cache), "%s/sysfold-test-cache-XXXXXX", P_tmpdir);
    cr_assert(mkdtemp(cache));
    cr_assert_eq(setenv("XDG_CACHE_HOME", cache, 1), 0);
    cr_assert_lt(snprintf(cached, sizeof(cached), "%.64s/sysfold/tracepoints-%s", cache, boot_id), PATH_MAX);
}

static void remove_cache(void)
{
    char path[PATH_MAX];

    (void)unlink(cached);
    (void)snprintf(path, sizeof(path), "%.64s/sysfold", cache);
    cr_assert_eq(rmdir(path), 0, "something else was left in it");
    cr_assert_eq(rmdir(cache), 0);
}

static void put(const char *text)
{
    cleanup_fclose FILE *file = fopen(cached, "we");

    cr_assert(file);
    cr_assert_geq(fputs(text, file), 0);
}

Test(notify_perf_user, what_was_stored_is_loaded)
{
    struct call_tracepoints stored = {0}, loaded = {0};
    struct stat status;

    make_cache();
    cr_assert_eq(tracepoints_load(&loaded), -ENOENT);
    for (unsigned i = 0; i < CALLSET_NATIVE_MAX; i += 3) {
        stored.exits[i] = (uint16_t)(UINT16_MAX - i);
        stored.enters[i] = (uint16_t)(i % 2 ? i : 0);
    }
    cr_assert_eq(tracepoints_store(&stored), 0);
    cr_assert_eq(stat(cached, &status), 0);
    cr_assert_eq(status.st_mode & 07777, 0600);
    cr_assert_eq(tracepoints_load(&loaded), 0);
    cr_assert_arr_eq(&stored, &loaded, sizeof(stored));
    cr_assert_eq(tracepoints_store(&stored), 0, "a second time");
    remove_cache();
}

Test(notify_perf_user, a_cache_of_rubbish_is_ignored)
{
    static const char *const rubbish[] = {
        "",
        "sysfold tracepoints 1\n",
        "sysfold tracepoints 2\nend\n",
        "sysfold tracepoints 1\n110 1149 1150\n",
        "sysfold tracepoints 1\n110 1149 1150\nend\nmore",
        "sysfold tracepoints 1\n1024 1149 1150\nend\n",
        "sysfold tracepoints 1\n-1 1149 1150\nend\n",
        "sysfold tracepoints 1\n110 65536 1150\nend\n",
        "sysfold tracepoints 1\n110 0 1150\nend\n",
        "sysfold tracepoints 1\n110 1149\nend\n",
        "sysfold tracepoints 1\n110 1149 99999999999999999999999\nend\n",
        "sysfold tracepoints 1\n110  1149 1150\nend\n",
    };
    static const struct call_tracepoints none;
    struct call_tracepoints loaded = {0};

    make_cache();
    cr_assert_eq(tracepoints_store(&none), 0);
    for (size_t i = 0; i < sizeof(rubbish) / sizeof(*rubbish); i++) {
        put(rubbish[i]);
        cr_assert_eq(tracepoints_load(&loaded), -EINVAL, "%zu", i);
        cr_assert_arr_eq(&loaded, &none, sizeof(none));
    }
    put("sysfold tracepoints 1\n110 1149 1150\nend\n");
    cr_assert_eq(tracepoints_load(&loaded), 0);
    cr_assert_eq(loaded.exits[110], 1149);
    remove_cache();
}

Test(notify_perf_user, a_cache_of_somebody_elses_is_ignored)
{
    static const struct call_tracepoints none;
    struct call_tracepoints loaded;
    char moved[PATH_MAX + 8];

    make_cache();
    cr_assert_eq(tracepoints_store(&none), 0);
    cr_assert_eq(tracepoints_load(&loaded), 0);
    cr_assert_eq(chmod(cached, 0620), 0);
    cr_assert_eq(tracepoints_load(&loaded), -EPERM);
    cr_assert_eq(chmod(cached, 0600), 0);
    (void)snprintf(moved, sizeof(moved), "%s-moved", cached);
    cr_assert_eq(rename(cached, moved), 0);
    cr_assert_eq(symlink(moved, cached), 0);
    cr_assert_eq(tracepoints_load(&loaded), -ELOOP);
    cr_assert_eq(unlink(cached), 0);
    cr_assert_eq(mkfifo(cached, 0600), 0);
    cr_assert_eq(tracepoints_load(&loaded), -EPERM);
    cr_assert_eq(unlink(cached), 0);
    cr_assert_eq(rename(moved, cached), 0);
    if (geteuid() == 0) {
        cr_assert_eq(chown(cached, 65534, 65534), 0);
        cr_assert_eq(tracepoints_load(&loaded), -EPERM);
    }
    remove_cache();
}
