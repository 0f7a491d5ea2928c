// SPDX-License-Identifier: Apache-2.0
/* The notify backend through the public API: what it tells of programs that are hard to follow, and what they notice
 * of it. */

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "traced.h"

static struct trace trace;

#define OPTIONS(...)                                                                                                   \
    (&(struct sysfold_live_options){.size = sizeof(struct sysfold_live_options), .backend = "notify", __VA_ARGS__})
#define ARGV(...) ((char *[]){__VA_ARGS__, NULL})
#define PROGRAM(NAME) ((char *)program(NAME))

static struct sysfold_backend_info probed(void)
{
    struct sysfold_backend_info info;
    size_t i = 0;

    do {
        info = (struct sysfold_backend_info){.size = sizeof(info)};
        cr_assert_eq(sysfold_backend_probe(i++, &info), 0);
    } while (strcmp(info.name, "notify") != 0);
    return info;
}

/* Most of what follows counts calls and their results. */
static void need_all_results(void)
{
    struct sysfold_backend_info info = probed();

    if (info.usability != SYSFOLD_USABLE || !strstr(info.reason, "all calls"))
        cr_skip_test("perf does not tell of all calls here: %s %s", info.reason, info.remedy);
}

TestSuite(notify_live, .init = need_all_results, .timeout = 110);

static void expect_output(const char *expected)
{
    cr_assert_str_eq(trace.output, expected);
}

Test(notify_live, calls_arguments_and_results)
{
    trace_run(&trace, OPTIONS(.argv = ARGV(PROGRAM("calls"), (char *)"10")));
    expect_output("getppid 10 fd 3 failures 0\n");
    cr_assert_eq(trace.status, 7 << 8);
    cr_assert_eq(trace_count(&trace, "getppid"), 10);
    cr_assert_eq(trace_count_result(&trace, "openat", -EFAULT), 1);
    cr_assert_eq(trace_count_text(&trace, "openat", "path=\"/nonexistent/file\""), 1);
    cr_assert_eq(trace_count_result(&trace, "close", -EBADF), 1);
    cr_assert_not(trace_nth(&trace, "exit_group", 0)->has_result);
    trace_finish(&trace);
}

Test(notify_live, only_the_chosen_calls_are_told)
{
    trace_run(&trace, OPTIONS(.argv = ARGV(PROGRAM("calls"), (char *)"25"), .syscalls = "getppid,exit_group"));
    cr_assert_eq(trace_count(&trace, "getppid"), 25);
    cr_assert_eq(trace_count(&trace, "exit_group"), 1);
    cr_assert_eq(trace_count(&trace, "openat"), 0);
    cr_assert_eq(trace_count(&trace, "execve"), 0);
    cr_assert_eq(trace_count(&trace, "set_tid_address"), 0, "stopped at, and not chosen");
    cr_assert_eq(trace_count(&trace, "exec"), 1);
    cr_assert_eq(trace_count(&trace, "process_exit"), 1);
    trace_finish(&trace);
}

Test(notify_live, durations_on_request)
{
    trace_run(&trace, OPTIONS(.argv = ARGV(PROGRAM("calls"), (char *)"3"), .timed = true));
    for (size_t i = 0; i < 3; i++)
        cr_assert(trace_nth(&trace, "getppid", i)->flags & SYSFOLD_EVENT_TIMED);
    trace_finish(&trace);
}

Test(notify_live, exec_by_a_thread_that_is_not_the_leader)
{
    for (int narrow = 0; narrow < 2; narrow++) {
        const struct seen *exec;

        trace_run(&trace,
                  OPTIONS(.argv = ARGV(PROGRAM("exec-by-thread")), .syscalls = narrow ? "execve,getppid,pause" : NULL));
        expect_output("after: tid is pid: 1\n");
        cr_assert_eq(trace.status, 3 << 8);
        cr_assert_eq(trace_count(&trace, "exec"), 2);
        exec = trace_nth(&trace, "exec", 1);
        cr_assert_eq(exec->tid, trace.events[0].tid, "the leader's id lives on");
        cr_assert_eq(trace_count_result(&trace, "execve", 0), 2);
        cr_assert_eq(trace_nth(&trace, "execve", 1)->tid, exec->tid);
        cr_assert_eq(trace_count(&trace, "getppid"), 5);
        cr_assert_eq(trace_count(&trace, "pause"), 2);
        cr_assert_eq(trace_count(&trace, "process_exit"), 1);
        trace_finish(&trace);
    }
}

Test(notify_live, many_threads_race_to_exec)
{
    size_t processes;

    trace_run(&trace, OPTIONS(.argv = ARGV(PROGRAM("exec-storm"), (char *)"30")));
    expect_output("the storm is over\n");
    cr_assert_eq(trace_count(&trace, "exec"), 31);
    processes = 1 + trace_count(&trace, "thread_start") - trace_count_text(&trace, "thread_start", "CLONE_THREAD");
    cr_assert_eq(trace_count(&trace, "process_exit"), processes);
    cr_assert_eq(trace_count_result(&trace, "execve", 0), 31);
    trace_finish(&trace);
}

