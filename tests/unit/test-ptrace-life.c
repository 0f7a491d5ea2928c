// SPDX-License-Identifier: Apache-2.0
/* The target is sacred: it outlives recorder, stop, a stalled consumer, attach and detach, and never notices. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "traced.h"

TestSuite(ptrace_life, .timeout = 110);

static struct trace trace;
static char report[64];

#define OPTIONS(...)                                                                                                   \
    (&(struct sysfold_live_options){.size = sizeof(struct sysfold_live_options), .backend = "ptrace", __VA_ARGS__})
#define ARGV(...) ((char *[]){__VA_ARGS__, NULL})
#define WORKER(MS, THREADS) ARGV((char *)program("worker"), report, (char *)(MS), (char *)(THREADS))

static void name_report(void)
{
    snprintf(report, sizeof(report), "/tmp/sysfold-worker-%d", getpid());
    unlink(report);
}

/* What the worker says at its end; waits for that. */
struct worked {
    long calls, failures, interrupted, children, longest_us;
};

static struct worked await_report(void)
{
    struct worked worked = {.failures = -1};
    int read = 0;

    for (int i = 0; i < 4500 && read != 5; i++) {
        FILE *file = fopen(report, "r");

        if (file) {
            read = fscanf(file, "calls %ld failures %ld interrupted %ld children %ld longest_us %ld", &worked.calls,
                          &worked.failures, &worked.interrupted, &worked.children, &worked.longest_us);
            fclose(file);
        }
        usleep(10000);
    }
    unlink(report);
    cr_assert_eq(read, 5, "the worker did not finish");
    return worked;
}

static void worked_undisturbed(long interrupted_at_most)
{
    struct worked worked = await_report();

    cr_assert_eq(worked.failures, 0);
    cr_assert_leq(worked.interrupted, interrupted_at_most);
    cr_assert_eq(worked.children, 1);
    cr_assert_gt(worked.calls, 0);
}

static void ready_to_be_killed(const struct sysfold_live_options *options, int ready)
{
    struct sysfold_stream *stream = NULL;
    size_t most = 500;

    if (trace_open(&trace, options, &stream) < 0)
        _exit(1);
    trace_read(&trace, stream, most);
    (void)!write(ready, "r", 1);
    trace_read(&trace, stream, 0);
    _exit(0);
}

/* A recorder of its own, killed in the middle of its work. */
static void kill_the_recorder_of(const struct sysfold_live_options *options)
{
    int fds[2], status;
    char byte;
    pid_t recorder;

    cr_assert_eq(pipe(fds), 0);
    recorder = fork();
    if (recorder == 0)
        ready_to_be_killed(options, fds[1]);
    close(fds[1]);
    cr_assert_eq(read(fds[0], &byte, 1), 1);
    kill(recorder, SIGKILL);
    waitpid(recorder, &status, 0);
    cr_assert(WIFSIGNALED(status));
    close(fds[0]);
}

Test(ptrace_life, the_target_outlives_a_killed_recorder)
{
    name_report();
    kill_the_recorder_of(OPTIONS(.argv = WORKER("5000", "4")));
    worked_undisturbed(0);
    kill_the_recorder_of(OPTIONS(.argv = WORKER("5000", "4"), .no_filter = true));
    worked_undisturbed(0);
}

static void stop_in_the_middle(bool no_filter)
{
    struct sysfold_stream *stream = NULL;

    name_report();
    cr_assert_eq(trace_open(&trace, OPTIONS(.argv = WORKER("5000", "4"), .no_filter = no_filter), &stream), 0);
    cr_assert(trace_read(&trace, stream, 500));
    sysfold_stream_stop(stream);
    cr_assert_not(trace_read(&trace, stream, 0));
    cr_assert_eq(trace.end, 0, "%s", trace.error);
    trace_close(&trace, stream);
    cr_assert_eq(trace.status, -1, "it had not ended yet");
    cr_assert_eq(access(report, F_OK), -1, "it was still running");
    trace_finish(&trace);
    worked_undisturbed(0);
}

Test(ptrace_life, the_target_runs_on_after_stop)
{
    stop_in_the_middle(false);
    stop_in_the_middle(true);
}

Test(ptrace_life, the_target_runs_on_after_a_close_without_stop)
{
    struct sysfold_stream *stream = NULL;

    name_report();
    cr_assert_eq(trace_open(&trace, OPTIONS(.argv = WORKER("3000", "2")), &stream), 0);
    cr_assert(trace_read(&trace, stream, 100));
    trace_close(&trace, stream);
    trace_finish(&trace);
    worked_undisturbed(0);
}

