// SPDX-License-Identifier: Apache-2.0
/*
 * The eBPF backend where the kernel's own ways are odd: threads that nobody
 * started, calls that end a thread, returns from signals, images that are
 * replaced, records that find no room.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "backends/cgroup.h"
#include "traced.h"

TestSuite(ebpf_edges, .timeout = 60);

static struct trace trace;

#define OPTIONS(...)                                                                                                   \
    (&(struct sysfold_live_options){.size = sizeof(struct sysfold_live_options), .backend = "ebpf", __VA_ARGS__})
#define ARGV(...) ((char *[]){__VA_ARGS__, NULL})
#define PROGRAM(NAME) ((char *)program(NAME))
#define WORD(TEXT) ((char *)(TEXT))

static bool is_usable(const char *backend)
{
    struct sysfold_backend_info info;

    for (size_t i = 0; info.size = sizeof(info), sysfold_backend_probe(i, &info) == 0; i++) {
        if (!strcmp(info.name, backend))
            return info.usability == SYSFOLD_USABLE;
    }
    return false;
}

static bool is_among(const char *name, const char *names)
{
    size_t size = strlen(name);

    for (const char *at = strstr(names, name); at; at = strstr(at + 1, name)) {
        if ((at == names || at[-1] == ' ') && (at[size] == ' ' || !at[size]))
            return true;
    }
    return false;
}

/* Those of the events that have one of these names, in order; '?' behind a call that did not return. Static. */
static const char *told(const char *names)
{
    static char text[4096];
    size_t size = 0;

    text[0] = '\0';
    for (size_t i = 0; i < trace.count && size < sizeof(text); i++) {
        const struct seen *seen = &trace.events[i];

        if (is_among(seen->name, names))
            size += (size_t)snprintf(text + size, sizeof(text) - size, "%s%s%s", size ? " " : "", seen->name,
                                     strstr(seen->text, ") = ?") ? "?" : "");
    }
    return text;
}

/* Both backends tell of these events, in that order, and of no others of these names. */
static void both_tell(struct sysfold_live_options *options, const char *names, const char *expected)
{
    static const char *const backends[] = {"ebpf", "ptrace"};

    for (size_t i = 0; i < sizeof(backends) / sizeof(backends[0]); i++) {
        options->backend = backends[i];
        if (!is_usable(options->backend))
            continue;
        trace_run(&trace, options);
        cr_expect_str_eq(told(names), expected, "%s: %s", options->backend, told(names));
        trace_finish(&trace);
    }
}

/* For programs that the compiler could not make here. */
static void need(const char *name)
{
    if (access(program(name), X_OK) < 0)
        cr_skip_test("there is no program-%s", name);
}

/* In a child: only of a process that was born while it is recorded the threads are counted from the first. */
Test(ebpf_edges, ends_of_the_kernels_threads_do_not_end_the_process)
{
    char sqpoll[PATH_MAX];
    size_t last_call = 0, end = 0;
    uint32_t caller;

    snprintf(sqpoll, sizeof(sqpoll), "%s", program("sqpoll"));
    trace_run(&trace, OPTIONS(.argv = ARGV(PROGRAM("repeat"), WORD("1"), sqpoll, WORD("200"))));
    if (strstr(trace.output, "refused"))
        cr_skip_test("no io_uring here: %s", trace.output);
    cr_assert_str_eq(trace.output, "threads 3 then 1\nended well 1\n");
    cr_assert_eq(trace_count(&trace, "getppid"), 200);
    cr_assert_eq(trace_count(&trace, "process_exit"), 2);
    caller = trace_nth(&trace, "getppid", 0)->tid;
    for (size_t i = 0; i < trace.count; i++) {
        if (!strcmp(trace.events[i].name, "getppid"))
            last_call = i;
        else if (!strcmp(trace.events[i].name, "process_exit") && trace.events[i].tid == caller)
            end = i;
    }
    cr_assert_gt(end, last_call);
    trace_finish(&trace);
}

#define RETURNS "rt_sigreturn i386:sigreturn i386:rt_sigreturn"

Test(ebpf_edges, as_many_returns_from_signals_as_signals_whatever_the_result)
{
    both_tell(OPTIONS(.argv = ARGV(PROGRAM("traps"), WORD("2"))), RETURNS,
              "rt_sigreturn rt_sigreturn rt_sigreturn rt_sigreturn");
}