Test(notify_live, vfork_and_exec)
{
    trace_run(&trace, OPTIONS(.argv = ARGV(PROGRAM("vforks"), (char *)"20")));
    expect_output("executed 20 exited 4\n");
    cr_assert_eq(trace_count_text(&trace, "thread_start", "CLONE_VFORK"), 21);
    cr_assert_eq(trace_count(&trace, "exec"), 21);
    cr_assert_eq(trace_count(&trace, "process_exit"), 22);
    cr_assert_eq(trace_count_text(&trace, "process_exit", "exited(4)"), 1);
    trace_finish(&trace);
}

Test(notify_live, signals_interrupt_as_ever)
{
    trace_run(&trace, OPTIONS(.argv = ARGV(PROGRAM("signals"))));
    expect_output("restarted 1 interrupted -4 slept 0 handled 2\n");
    cr_assert_eq(trace_count(&trace, "rt_sigreturn"), 2);
    trace_finish(&trace);
    trace_run(&trace, OPTIONS(.argv = ARGV(PROGRAM("group-stop"))));
    expect_output("stopped 1 by 19 moved 0 continued 1 exited 1 with 9\n");
    cr_assert_eq(trace_count(&trace, "process_exit"), 2);
    trace_finish(&trace);
}

Test(notify_live, killed_at_any_moment)
{
    trace_run(&trace, OPTIONS(.argv = ARGV(PROGRAM("killed"))));
    expect_output("killed 30\n");
    cr_assert_eq(trace_count_text(&trace, "process_exit", "SIGKILL"), 30);
    cr_assert_eq(trace_count(&trace, "thread_start") + 1, trace_count(&trace, "thread_exit"));
    trace_finish(&trace);
}

/* Nobody waits for it but init: who is the first to hear of its end is chance, but it does not end at once. */
Test(notify_live, a_grandchild_ends_by_a_signal)
{
    trace_run(&trace, OPTIONS(.argv = ARGV((char *)"sh", (char *)"-c",
                                           (char *)"sh -c 'sh -c \"kill -9 \\$\\$\"; exit 3'; exit 4")));
    cr_assert_eq(trace.status, 4 << 8);
    cr_assert_eq(trace_count_text(&trace, "process_exit", "killed(SIGKILL)"), 1);
    cr_assert_eq(trace_count_text(&trace, "process_exit", "exited(3)"), 1);
    cr_assert_eq(trace_count_text(&trace, "process_exit", "exited(4)"), 1);
    trace_finish(&trace);
}

Test(notify_live, the_other_abi_is_not_misread)
{
    trace_run(&trace, OPTIONS(.argv = ARGV(PROGRAM("int80"))));
    expect_output("right 10 close 1\n");
    cr_assert_eq(trace_count(&trace, "i386:getpid"), 10);
    cr_assert_eq(trace_count_result(&trace, "i386:close", -EBADF), 1);
    cr_assert_eq(trace_count(&trace, "writev"), 0, "20 is writev's number on x86-64");
    trace_finish(&trace);
    trace_run(&trace, OPTIONS(.argv = ARGV(PROGRAM("int80")), .syscalls = "writev"));
    expect_output("right 10 close 1\n");
    cr_assert_eq(trace_count(&trace, "i386:getpid") + trace_count(&trace, "writev"), 0);
    trace_finish(&trace);
}

Test(notify_live, programs_of_the_other_abi)
{
    if (access(program("calls-32"), X_OK) < 0)
        cr_skip_test("the compiler cannot make i386 programs");
    trace_run(&trace, OPTIONS(.argv = ARGV(PROGRAM("calls-32"), (char *)"10")));
    expect_output("getppid 10 fd 3 failures 0\n");
    cr_assert_eq(trace_count(&trace, "i386:getppid"), 10);
    cr_assert_eq(trace_count_result(&trace, "i386:openat", -EFAULT), 1);
    cr_assert_eq(trace_count_result(&trace, "execve", 0), 1, "called by 64-bit code");
    trace_finish(&trace);
    trace_run(&trace, OPTIONS(.argv = ARGV(PROGRAM("exec-by-thread-32"))));
    expect_output("after: tid is pid: 1\n");
    cr_assert_eq(trace_count_result(&trace, "i386:execve", 0), 1);
    cr_assert_eq(trace_count(&trace, "i386:getppid"), 5);
    trace_finish(&trace);
}

