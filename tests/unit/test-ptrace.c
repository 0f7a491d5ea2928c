// SPDX-License-Identifier: Apache-2.0
/* The ptrace backend through the public API: what it tells of programs that are hard to trace. */

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "traced.h"

TestSuite(ptrace, .timeout = 110);

static struct trace trace;

#define OPTIONS(...)                                                                                                   \
    (&(struct sysfold_live_options){.size = sizeof(struct sysfold_live_options), .backend = "ptrace", __VA_ARGS__})
#define ARGV(...) ((char *[]){__VA_ARGS__, NULL})
#define PROGRAM(NAME) ((char *)program(NAME))

static void expect_output(const char *expected)
{
    cr_assert_str_eq(trace.output, expected);
}

static void calls_are_told(bool no_filter)
{
    const struct seen *opened;

    trace_run(&trace, OPTIONS(.argv = ARGV(PROGRAM("calls"), (char *)"10"), .no_filter = no_filter));
    expect_output("getppid 10 fd 3 failures 0\n");
    cr_assert_eq(trace.status, 7 << 8);
    cr_assert_eq(trace_count(&trace, "getppid"), 10);
    opened = trace_nth(&trace, "openat", trace_count(&trace, "openat") - 3);
    cr_assert_eq(opened->result, 3);
    cr_assert(strstr(opened->text, "O_RDONLY|O_NOFOLLOW"), "%s", opened->text);
    cr_assert(strstr(opened->text, "path=\"/etc/passwd\""), "%s", opened->text);
    cr_assert_eq(trace_count_result(&trace, "openat", -EFAULT), 1);
    cr_assert_geq(trace_count_result(&trace, "openat", -ENOENT), 1);
    cr_assert_eq(trace_count_text(&trace, "openat", "path=\"/nonexistent/file\""), 1);
    cr_assert_eq(trace_count_result(&trace, "close", -EBADF), 1);
    cr_assert_eq(trace_count(&trace, "exit_group"), 1);
    cr_assert_not(trace_nth(&trace, "exit_group", 0)->has_result);
    trace_finish(&trace);
}

Test(ptrace, calls_arguments_and_results)
{
    calls_are_told(false);
    calls_are_told(true);
}

Test(ptrace, the_stream_begins_with_the_snapshot_and_the_exec)
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

static void only_the_chosen(bool no_filter)
{
    trace_run(&trace, OPTIONS(.argv = ARGV(PROGRAM("calls"), (char *)"25"), .syscalls = "getppid,exit_group",
                              .no_filter = no_filter));
    cr_assert_eq(trace_count(&trace, "getppid"), 25);
    cr_assert_eq(trace_count(&trace, "exit_group"), 1);
    cr_assert_eq(trace_count(&trace, "openat"), 0);
    cr_assert_eq(trace_count(&trace, "execve"), 0);
    cr_assert_eq(trace_count(&trace, "exec"), 1);
    cr_assert_eq(trace_count(&trace, "process_exit"), 1);
    trace_finish(&trace);
}

Test(ptrace, only_the_chosen_calls_are_told)
{
    only_the_chosen(false);
    only_the_chosen(true);
}

Test(ptrace, durations_on_request)
{
    trace_run(&trace, OPTIONS(.argv = ARGV(PROGRAM("calls"), (char *)"3"), .timed = true));
    for (size_t i = 0; i < 3; i++)
        cr_assert(trace_nth(&trace, "getppid", i)->flags & SYSFOLD_EVENT_TIMED);
    trace_finish(&trace);
    trace_run(&trace, OPTIONS(.argv = ARGV(PROGRAM("calls"), (char *)"3")));
    cr_assert_not(trace_nth(&trace, "getppid", 0)->flags & SYSFOLD_EVENT_TIMED);
    trace_finish(&trace);
}

