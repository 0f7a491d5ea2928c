// SPDX-License-Identifier: Apache-2.0
/* The eBPF backend through the public API. Skipped as a whole, and visibly, where it cannot run. */

#include <errno.h>
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

TestSuite(ebpf, .timeout = 110);

static struct trace trace;

#define OPTIONS(...)                                                                                                   \
    (&(struct sysfold_live_options){.size = sizeof(struct sysfold_live_options), .backend = "ebpf", __VA_ARGS__})
#define ARGV(...) ((char *[]){__VA_ARGS__, NULL})
#define PROGRAM(NAME) ((char *)program(NAME))

Test(ebpf, calls_arguments_and_results)
{
    trace_run(&trace, OPTIONS(.argv = ARGV(PROGRAM("calls"), (char *)"10")));
    cr_assert_str_eq(trace.output, "getppid 10 fd 3 failures 0\n");
    cr_assert_eq(trace.status, 7 << 8);
    cr_assert_eq(trace_count(&trace, "getppid"), 10);
    cr_assert_eq(trace_count_result(&trace, "openat", -EFAULT), 1);
    cr_assert_eq(trace_count_text(&trace, "openat", "path=\"/nonexistent/file\""), 1);
    cr_assert_eq(trace_count_result(&trace, "close", -EBADF), 1);
    trace_finish(&trace);
}

Test(ebpf, the_stream_begins_with_the_snapshot_and_the_exec)
{
    size_t i = 1;

    trace_run(&trace, OPTIONS(.argv = ARGV((char *)"true")));
    cr_assert_str_eq(trace.events[0].name, "snap_thread");
    while (!strcmp(trace.events[i].name, "snap_fd"))
        i++;
    cr_assert_str_eq(trace.events[i].name, "exec");
    cr_assert_str_eq(trace.events[i + 1].name, "execve");
    cr_assert_eq(trace.events[i + 1].result, 0);
    cr_assert_str_eq(trace.events[trace.count - 2].name, "thread_exit");
    cr_assert_str_eq(trace.events[trace.count - 1].name, "process_exit");
    trace_finish(&trace);
}

Test(ebpf, only_the_chosen_calls_are_told)
{
    trace_run(&trace, OPTIONS(.argv = ARGV(PROGRAM("calls"), (char *)"25"), .syscalls = "getppid"));
    cr_assert_eq(trace_count(&trace, "getppid"), 25);
    cr_assert_eq(trace_count(&trace, "openat"), 0);
    cr_assert_eq(trace_count(&trace, "execve"), 0);
    cr_assert_eq(trace_count(&trace, "exec"), 1);
    cr_assert_eq(trace_count(&trace, "process_exit"), 1);
    trace_finish(&trace);
}

Test(ebpf, durations_on_request)
{
    trace_run(&trace, OPTIONS(.argv = ARGV((char *)"sleep", (char *)"0.1"), .timed = true));
    cr_assert(trace_nth(&trace, "clock_nanosleep", 0)->flags & SYSFOLD_EVENT_TIMED);
    cr_assert_not(trace_nth(&trace, "exit_group", 0)->flags & SYSFOLD_EVENT_TIMED, "it never returns");
    trace_finish(&trace);
    trace_run(&trace, OPTIONS(.argv = ARGV((char *)"sleep", (char *)"0")));
    cr_assert_not(trace_nth(&trace, "clock_nanosleep", 0)->flags & SYSFOLD_EVENT_TIMED);
    trace_finish(&trace);
}

Test(ebpf, one_call_in_so_many)
{
    trace_run(&trace,
              OPTIONS(.argv = ARGV((char *)"taskset", (char *)"-c", (char *)"0", PROGRAM("calls"), (char *)"100"),
                      .sample = "getppid:10"));
    cr_assert_eq(trace_count(&trace, "getppid"), 10);
    cr_assert_gt(trace_count(&trace, "openat"), 2);
    trace_finish(&trace);
}

Test(ebpf, children_and_their_ends)
{
    trace_run(&trace, OPTIONS(.argv = ARGV(PROGRAM("vforks"), (char *)"20")));
    cr_assert_str_eq(trace.output, "executed 20 exited 4\n");
    cr_assert_eq(trace_count(&trace, "thread_start"), 21);
    cr_assert_eq(trace_count(&trace, "exec"), 21);
    cr_assert_eq(trace_count(&trace, "process_exit"), 22);
    cr_assert_eq(trace_count_text(&trace, "process_exit", "exited(4)"), 1);
    trace_finish(&trace);
}

Test(ebpf, what_finds_no_room_is_counted)
{
    const uint64_t calls = 200000, lifecycle = 3; /* exec, thread_exit, process_exit */
    struct sysfold_stream *stream = NULL;
    uint64_t told = 0;

    cr_assert_eq(trace_open(&trace,
                            OPTIONS(.argv = ARGV(PROGRAM("calls"), (char *)"200000"), .syscalls = "getppid",
                                    .buffer_size = 4096),
                            &stream),
                 0, "%s", trace.error);
    trace_read(&trace, stream, 0);
    trace_close(&trace, stream);
    told =
        trace.count - trace_count(&trace, "lost") - trace_count(&trace, "snap_thread") - trace_count(&trace, "snap_fd");
    cr_assert_gt(trace.lost, 0);
    cr_assert_gt(trace_count(&trace, "getppid"), 0);
    cr_assert_eq(told + trace.lost, calls + lifecycle, "%lu told, %lu lost", told, trace.lost);
    trace_finish(&trace);
}