/* The consumer reads nothing at all until the target has finished: only a target that is not held can do that. */
static bool stall(const char *ms)
{
    struct sysfold_stream *stream = NULL;
    struct worked worked;
    size_t told;
    bool costs;

    name_report();
    cr_assert_eq(trace_open(&trace, OPTIONS(.argv = WORKER(ms, "2"), .syscalls = "getppid", .buffer_size = 1,
                                            .no_state = true),
                            &stream),
                 0);
    worked = await_report();
    trace_read(&trace, stream, 0);
    cr_assert_eq(trace.end, 0, "%s", trace.error);
    told = trace.count - trace_count(&trace, "lost");
    trace_close(&trace, stream);
    costs = trace.lost > 0;
    cr_assert_eq(worked.failures, 0);
    cr_assert_eq(trace_count(&trace, "lost") > 0, costs);
    cr_assert_geq(told + trace.lost, (size_t)worked.calls);
    cr_assert_eq(trace.status, 0, "the status comes even so");
    trace_finish(&trace);
    return costs;
}

/* On a busy machine it may take long to make more calls than fit into the smallest buffer. */
Test(ptrace_life, a_stalled_consumer_costs_events_but_never_the_target)
{
    cr_assert(stall("3000") || stall("30000"), "all calls fitted into the smallest buffer");
}

Test(ptrace_life, what_a_stalled_consumer_lost_is_counted_to_the_last_event)
{
    const size_t calls = 30000;
    struct sysfold_stream *stream = NULL;
    size_t others, told;

    trace_run(&trace, OPTIONS(.argv = ARGV((char *)program("calls"), (char *)"0"), .syscalls = "getppid"));
    others = trace.count;
    trace_finish(&trace);
    cr_assert_eq(trace_open(&trace, OPTIONS(.argv = ARGV((char *)program("calls"), (char *)"30000"),
                                            .syscalls = "getppid", .buffer_size = 1),
                            &stream),
                 0);
    cr_assert(trace_await_output());
    trace_read(&trace, stream, 0);
    cr_assert_eq(trace.end, 0, "%s", trace.error);
    told = trace.count - trace_count(&trace, "lost");
    trace_close(&trace, stream);
    cr_assert_gt(trace.lost, 0);
    cr_assert_eq(told + trace.lost, calls + others, "%zu told, %lu lost", told, (unsigned long)trace.lost);
    trace_finish(&trace);
}

static unsigned count_threads(pid_t pid)
{
    unsigned count = 0;
    char path[64];
    DIR *tasks;

    snprintf(path, sizeof(path), "/proc/%d/task", pid);
    tasks = opendir(path);
    for (const struct dirent *entry; tasks && (entry = readdir(tasks));)
        count += entry->d_name[0] != '.';
    if (tasks)
        closedir(tasks);
    return count;
}

/* It has come to have so many threads, a leader, a sleeper and a parent, and these to what they do. */
static pid_t start_worker(const char *ms, unsigned threads)
{
    char count[16];
    pid_t pid;

    name_report();
    snprintf(count, sizeof(count), "%u", threads);
    pid = fork();
    if (pid == 0) {
        execv(program("worker"), WORKER(ms, count));
        _exit(127);
    }
    while (count_threads(pid) < threads + 3 && waitpid(pid, NULL, WNOHANG) == 0)
        usleep(1000);
    usleep(200000);
    return pid;
}

static void end_worker(pid_t pid)
{
    int status = -1;

    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert_eq(status, 0);
}

Test(ptrace_life, attach_sees_all_threads_and_detach_leaves_them_running)
{
    struct sysfold_stream *stream = NULL;
    pid_t pid = start_worker("5000", 4);

    cr_assert_eq(trace_open(&trace, OPTIONS(.pids = &pid, .pid_count = 1), &stream), 0, "%s", trace.error);
    cr_assert(trace_read(&trace, stream, 2000));
    sysfold_stream_stop(stream);
    trace_read(&trace, stream, 0);
    cr_assert_eq(trace.end, 0, "%s", trace.error);
    trace_close(&trace, stream);
    cr_assert_geq(trace_count(&trace, "snap_thread"), 7, "the leader, four workers, a sleeper, a parent");
    cr_assert_gt(trace_count(&trace, "getppid"), 100);
    trace_finish(&trace);
    /* The kernel ends a sleep in epoll_wait with EINTR when a tracer attaches, but ours not again when it leaves. */
    worked_undisturbed(1);
    end_worker(pid);
}

Test(ptrace_life, attach_until_the_end)
{
    struct sysfold_stream *stream = NULL;
    pid_t pid = start_worker("3000", 2);

    cr_assert_eq(trace_open(&trace, OPTIONS(.pids = &pid, .pid_count = 1), &stream), 0, "%s", trace.error);
    trace_read(&trace, stream, 0);
    cr_assert_eq(trace.end, 0, "%s", trace.error);
    trace_close(&trace, stream);
    cr_assert_eq(trace.status, -1, "not our child: no status");
    cr_assert_eq(trace_nth(&trace, "process_exit", trace_count(&trace, "process_exit") - 1)->tid, (uint32_t)pid);
    cr_assert_geq(trace_count(&trace, "thread_start"), 1, "children are followed");
    trace_finish(&trace);
    end_worker(pid);
    worked_undisturbed(1);
}