static void exec_by_thread(bool no_filter, char *syscalls)
{
    const struct seen *exec;
    char by_other[64];

    trace_run(&trace, OPTIONS(.argv = ARGV(PROGRAM("exec-by-thread")), .no_filter = no_filter, .syscalls = syscalls));
    expect_output("after: tid is pid: 1\n");
    cr_assert_eq(trace.status, 3 << 8);
    cr_assert_eq(trace_count(&trace, "exec"), 2);
    exec = trace_nth(&trace, "exec", 1);
    cr_assert_eq(exec->tid, trace.events[0].tid, "the leader's id lives on");
    snprintf(by_other, sizeof(by_other), "old_tid=%u,", exec->tid);
    cr_assert_null(strstr(exec->text, by_other), "%s", exec->text);
    cr_assert_eq(trace_count_result(&trace, "execve", 0), 2);
    cr_assert_eq(trace_nth(&trace, "execve", 1)->tid, exec->tid);
    cr_assert_eq(trace_count(&trace, "getppid"), 5);
    cr_assert_eq(trace_count(&trace, "pause"), 2, "both waits, of leader and thread, are told as unfinished");
    cr_assert_not(trace_nth(&trace, "pause", 0)->has_result);
    cr_assert_eq(trace_count(&trace, "process_exit"), 1);
    trace_finish(&trace);
}

Test(ptrace, exec_by_a_thread_that_is_not_the_leader)
{
    for (int i = 0; i < 5; i++) {
        exec_by_thread(false, NULL);
        exec_by_thread(true, NULL);
        exec_by_thread(false, (char *)"execve,getppid,pause");
    }
}

static void exec_storm(bool no_filter, char *syscalls)
{
    size_t processes;

    trace_run(&trace, OPTIONS(.argv = ARGV(PROGRAM("exec-storm"), (char *)"30"), .no_filter = no_filter,
                              .syscalls = syscalls));
    expect_output("the storm is over\n");
    cr_assert_eq(trace.status, 0);
    cr_assert_eq(trace_count(&trace, "exec"), 31);
    processes = 1 + trace_count(&trace, "thread_start") - trace_count_text(&trace, "thread_start", "CLONE_THREAD");
    cr_assert_eq(trace_count(&trace, "process_exit"), processes);
    if (!syscalls)
        cr_assert_eq(trace_count_result(&trace, "execve", 0), 31);
    trace_finish(&trace);
}

Test(ptrace, many_threads_race_to_exec)
{
    exec_storm(false, NULL);
    exec_storm(true, NULL);
    exec_storm(false, (char *)"getppid");
}

Test(ptrace, vfork_and_exec)
{
    trace_run(&trace, OPTIONS(.argv = ARGV(PROGRAM("vforks"), (char *)"20")));
    expect_output("executed 20 exited 4\n");
    cr_assert_eq(trace_count(&trace, "thread_start"), 21);
    cr_assert_eq(trace_count_text(&trace, "thread_start", "CLONE_VFORK"), 21);
    cr_assert_eq(trace_count(&trace, "exec"), 21);
    cr_assert_eq(trace_count(&trace, "process_exit"), 22);
    cr_assert_eq(trace_count_text(&trace, "process_exit", "exited(4)"), 1);
    trace_finish(&trace);
}

Test(ptrace, interrupted_calls_show_the_kernels_codes)
{
    size_t restarted = 0, stopped;

    trace_run(&trace, OPTIONS(.argv = ARGV(PROGRAM("signals"))));
    expect_output("restarted 1 interrupted -4 slept 0 handled 2\n");
    cr_assert_eq(trace_count_result(&trace, "read", -512), 2);
    for (size_t i = 0; i < trace.count; i++)
        restarted += !strcmp(trace.events[i].name, "read") && trace.events[i].result == 1;
    cr_assert_eq(restarted, 1);
    cr_assert_eq(trace_count(&trace, "rt_sigreturn"), 2);
    cr_assert_eq(trace_count_text(&trace, "signal", "SIGALRM"), 2);
    stopped = trace_count_text(&trace, "signal", "SIGSTOP");
    cr_assert_eq(stopped, 1);
    cr_assert_geq(trace_count_result(&trace, "clock_nanosleep", -516), 1);
    cr_assert_geq(trace_count(&trace, "restart_syscall"), 1);
    trace_finish(&trace);
}