/* Which of the two calls it was is not asked: of that nothing is left when it returns. */
Test(ebpf_edges, as_many_i386_returns_from_signals_as_signals)
{
    need("traps-32");
    trace_run(&trace, OPTIONS(.argv = ARGV(PROGRAM("traps-32"), WORD("3"))));
    cr_assert_str_eq(trace.output, "handled 6 unknown 3\n");
    cr_assert_eq(trace_count(&trace, "i386:sigreturn") + trace_count(&trace, "i386:rt_sigreturn"), 6);
    cr_assert_eq(trace_count_text(&trace, "syscall", "nr=4294967295"), 3);
    trace_finish(&trace);
}

Test(ebpf_edges, a_call_of_no_number_is_no_return_from_a_signal)
{
    trace_run(&trace, OPTIONS(.argv = ARGV(PROGRAM("traps"), WORD("3"))));
    cr_assert_str_eq(trace.output, "handled 6 unknown 3\n");
    cr_assert_eq(trace_count_text(&trace, "syscall", "nr=4294967295"), 3);
    trace_finish(&trace);
}

#define ENDS "exit exit_group i386:exit i386:exit_group thread_exit process_exit"

Test(ebpf_edges, calls_that_end_a_thread)
{
    both_tell(OPTIONS(.argv = ARGV(PROGRAM("ends"))), ENDS,
              "exit? thread_exit exit? thread_exit exit_group? thread_exit process_exit");
}

Test(ebpf_edges, i386_calls_that_end_a_thread)
{
    need("ends-32");
    both_tell(OPTIONS(.argv = ARGV(PROGRAM("ends-32"))), ENDS,
              "i386:exit? thread_exit i386:exit? thread_exit i386:exit_group? thread_exit process_exit");
}

#define EXECS "execve execveat i386:execve"

Test(ebpf_edges, execveat_is_not_execve)
{
    both_tell(OPTIONS(.argv = ARGV(PROGRAM("execs"), WORD("at")), .syscalls = "execve"), EXECS, "execve");
    both_tell(OPTIONS(.argv = ARGV(PROGRAM("execs"), WORD("path")), .syscalls = "execve"), EXECS, "execve");
    both_tell(OPTIONS(.argv = ARGV(PROGRAM("execs"), WORD("at")), .syscalls = "execveat"), EXECS, "execveat");
    both_tell(OPTIONS(.argv = ARGV(PROGRAM("execs"), WORD("path")), .syscalls = "execveat"), EXECS, "execveat");
}

Test(ebpf_edges, execveat_has_its_path_and_arguments)
{
    trace_run(&trace, OPTIONS(.argv = ARGV(PROGRAM("execs"), WORD("at")), .syscalls = "execveat"));
    cr_assert_eq(trace_count_text(&trace, "execveat", "path=\"true\", argv=[\"first\", \"second\"]"), 1);
    trace_finish(&trace);
    trace_run(&trace, OPTIONS(.argv = ARGV(PROGRAM("execs"), WORD("path")), .syscalls = "execveat"));
    cr_assert_eq(trace_count_text(&trace, "execveat", "dirfd=AT_FDCWD"), 1);
    cr_assert_eq(trace_count_text(&trace, "execveat", "path=\"/bin/true\", argv=[\"first\", \"second\"]"), 1);
    trace_finish(&trace);
}

Test(ebpf_edges, a_native_image_executed_by_the_32_bit_gate)
{
    both_tell(OPTIONS(.argv = ARGV(PROGRAM("execs"), WORD("gate"))), EXECS, "execve i386:execve");
    both_tell(OPTIONS(.argv = ARGV(PROGRAM("execs"), WORD("gate")), .syscalls = "execve"), EXECS, "execve i386:execve");
    both_tell(OPTIONS(.argv = ARGV(PROGRAM("execs"), WORD("gate")), .syscalls = "execveat"), EXECS, "");
}

Test(ebpf_edges, an_exec_that_failed_says_nothing_of_the_next)
{
    both_tell(OPTIONS(.argv = ARGV(PROGRAM("execs"), WORD("again")), .syscalls = "execve"), EXECS,
              "execve execve i386:execve");
    both_tell(OPTIONS(.argv = ARGV(PROGRAM("execs"), WORD("again")), .syscalls = "execveat"), EXECS, "");
}

Test(ebpf_edges, execs_that_nobody_wants_leave_nothing_behind)
{
    trace_run(&trace, OPTIONS(.argv = ARGV(PROGRAM("execs"), WORD("many")), .syscalls = "execveat"));
    cr_assert_eq(trace_count(&trace, "exec"), 202);
    cr_assert_eq(trace_count_text(&trace, "execveat", "dirfd=AT_FDCWD"), 1);
    trace_finish(&trace);
}