Test(notify_live, a_filter_of_the_targets_own_works_as_without_us)
{
    trace_run(&trace, OPTIONS(.argv = ARGV(PROGRAM("own-filter"))));
    expect_output("refused 5 untraced 5 allowed 5\n");
    trace_finish(&trace);
}

Test(notify_live, children_are_left_alone_on_request)
{
    trace_run(&trace, OPTIONS(.argv = ARGV(PROGRAM("many-children"), (char *)"50"), .no_follow = true));
    expect_output("children 50 sum 1225\n");
    cr_assert_eq(trace_count(&trace, "getppid"), 0);
    cr_assert_eq(trace_count(&trace, "process_exit"), 1);
    trace_finish(&trace);
}

Test(notify_live, thousands_of_short_processes)
{
    trace_run(&trace,
              OPTIONS(.argv = ARGV(PROGRAM("many-children"), (char *)"4000"), .syscalls = "getppid,exit_group"));
    cr_assert_eq(trace_count(&trace, "getppid"), 4000);
    cr_assert_eq(trace_count(&trace, "thread_start"), 4000);
    cr_assert_eq(trace_count(&trace, "process_exit"), 4001);
    for (int status = 1; status < 100; status++) {
        char text[32];

        snprintf(text, sizeof(text), "exited(%d)", status);
        cr_assert_eq(trace_count_text(&trace, "process_exit", text), 40, "%s", text);
    }
    trace_finish(&trace);
}

Test(notify_live, a_consumer_that_stalls_loses_and_holds_nobody)
{
    struct sysfold_stream *stream = NULL;

    cr_assert_eq(
        trace_open(&trace, OPTIONS(.argv = ARGV(PROGRAM("calls"), (char *)"200000"), .buffer_size = 1 << 16), &stream),
        0, "%s", trace.error);
    cr_assert(trace_await_output(), "the target waits for its consumer");
    cr_assert_not(trace_read(&trace, stream, 0));
    trace_close(&trace, stream);
    expect_output("getppid 200000 fd 3 failures 0\n");
    cr_assert_eq(trace.status, 7 << 8);
    cr_assert_gt(trace.lost, 0);
    trace_finish(&trace);
}

Test(notify_live, the_target_runs_on_after_stop)
{
    struct sysfold_stream *stream = NULL;
    char report[64];
    bool has_reported = false;

    snprintf(report, sizeof(report), "/tmp/sysfold-notify-worker-%d", getpid());
    unlink(report);
    cr_assert_eq(
        trace_open(&trace, OPTIONS(.argv = ARGV(PROGRAM("worker"), report, (char *)"1500", (char *)"4")), &stream), 0,
        "%s", trace.error);
    cr_assert(trace_read(&trace, stream, 500));
    sysfold_stream_stop(stream);
    cr_assert_not(trace_read(&trace, stream, 0));
    cr_assert_eq(trace.end, 0, "%s", trace.error);
    trace_close(&trace, stream);
    cr_assert_eq(trace.status, -1, "it had not ended yet");
    trace_finish(&trace);
    for (int i = 0; i < 3000 && !has_reported; i++) {
        FILE *file = fopen(report, "r");
        long calls, failures = -1;

        has_reported = file && fscanf(file, "calls %ld failures %ld", &calls, &failures) == 2;
        if (file)
            fclose(file);
        if (has_reported)
            cr_expect_eq(failures, 0);
        usleep(10000);
    }
    unlink(report);
    cr_assert(has_reported, "the worker did not finish");
}

Test(notify_live, what_cannot_run_is_said_in_one_line)
{
    struct sysfold_stream *stream = NULL;

    cr_assert_eq(trace_open(&trace, OPTIONS(.argv = ARGV((char *)"no-such-command")), &stream), -ENOENT);
    cr_assert_str_eq(trace.error, "notify: cannot run 'no-such-command': command not found");
    cr_assert_eq(trace_open(&trace, OPTIONS(.argv = ARGV((char *)"/etc/passwd")), &stream), -EACCES);
    cr_assert_eq(trace_open(&trace, OPTIONS(.argv = ARGV((char *)"/etc")), &stream), -EACCES);
    cr_assert_null(stream);
}

/* A listener of somebody else's, as within another sysfold. */
static bool become_watched(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getpgrp, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {.len = sizeof(code) / sizeof(code[0]), .filter = code};

    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &filter) >= 0;
}

Test(notify_live, within_another_it_says_that_there_is_one)
{
    struct sysfold_backend_info info;
    struct sysfold_stream *stream = NULL;

    cr_assert(become_watched());
    info = probed();
    cr_assert_neq(info.usability, SYSFOLD_USABLE);
    cr_assert_neq(info.reason[0], '\0');
    cr_assert_lt(trace_open(&trace, OPTIONS(.argv = ARGV((char *)"true")), &stream), 0);
    cr_assert(strstr(trace.error, "notify: "), "%s", trace.error);
    cr_assert_null(stream);
}