Test(ptrace, a_group_stop_is_one)
{
    for (int no_filter = 0; no_filter < 2; no_filter++) {
        trace_run(&trace, OPTIONS(.argv = ARGV(PROGRAM("group-stop")), .no_filter = no_filter));
        expect_output("stopped 1 by 19 moved 0 continued 1 exited 1 with 9\n");
        cr_assert_eq(trace_count(&trace, "process_exit"), 2);
        trace_finish(&trace);
    }
}

Test(ptrace, killed_at_any_moment)
{
    for (int no_filter = 0; no_filter < 2; no_filter++) {
        trace_run(&trace, OPTIONS(.argv = ARGV(PROGRAM("killed")), .no_filter = no_filter));
        expect_output("killed 30\n");
        cr_assert_eq(trace_count_text(&trace, "process_exit", "SIGKILL"), 30);
        cr_assert_eq(trace_count(&trace, "thread_start") + 1, trace_count(&trace, "thread_exit"));
        trace_finish(&trace);
    }
}

Test(ptrace, the_other_abi_is_not_misread)
{
    trace_run(&trace, OPTIONS(.argv = ARGV(PROGRAM("int80"))));
    expect_output("right 10 close 1\n");
    cr_assert_eq(trace_count(&trace, "i386:getpid"), 10);
    cr_assert_eq(trace_count_result(&trace, "i386:close", -EBADF), 1);
    cr_assert_eq(trace_count(&trace, "writev"), 0, "20 is writev's number on x86-64");
    trace_finish(&trace);
    trace_run(&trace, OPTIONS(.argv = ARGV(PROGRAM("int80")), .syscalls = "writev"));
    expect_output("right 10 close 1\n");
    cr_assert_eq(trace_count(&trace, "i386:getpid"), 0);
    trace_finish(&trace);
    trace_run(&trace, OPTIONS(.argv = ARGV(PROGRAM("int80")), .syscalls = "getpid"));
    cr_assert_eq(trace_count(&trace, "i386:getpid"), 10);
    trace_finish(&trace);
}

/* A program that is i386 from its exec to its end, if this machine could build one. */
static bool run_i386(char *name, char *first, char *second, char *third, char *syscalls, bool no_filter)
{
    if (access(program(name), X_OK) < 0)
        return false;
    trace_run(&trace, OPTIONS(.argv = (char *[]){PROGRAM(name), first, second, third, NULL}, .syscalls = syscalls,
                              .no_filter = no_filter));
    return true;
}

Test(ptrace, programs_of_the_other_abi)
{
    for (int no_filter = 0; no_filter < 2; no_filter++) {
        if (!run_i386((char *)"calls-32", (char *)"10", NULL, NULL, NULL, no_filter))
            cr_skip_test("the compiler cannot make i386 programs");
        expect_output("getppid 10 fd 3 failures 0\n");
        cr_assert_eq(trace_count(&trace, "i386:getppid"), 10);
        cr_assert_eq(trace_count_result(&trace, "i386:openat", -EFAULT), 1);
        cr_assert_eq(trace_count_result(&trace, "execve", 0), 1, "called by 64-bit code");
        cr_assert_not(trace_nth(&trace, "i386:exit_group", 0)->has_result);
        trace_finish(&trace);
        run_i386((char *)"exec-by-thread-32", NULL, NULL, NULL, NULL, no_filter);
        expect_output("after: tid is pid: 1\n");
        cr_assert_eq(trace_count_result(&trace, "i386:execve", 0), 1);
        cr_assert_eq(trace_count(&trace, "i386:getppid"), 5);
        cr_assert_eq(trace_count_text(&trace, "thread_start", "CLONE_THREAD"), 2);
        trace_finish(&trace);
        run_i386((char *)"stress-32", (char *)"4", (char *)"8", (char *)"10", (char *)"getppid", no_filter);
        expect_output("calls 320 threads 32 failures 0\n");
        cr_assert_eq(trace_count(&trace, "i386:getppid"), 320);
        trace_finish(&trace);
        run_i386((char *)"untraced-32", NULL, NULL, NULL, (char *)"getppid,getpgrp", no_filter);
        expect_output("clone 1 clone3 1 flags 1\n");
        cr_assert_eq(trace_count(&trace, "i386:getpgrp"), no_filter ? 0 : 2);
        trace_finish(&trace);
    }
}