/* A script that does nothing. */
static char script[] = "/tmp/sysfold-edges-XXXXXX";

static void write_script(void)
{
    static const char text[] = "#!/bin/true\n";
    int fd = mkstemp(script);

    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, text, sizeof(text) - 1), (ssize_t)sizeof(text) - 1);
    fchmod(fd, 0700);
    close(fd);
}

static void remove_script(void)
{
    unlink(script);
}

Test(ebpf_edges, sampled_scripts_keep_their_arguments, .fini = remove_script)
{
    char path[64], with_argv[128];
    size_t scripts;

    write_script();
    snprintf(path, sizeof(path), "path=\"%s\"", script);
    snprintf(with_argv, sizeof(with_argv), "%s, argv=[\"%s\", \"word\"]", path, script);
    trace_run(&trace, OPTIONS(.argv = ARGV(WORD("taskset"), WORD("-c"), WORD("0"), PROGRAM("repeat"), WORD("300"),
                                           script, WORD("word")),
                              .syscalls = "execve", .sample = "execve:10"));
    cr_assert_str_eq(trace.output, "ended well 300\n");
    scripts = trace_count_text(&trace, "execve", path);
    cr_assert_geq(scripts, 20);
    cr_assert_eq(trace_count_text(&trace, "execve", with_argv), scripts);
    trace_finish(&trace);
}

static bool was_told_with(uint32_t tid, const char *text)
{
    for (size_t i = 0; i < trace.count; i++) {
        const struct seen *seen = &trace.events[i];

        if (seen->tid == tid && !strcmp(seen->name, "execve") && strstr(seen->text, text))
            return true;
    }
    return false;
}

Test(ebpf_edges, arguments_rewritten_meanwhile_are_those_that_the_new_image_got)
{
    char given[64], expected[128];
    size_t images = 0;
    uint32_t pid;

    trace_run(&trace, OPTIONS(.argv = ARGV(PROGRAM("argv-race"), WORD("50")), .syscalls = "execve"));
    for (const char *line = trace.output; sscanf(line, "%u %63s", &pid, given) == 2; line = strchr(line, '\n') + 1) {
        snprintf(expected, sizeof(expected), "argv=[\"raced\", %s, \"told\"]", given);
        cr_expect(was_told_with(pid, expected), "of %u is not told: %s", pid, expected);
        images++;
    }
    cr_assert_eq(images, 50);
    trace_finish(&trace);
}

/* A ring so small that no record of a large write ever fits, and those of small calls do. */
#define SMALL_RING .snaplen = 60000, .buffer_size = 4096

#define BURSTS 3
#define LARGE 5 /* calls in a burst, each between two small ones */

static struct bursts {
    uint64_t small[BURSTS * (LARGE + 1)]; /* their times */
    size_t small_count;
    struct {
        uint64_t count, from, to;
    } lost[BURSTS * LARGE];
    size_t lost_count;
} bursts;

static uint64_t number_of(const struct sysfold_event *event, const char *param)
{
    struct sysfold_value value;

    cr_assert_eq(sysfold_event_param_by_name(event, param, &value), 0);
    return value.u;
}

static void note(const struct sysfold_event *event)
{
    if (!strcmp(sysfold_event_name(event), "getppid")) {
        cr_assert_lt(bursts.small_count, BURSTS * (LARGE + 1));
        bursts.small[bursts.small_count++] = sysfold_event_time(event);
    }
    if (!strcmp(sysfold_event_name(event), "lost")) {
        cr_assert_lt(bursts.lost_count, BURSTS * LARGE);
        bursts.lost[bursts.lost_count].count = number_of(event, "count");
        bursts.lost[bursts.lost_count].from = number_of(event, "from");
        bursts.lost[bursts.lost_count++].to = number_of(event, "to");
    }
}

/* Was it the n-th large call's time? */
static bool is_time_of(uint64_t time, size_t n)
{
    const uint64_t *before = &bursts.small[n / LARGE * (LARGE + 1) + n % LARGE];

    return time > before[0] && time < before[1];
}