/* Records of all sizes, in a ring that is full most of the time: none may be laid over another that is yet to be
 * read. */
Test(ebpf, a_full_ring_holds_what_was_written)
{
    static const char *const names[] = {"read",         "write",       "exit_group", "exec", "thread_exit",
                                        "process_exit", "snap_thread", "snap_fd",    "lost"};
    /* Reads of 14 bytes and writes of 6, in records of 48 and of 40: these can fill 4,096 bytes to the last one. */
    char *const command[] = {(char *)"dd",    (char *)"if=/dev/zero", (char *)"of=/dev/null", (char *)"ibs=14",
                             (char *)"obs=6", (char *)"count=60000",  (char *)"status=none",  NULL};
    struct sysfold_stream *stream = NULL;
    size_t known = 0;

    cr_assert_eq(
        trace_open(&trace, OPTIONS(.argv = command, .buffer_size = 4096, .syscalls = "read,write,exit_group"), &stream),
        0, "%s", trace.error);
    trace_read(&trace, stream, 0);
    trace_close(&trace, stream);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        known += trace_count(&trace, names[i]);
    cr_assert_gt(trace.lost, 0);
    cr_assert_eq(known, trace.count, "%zu of %zu are what can be there", known, trace.count);
    cr_assert_geq(trace_count(&trace, "read") + trace_count(&trace, "write") + trace.lost, 200000);
    trace_finish(&trace);
}

Test(ebpf, a_command_that_cannot_run)
{
    struct sysfold_stream *stream = NULL;

    cr_assert_eq(trace_open(&trace, OPTIONS(.argv = ARGV((char *)"no-such-command")), &stream), -ENOENT);
    cr_assert_str_eq(trace.error, "ebpf: cannot run 'no-such-command': command not found");
    cr_assert_eq(trace_open(&trace, OPTIONS(.argv = ARGV((char *)"/etc/passwd")), &stream), -EACCES);
    cr_assert_null(stream);
}

Test(ebpf, the_callers_children_are_its_own)
{
    struct sysfold_stream *stream = NULL;
    pid_t child = fork();

    if (child == 0)
        _exit(5);
    cr_assert_eq(trace_open(&trace, OPTIONS(.argv = ARGV((char *)"true")), &stream), 0, "%s", trace.error);
    trace_read(&trace, stream, 0);
    cr_assert_eq(wait(NULL), child);
    cr_assert_eq(wait(NULL), -1);
    cr_assert_eq(errno, ECHILD);
    trace_close(&trace, stream);
    trace_finish(&trace);
}

/* A child that calls getppid until it is killed. */
static pid_t start_caller(void)
{
    pid_t child = fork();

    if (child == 0)
        prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (child == 0) {
        syscall(SYS_getppid);
        usleep(1000);
    }
    return child;
}

/* A whole machine does much while its snapshot is taken; only of the caller is it known what must be told. */
static void keep_only(uint32_t tid)
{
    size_t kept = 0;

    for (size_t i = 0; i < trace.count; i++) {
        if (trace.events[i].tid == tid)
            trace.events[kept++] = trace.events[i];
    }
    trace.count = kept;
}

static void records_a_caller(const struct sysfold_live_options *options, pid_t caller)
{
    struct sysfold_stream *stream = NULL;
    size_t seen = 0;

    cr_assert_eq(trace_open(&trace, options, &stream), 0, "%s", trace.error);
    while (seen < 20) {
        cr_assert(trace_read(&trace, stream, 1), "%s", trace.error);
        seen += trace.events[trace.count - 1].tid == (uint32_t)caller &&
                !strcmp(trace.events[trace.count - 1].name, "getppid");
    }
    cr_assert_str_eq(trace.events[0].name, "snap_thread");
    sysfold_stream_stop(stream);
    trace_read(&trace, stream, 0);
    cr_assert_eq(trace.end, 0, "%s", trace.error);
    cr_assert_eq(waitpid(caller, NULL, WNOHANG), 0, "it lives on");
    keep_only((uint32_t)caller);
    trace_close(&trace, stream);
    cr_assert_eq(trace.status, -1);
    trace_finish(&trace);
}

Test(ebpf, a_process_that_runs_already)
{
    pid_t caller = start_caller();

    records_a_caller(OPTIONS(.pids = &caller, .pid_count = 1, .syscalls = "getppid"), caller);
    kill(caller, SIGKILL);
}

Test(ebpf, the_stream_ends_with_the_attached_process)
{
    struct sysfold_stream *stream = NULL;
    pid_t caller = start_caller();

    cr_assert_eq(trace_open(&trace, OPTIONS(.pids = &caller, .pid_count = 1, .syscalls = "getppid"), &stream), 0, "%s",
                 trace.error);
    cr_assert(trace_read(&trace, stream, 10));
    kill(caller, SIGKILL);
    trace_read(&trace, stream, 0);
    cr_assert_eq(trace.end, 0, "%s", trace.error);
    cr_assert_eq(trace_count_text(&trace, "process_exit", "SIGKILL"), 1);
    trace_close(&trace, stream);
    trace_finish(&trace);
}

Test(ebpf, the_whole_system)
{
    pid_t caller = start_caller();

    records_a_caller(OPTIONS(.system_wide = true, .syscalls = "getppid"), caller);
    kill(caller, SIGKILL);
}