Test(ptrace, a_filter_of_the_targets_own_works_as_without_us)
{
    for (int no_filter = 0; no_filter < 2; no_filter++) {
        trace_run(&trace, OPTIONS(.argv = ARGV(PROGRAM("own-filter")), .no_filter = no_filter));
        expect_output("refused 5 untraced 5 allowed 5\n");
        cr_assert_eq(trace_count_result(&trace, "getpgrp", -ENOSYS), 5);
        /* Its refusal outranks our wish to look: the backend's README says so. */
        cr_assert_eq(trace_count_result(&trace, "getppid", -EXDEV), no_filter ? 5 : 0);
        trace_finish(&trace);
    }
    trace_run(&trace, OPTIONS(.argv = ARGV(PROGRAM("own-filter")), .syscalls = "openat"));
    expect_output("refused 5 untraced 5 allowed 5\n");
    trace_finish(&trace);
}

Test(ptrace, children_that_ask_not_to_be_traced_work)
{
    trace_run(&trace, OPTIONS(.argv = ARGV(PROGRAM("untraced")), .syscalls = "getppid,getpgrp"));
    expect_output("clone 1 clone3 1 flags 1\n");
    cr_assert_eq(trace_count(&trace, "getpgrp"), 2);
    trace_finish(&trace);
    trace_run(&trace, OPTIONS(.argv = ARGV(PROGRAM("untraced"))));
    expect_output("clone 1 clone3 1 flags 1\n");
    cr_assert_eq(trace_count_text(&trace, "thread_start", "CLONE_UNTRACED"), 2);
    trace_finish(&trace);
}

Test(ptrace, children_are_left_alone_on_request)
{
    for (int no_filter = 0; no_filter < 2; no_filter++) {
        trace_run(&trace, OPTIONS(.argv = ARGV(PROGRAM("many-children"), (char *)"50"), .no_filter = no_filter,
                                  .no_follow = true));
        expect_output("children 50 sum 1225\n");
        cr_assert_eq(trace_count(&trace, "getppid"), 0);
        cr_assert_eq(trace_count(&trace, "process_exit"), 1);
        trace_finish(&trace);
        trace_run(&trace, OPTIONS(.argv = ARGV(PROGRAM("stress"), (char *)"2", (char *)"2", (char *)"5"),
                                  .no_filter = no_filter, .no_follow = true));
        expect_output("calls 20 threads 4 failures 0\n");
        trace_finish(&trace);
    }
}

Test(ptrace, threads_are_followed_even_so)
{
    trace_run(&trace, OPTIONS(.argv = ARGV(PROGRAM("exec-by-thread")), .no_follow = true));
    cr_assert_eq(trace_count(&trace, "getppid"), 5);
    cr_assert_eq(trace_count(&trace, "thread_start"), 2);
    trace_finish(&trace);
}

Test(ptrace, thousands_of_short_processes)
{
    trace_run(&trace, OPTIONS(.argv = ARGV(PROGRAM("many-children"), (char *)"3000")));
    expect_output("children 3000 sum 148500\n");
    cr_assert_eq(trace_count(&trace, "getppid"), 3000);
    cr_assert_eq(trace_count(&trace, "thread_start"), 3000);
    cr_assert_eq(trace_count(&trace, "process_exit"), 3001);
    for (int status = 1; status < 100; status++) {
        char text[32];

        snprintf(text, sizeof(text), "exited(%d)", status);
        cr_assert_eq(trace_count_text(&trace, "process_exit", text), 30, "%s", text);
    }
    trace_finish(&trace);
}