Test(ptrace_life, the_target_outlives_a_killed_recorder_that_had_attached)
{
    pid_t pid = start_worker("5000", 4);

    kill_the_recorder_of(OPTIONS(.pids = &pid, .pid_count = 1));
    worked_undisturbed(1);
    end_worker(pid);
}

/* The kernel wakes a stopped thread whose tracer leaves, to stop again at once. */
static bool becomes_stopped(pid_t pid)
{
    char path[64], line[256] = "";

    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    for (int i = 0; i < 3000 && !strstr(line, ") T "); i++) {
        FILE *file = fopen(path, "r");

        if (!file || !fgets(line, sizeof(line), file))
            line[0] = '\0';
        if (file)
            fclose(file);
        usleep(10000);
    }
    return strstr(line, ") T ") != NULL;
}

Test(ptrace_life, a_stopped_process_stays_stopped_through_attach_and_detach)
{
    struct sysfold_stream *stream = NULL;
    pid_t pid = start_worker("3000", 1);
    int status;

    kill(pid, SIGSTOP);
    cr_assert_eq(waitpid(pid, &status, WUNTRACED), pid);
    cr_assert_eq(trace_open(&trace, OPTIONS(.pids = &pid, .pid_count = 1), &stream), 0, "%s", trace.error);
    sysfold_stream_stop(stream);
    trace_read(&trace, stream, 0);
    trace_close(&trace, stream);
    trace_finish(&trace);
    cr_assert(becomes_stopped(pid));
    kill(pid, SIGCONT);
    end_worker(pid);
    await_report();
}

Test(ptrace_life, who_is_not_there_or_is_ourselves_cannot_be_attached_to)
{
    struct sysfold_stream *stream = NULL;
    pid_t nobody = 4194303, self = getpid();

    cr_assert_eq(trace_open(&trace, OPTIONS(.pids = &nobody, .pid_count = 1), &stream), -ESRCH);
    cr_assert(strstr(trace.error, "cannot attach to 4194303: No such process"), "%s", trace.error);
    cr_assert_eq(trace_open(&trace, OPTIONS(.pids = &self, .pid_count = 1), &stream), -EINVAL);
}

/* T's pid is that of the command's parent. */
static pid_t tracer_pid(void)
{
    const char *ppid = strstr(trace_nth(&trace, "snap_thread", 0)->text, "ppid=");

    return atoi(ppid + 5);
}

Test(ptrace_life, a_killed_tracer_is_an_error_not_a_hang)
{
    struct sysfold_stream *stream = NULL;

    name_report();
    cr_assert_eq(trace_open(&trace, OPTIONS(.argv = WORKER("5000", "1"), .no_filter = true), &stream), 0);
    cr_assert(trace_read(&trace, stream, 200));
    kill(tracer_pid(), SIGKILL);
    cr_assert_not(trace_read(&trace, stream, 0));
    cr_assert_eq(trace.end, -EPIPE);
    cr_assert(strstr(trace.error, "tracer"), "%s", trace.error);
    trace_close(&trace, stream);
    trace_finish(&trace);
    worked_undisturbed(0); /* without a filter, even that is nothing to the target */
}

/* The command keeps running, but has let go of its standard output: its reader must see the end. */
Test(ptrace_life, nothing_of_ours_keeps_a_pipe_open)
{
    struct sysfold_stream *stream = NULL;
    int out[2], in[2], saved_out = dup(STDOUT_FILENO), saved_in = dup(STDIN_FILENO), r;
    char text[64];
    size_t got = 0;
    ssize_t n;

    cr_assert_eq(pipe2(out, O_CLOEXEC), 0);
    cr_assert_eq(pipe2(in, O_CLOEXEC), 0);
    dup2(out[1], STDOUT_FILENO);
    dup2(in[0], STDIN_FILENO);
    r = sysfold_live_open(OPTIONS(.argv = ARGV((char *)"sh", (char *)"-c",
                                               (char *)"echo hi; exec >/dev/null; read line; exit 6"),
                                  .syscalls = "exit_group"),
                          &stream, NULL);
    dup2(saved_out, STDOUT_FILENO);
    dup2(saved_in, STDIN_FILENO);
    close(saved_out);
    close(saved_in);
    close(out[1]);
    close(in[0]);
    cr_assert_eq(r, 0);
    while ((n = read(out[0], text + got, sizeof(text) - got)) > 0)
        got += (size_t)n;
    cr_assert_eq(got, 3);
    cr_assert_eq(sysfold_stream_exit_status(stream, &r), -ENODATA, "it waits for our word");
    close(in[1]);
    trace = (struct trace){0};
    trace_read(&trace, stream, 0);
    cr_assert_eq(sysfold_stream_exit_status(stream, &r), 0);
    cr_assert_eq(r, 6 << 8);
    sysfold_stream_close(stream);
    trace_finish(&trace);
    close(out[0]);
}