Test(ebpf_edges, a_loss_lasts_from_the_first_to_the_last_that_was_lost)
{
    struct sysfold_stream *stream = NULL;
    const struct sysfold_event *event;
    size_t lost = 0;

    cr_assert_eq(trace_open(&trace,
                            OPTIONS(.argv = ARGV(WORD("taskset"), WORD("-c"), WORD("0"), PROGRAM("bursts"), WORD("3")),
                                    .syscalls = "getppid,write", SMALL_RING),
                            &stream),
                 0, "%s", trace.error);
    while (sysfold_stream_fetch(stream, -1, NULL) > 0) {
        while ((event = sysfold_stream_next(stream)))
            note(event);
    }
    trace_close(&trace, stream);
    cr_assert_eq(bursts.small_count, BURSTS * (LARGE + 1));
    for (size_t i = 0; i < bursts.lost_count; lost += bursts.lost[i++].count) {
        cr_assert_leq(lost + bursts.lost[i].count, BURSTS * LARGE);
        cr_expect(is_time_of(bursts.lost[i].from, lost), "the first of loss %zu", i);
        cr_expect(is_time_of(bursts.lost[i].to, lost + bursts.lost[i].count - 1), "the last of loss %zu", i);
    }
    cr_assert_eq(lost, BURSTS * LARGE);
    trace_finish(&trace);
}

/* Somebody alone in a cgroup, of whose calls nobody but us is told. */
static struct {
    int hierarchy, go; /* -1: none */
    pid_t pid;
    char cgroup[64];
} writer = {.hierarchy = -1, .go = -1};

/* One large write, a while after it was told to. */
static void be_writer(int go)
{
    static char data[50000];
    int sink = open("/dev/null", O_WRONLY);

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    memset(data, 1, sizeof(data));
    (void)!read(go, data, 1);
    usleep(200000);
    (void)!pwrite(sink, data, sizeof(data), 0);
    pause();
    _exit(0);
}

static bool join_cgroup(void)
{
    char path[sizeof(writer.cgroup) + 16], pid[16];
    int length = snprintf(pid, sizeof(pid), "%d", writer.pid), procs;
    bool joined;

    snprintf(path, sizeof(path), "%s/cgroup.procs", writer.cgroup);
    procs = openat(writer.hierarchy, path, O_WRONLY | O_CLOEXEC);
    joined = procs >= 0 && write(procs, pid, (size_t)length) == length;
    close(procs);
    return joined;
}

static void start_writer(void)
{
    struct sysfold_error error = {0};
    int go[2];

    writer.hierarchy = cgroup_open("/", &error);
    if (writer.hierarchy < 0)
        cr_skip_test("%s", error.message);
    snprintf(writer.cgroup, sizeof(writer.cgroup), "sysfold-edges-%d", getpid());
    if (mkdirat(writer.hierarchy, writer.cgroup, 0755) < 0)
        cr_skip_test("cannot make a cgroup: %s", strerror(errno));
    cr_assert_eq(pipe(go), 0);
    writer.go = go[1];
    writer.pid = fork();
    if (writer.pid == 0) {
        close(go[1]);
        be_writer(go[0]);
    }
    close(go[0]);
    cr_assert(join_cgroup());
}

static void end_writer(void)
{
    if (writer.pid > 0) {
        kill(writer.pid, SIGKILL);
        waitpid(writer.pid, NULL, 0);
    }
    if (writer.hierarchy >= 0)
        unlinkat(writer.hierarchy, writer.cgroup, AT_REMOVEDIR);
}

static void interrupt(int signal_)
{
    (void)signal_;
}

/* Lets a wait that nothing ends fail before the suite's own time is over. */
static void bound_waits(void)
{
    struct sigaction action = {.sa_handler = interrupt};

    sigaction(SIGALRM, &action, NULL);
    alarm(50);
}

/* Waits for a loss, or until nothing has come for that long; says whether it was the loss. */
static bool await_loss(struct sysfold_stream *stream, int most_ms)
{
    const struct sysfold_event *event;

    while (sysfold_stream_fetch(stream, most_ms, NULL) > 0) {
        while ((event = sysfold_stream_next(stream))) {
            if (!strcmp(sysfold_event_name(event), "lost"))
                return true;
        }
    }
    return false;
}

/* Of a cgroup: nobody looks after its processes now and then, and so comes upon what was lost. */
Test(ebpf_edges, a_loss_is_told_though_nothing_follows, .fini = end_writer)
{
    struct sysfold_stream *stream = NULL;
    bool is_told;

    start_writer();
    cr_assert_eq(trace_open(&trace,
                            OPTIONS(.cgroups = (const char *[]){writer.cgroup}, .cgroup_count = 1,
                                    .syscalls = "pwrite64", SMALL_RING),
                            &stream),
                 0, "%s", trace.error);
    cr_assert_not(await_loss(stream, 200), "nothing was written yet");
    close(writer.go);
    bound_waits();
    is_told = await_loss(stream, -1);
    trace_close(&trace, stream);
    cr_assert(is_told);
    cr_assert_eq(trace.lost, 1);
    trace_finish(&trace);
}