static void stress(char *processes, char *threads, char *calls, bool no_filter)
{
    long made, total;

    trace_run(&trace, OPTIONS(.argv = ARGV(PROGRAM("stress"), processes, threads, calls), .syscalls = "getppid",
                              .no_filter = no_filter, .buffer_size = (size_t)64 << 20));
    cr_assert_eq(sscanf(trace.output, "calls %ld threads %ld failures 0", &made, &total), 2, "%s", trace.output);
    cr_assert_eq(made, atol(processes) * atol(threads) * atol(calls));
    cr_assert_eq(trace_count(&trace, "getppid"), (size_t)made);
    cr_assert_eq(trace_count(&trace, "thread_start"), (size_t)(total + atol(processes)));
    cr_assert_eq(trace_count(&trace, "thread_exit"), (size_t)(total + atol(processes) + 1));
    cr_assert_eq(trace_count(&trace, "process_exit"), (size_t)(atol(processes) + 1));
    trace_finish(&trace);
}

Test(ptrace, stress_many_processes)
{
    stress((char *)"64", (char *)"4", (char *)"50", false);
}

Test(ptrace, stress_many_threads)
{
    stress((char *)"2", (char *)"512", (char *)"10", false);
}

Test(ptrace, stress_many_of_both)
{
    stress((char *)"64", (char *)"256", (char *)"1", false);
}

Test(ptrace, stress_without_a_filter)
{
    stress((char *)"16", (char *)"16", (char *)"10", true);
}

Test(ptrace, what_cannot_run_is_said_in_one_line)
{
    char script[] = "/tmp/sysfold-script-XXXXXX";
    struct sysfold_stream *stream = NULL;
    int fd = mkstemp(script);

    cr_assert_eq(trace_open(&trace, OPTIONS(.argv = ARGV((char *)"no-such-command")), &stream), -ENOENT);
    cr_assert_str_eq(trace.error, "ptrace: cannot run 'no-such-command': command not found");
    cr_assert_eq(trace_open(&trace, OPTIONS(.argv = ARGV((char *)"/no/such/command")), &stream), -ENOENT);
    cr_assert_eq(trace_open(&trace, OPTIONS(.argv = ARGV((char *)"/etc/passwd")), &stream), -EACCES);
    cr_assert_eq(trace_open(&trace, OPTIONS(.argv = ARGV((char *)"/etc")), &stream), -EACCES);
    cr_assert_eq(trace_open(&trace, OPTIONS(.argv = ARGV((char *)"")), &stream), -ENOENT);
    cr_assert_gt(write(fd, "echo no magic\n", 14), 0);
    fchmod(fd, 0755);
    close(fd);
    cr_assert_eq(trace_open(&trace, OPTIONS(.argv = ARGV(script)), &stream), -ENOEXEC);
    cr_assert(strstr(trace.error, "exec format error"), "%s", trace.error);
    unlink(script);
    cr_assert_null(stream);
}

Test(ptrace, the_command_inherits_what_the_caller_has)
{
    sigset_t set;
    char *const envp[] = {(char *)"SYSFOLD_TEST=yes", NULL};

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_SETMASK, &set, NULL);
    for (int signo = 1; signo < 32; signo++) /* tests may run in the background of a shell that ignores some */
        signal(signo, SIG_DFL);
    signal(SIGUSR2, SIG_IGN);
    signal(SIGCHLD, SIG_IGN);
    trace_run(&trace, OPTIONS(.argv = ARGV((char *)"grep", (char *)"-aE", (char *)"Sig(Blk|Ign)|SYSFOLD_TEST",
                                           (char *)"/proc/self/status", (char *)"/proc/self/environ"),
                              .envp = envp, .syscalls = "exit_group"));
    cr_assert(strstr(trace.output, "SigBlk:\t0000000000000200"), "%s", trace.output);
    cr_assert(strstr(trace.output, "SigIgn:\t0000000000010800"), "%s", trace.output);
    cr_assert(strstr(trace.output, "SYSFOLD_TEST=yes"), "%s", trace.output);
    cr_assert_eq(trace.status, 0, "an ignored SIGCHLD must not cost us the status");
    trace_finish(&trace);
}

/* What `test` returns, as an ordinary user. */
static int as_nobody(int (*test)(void))
{
    int status;
    pid_t child = fork();

    if (child == 0) {
        if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
            _exit(99);
        /* As after an exec by that user. */
        prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
        _exit(test());
    }
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 98;
}

static int run_unprivileged(void)
{
    struct sysfold_live_options *options =
        OPTIONS(.argv = ARGV((char *)"sh", (char *)"-c", (char *)"cat /etc/hostname; exit 5"));
    struct sysfold_stream *stream = NULL;
    const struct sysfold_event *event;
    struct sysfold_error error = {0};
    int status = -1, opened = 0, r;

    if (sysfold_live_open(options, &stream, &error) < 0)
        return 90;
    while ((r = sysfold_stream_fetch(stream, -1, &error)) > 0) {
        while ((event = sysfold_stream_next(stream))) {
            char text[512];

            sysfold_event_format(event, text, sizeof(text));
            opened += strstr(text, "path=\"/etc/hostname\"") && strstr(text, "dev=");
        }
    }
    sysfold_stream_exit_status(stream, &status);
    sysfold_stream_close(stream);
    return r == 0 && opened == 1 ? WEXITSTATUS(status) : 91;
}

Test(ptrace, an_ordinary_user_can_trace)
{
    cr_assert_eq(as_nobody(run_unprivileged), 5);
}

static pid_t not_ours;

static int attach_unprivileged(void)
{
    struct sysfold_stream *stream = NULL;
    struct sysfold_error error = {0};

    if (sysfold_live_open(OPTIONS(.pids = &not_ours, .pid_count = 1), &stream, &error) != -EPERM)
        return 1;
    return strstr(error.message, "cannot attach to") && strstr(error.message, "root") ? 0 : 2;
}

Test(ptrace, somebody_elses_process_cannot_be_attached_to)
{
    not_ours = getpid();
    if (geteuid() == 0)
        cr_assert_eq(as_nobody(attach_unprivileged), 0);
}

static struct sysfold_backend_info probed(void)
{
    struct sysfold_backend_info info;
    size_t i = 0;

    do {
        info = (struct sysfold_backend_info){.size = sizeof(info)};
        cr_assert_eq(sysfold_backend_probe(i++, &info), 0);
    } while (strcmp(info.name, "ptrace") != 0);
    return info;
}

Test(ptrace, the_probe_says_usable)
{
    struct sysfold_backend_info info = probed();

    cr_assert_eq(info.usability, SYSFOLD_USABLE, "%s", info.reason);
}

static void forbid_ptrace(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ptrace, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog forbidden = {.len = sizeof(code) / sizeof(code[0]), .filter = code};

    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    cr_assert_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &forbidden), 0);
}

Test(ptrace, where_tracing_is_forbidden_it_is_said)
{
    struct sysfold_backend_info info;
    struct sysfold_stream *stream = NULL;

    forbid_ptrace();
    info = probed();
    cr_assert_eq(info.usability, SYSFOLD_NO_PERMISSION);
    cr_assert(strstr(info.reason, "Operation not permitted"), "%s", info.reason);
    cr_assert_neq(info.remedy[0], '\0');
    cr_assert_eq(trace_open(&trace, OPTIONS(.argv = ARGV((char *)"true")), &stream), -EPERM);
    cr_assert(strstr(trace.error, "cannot trace 'true': Operation not permitted"), "%s", trace.error);
}

/* T shares its cpu with a thread that makes call after call; neither that thread nor its kin may notice. */
static void affinities_are_as_ever(bool no_pin, bool no_filter)
{
    bool one_cpu = sysconf(_SC_NPROCESSORS_ONLN) < 2;

    trace_run(&trace, OPTIONS(.argv = ARGV(PROGRAM("affinity")), .syscalls = "getppid", .no_pin = no_pin,
                              .no_filter = no_filter));
    expect_output(no_pin || no_filter || one_cpu ? "free\nfailures 0\n" : "held\nfailures 0\n");
    cr_assert_geq(trace_count(&trace, "getppid"), 1200);
    cr_assert_eq(trace_count(&trace, "sched_getaffinity"), 0, "only what was chosen is told");
    trace_finish(&trace);
}

Test(ptrace, affinities)
{
    affinities_are_as_ever(false, false);
    affinities_are_as_ever(true, false);
    affinities_are_as_ever(false, true);
}
