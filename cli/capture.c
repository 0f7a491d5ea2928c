// SPDX-License-Identifier: Apache-2.0
#include "capture.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_NS 2000000000 /* between two SIGINTs that mean it */
#define TICK_MS 500

static struct {
    struct sysfold_stream *volatile stream; /* to be stopped */
    volatile sig_atomic_t stopped_by;       /* a signal's number */
    volatile int64_t last_interrupt;        /* written and read by one handler only */
    bool attached;
} signals;

void capture_arguments_finish(struct capture_arguments *arguments)
{
    free(arguments->syscalls);
    free(arguments->pids);
}

static bool add_syscalls(const struct command *command, struct capture_arguments *arguments, const char *text)
{
    char *joined;

    if (asprintf(&joined, "%s%s%s", arguments->syscalls ? arguments->syscalls : "", arguments->syscalls ? "," : "",
                 text) < 0) {
        misused(command, "-e: %s", strerror(ENOMEM));
        return false;
    }
    free(arguments->syscalls);
    arguments->live.syscalls = arguments->syscalls = joined;
    return true;
}

static bool add_pid(const struct command *command, struct capture_arguments *arguments, const char *text)
{
    size_t count = arguments->live.pid_count;
    uint64_t pid;
    pid_t *larger;

    if (!parse_number(command, "-p", text, 1, 4194304, &pid))
        return false;
    larger = count < CAPTURE_PIDS_MAX ? reallocarray(arguments->pids, count + 1, sizeof(*larger)) : NULL;
    if (!larger) {
        misused(command, "-p: too many processes");
        return false;
    }
    larger[count] = (pid_t)pid;
    arguments->live.pids = arguments->pids = larger;
    arguments->live.pid_count++;
    return true;
}

static bool take_number(const struct command *command, struct capture_arguments *arguments, int option)
{
    struct sysfold_live_options *live = &arguments->live;
    uint64_t number;

    switch (option) {
    case 's':
        if (!parse_number(command, "--snaplen", optarg, 0, 60000, &number))
            return false;
        live->snaplen = (uint32_t)number;
        live->no_data = !number;
        return true;
    case 256:
        if (!parse_number(command, "--string-max", optarg, 1, 24576, &number))
            return false;
        live->string_vector_max = (uint32_t)number;
        return true;
    default:
        if (!parse_number(command, "--buffer", optarg, 4096, 1 << 30, &number))
            return false;
        live->buffer_size = number;
        return true;
    }
}

/* An unknown backend must not look like an unknown command. */
static bool take_backend(const struct command *command, struct capture_arguments *arguments, const char *name)
{
    struct sysfold_backend_info info = {.size = sizeof(info)};

    for (size_t i = 0; sysfold_backend_probe(i, &info) == 0; i++) {
        if (!strcmp(info.name, name)) {
            arguments->live.backend = name;
            return true;
        }
    }
    misused(command, "there is no backend '%s'; `sysfold backends` lists them", name);
    return false;
}

bool capture_take_option(const struct command *command, struct capture_arguments *arguments, int option)
{
    switch (option) {
    case 'b':
        return take_backend(command, arguments, optarg);
    case 'e':
        return add_syscalls(command, arguments, optarg);
    case 'p':
        return add_pid(command, arguments, optarg);
    case 'f':
        arguments->follow = true;
        return true;
    case 's':
    case 256:
    case 260:
        return take_number(command, arguments, option);
    case 257:
        arguments->live.no_follow = true;
        return true;
    case 258:
        arguments->live.timed = true;
        return true;
    case 259:
        arguments->live.no_filter = true;
        return true;
    case 261:
        arguments->live.no_pin = true;
        return true;
    default:
        return false;
    }
}

bool capture_take_target(const struct command *command, struct capture_arguments *arguments, int argc, char **argv)
{
    struct sysfold_live_options *live = &arguments->live;
    bool attached = live->pid_count > 0;

    live->size = sizeof(*live);
    if (optind < argc)
        live->argv = argv + optind;
    if (!live->argv && !attached)
        misused(command, "give a command to run, or -p PID");
    else if (live->argv && attached)
        misused(command, "either -p or a command ('%s'), not both", live->argv[0]);
    else if (arguments->follow && live->no_follow)
        misused(command, "--follow and --no-follow exclude each other");
    else if (live->argv && !*live->argv[0])
        misused(command, "the command's name is empty");
    else
        return live->no_follow = attached ? !arguments->follow : live->no_follow, true;
    return false;
}

/*
 * A terminal sends its SIGINT to the target as well, which decides what it
 * means: the first one is none of our business. A second one soon after it,
 * or a signal sent to us alone, ends the recording.
 */
static void on_signal(int signo)
{
    if (!signals.attached && (signo == SIGINT || signo == SIGQUIT)) {
        struct timespec now;
        int64_t ns;
        int64_t before = signals.last_interrupt;

        clock_gettime(CLOCK_MONOTONIC, &now);
        ns = now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
        signals.last_interrupt = ns;
        if (signo == SIGQUIT || !before || ns - before > PATIENCE_NS)
            return;
    }
    signals.stopped_by = signo;
    if (signals.stream)
        sysfold_stream_stop(signals.stream);
}

/*
 * Writing fails instead of killing us. Never SIG_IGN: that would reach the
 * target through exec, where a handler does not.
 */
static void on_failed_write(int signo)
{
    (void)signo;
}

static void catch_signals(bool attached)
{
    static const int caught[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGPIPE, SIGXFSZ};
    struct sigaction before;

    signals.attached = attached;
    for (size_t i = 0; i < sizeof(caught) / sizeof(caught[0]); i++) {
        bool write_failed = caught[i] == SIGPIPE || caught[i] == SIGXFSZ;
        struct sigaction action = {.sa_handler = write_failed ? on_failed_write : on_signal};

        /* What was ignored stays so, for the target's sake. */
        if (sigaction(caught[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            sigaction(caught[i], &action, NULL);
    }
}

static int open_failure(const struct capture_arguments *arguments, int r)
{
    if (!arguments->live.argv)
        return EXIT_OURS;
    switch (r) {
    case -ENOENT:
        return EXIT_NOT_FOUND;
    case -EACCES:
    case -ENOEXEC:
    case -ENOTDIR:
    case -EISDIR:
    case -ELOOP:
    case -ETXTBSY:
    case -E2BIG:
    case -ENAMETOOLONG:
        return EXIT_CANNOT_EXECUTE;
    default:
        return EXIT_OURS;
    }
}

/* Dies as the target died, so that a shell sees no difference. */
static int die_by(int signo)
{
    const struct rlimit no_core = {0, 0};
    sigset_t set;

    setrlimit(RLIMIT_CORE, &no_core);
    signal(signo, SIG_DFL);
    sigemptyset(&set);
    sigaddset(&set, signo);
    (void)fflush(NULL);
    raise(signo);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    return 128 + signo; /* one that does not kill */
}

/* What went wrong first is said once; a broken pipe is no news to its reader. */
static void note_failure(int r, const struct sysfold_error *error, int *sink_error)
{
    if (r == 0 || *sink_error)
        return;
    *sink_error = r;
    if (r != -EPIPE)
        complain("%s", error->message);
}

static void pass_batch(struct sysfold_stream *stream, const struct sink *sink, int *sink_error)
{
    const struct sysfold_event *event;
    struct sysfold_error error = {.message = "the output failed"};
    int r = 0;

    while ((event = sysfold_stream_next(stream))) {
        if (r == 0 && !*sink_error)
            r = sink->put(sink->data, event, &error);
    }
    if (r == 0 && !*sink_error && sink->batch_end)
        r = sink->batch_end(sink->data, &error);
    note_failure(r, &error, sink_error);
}

static void tick(struct sysfold_stream *stream, const struct sink *sink)
{
    static int64_t next;
    struct sysfold_stats stats = {.size = sizeof(stats)};
    struct timespec now;
    int64_t ms;

    clock_gettime(CLOCK_MONOTONIC, &now);
    ms = now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
    if (ms < next)
        return;
    if (next && sysfold_stream_stats(stream, &stats) == 0)
        sink->tick(sink->data, &stats);
    next = ms + TICK_MS;
}

/* 0 at the end, or what went wrong with the capture itself. */
static int pass_events(struct sysfold_stream *stream, const struct sink *sink, int *sink_error)
{
    struct sysfold_error error = {.message = "the capture failed"};
    int r;

    for (;;) {
        r = sysfold_stream_fetch(stream, sink->tick ? TICK_MS : -1, &error);
        if (r > 0)
            pass_batch(stream, sink, sink_error);
        else if (r != -EAGAIN && r != -EINTR)
            break;
        /* A launched command is followed to its end, for its exit status; others are not ours to wait for. */
        if (*sink_error && signals.attached)
            sysfold_stream_stop(stream);
        if (sink->tick)
            tick(stream, sink);
    }
    if (r < 0)
        complain("%s", error.message);
    return r;
}

static void conclude(const struct sysfold_stream *stream, bool ours_failed, struct capture_result *result)
{
    int signo = signals.stopped_by;
    int status;

    result->status = EXIT_OURS;
    if (ours_failed)
        return;
    if (signals.attached) {
        result->status = signo && signo != SIGINT ? 128 + signo : EXIT_SUCCESS;
    } else if (signo) {
        result->status = 128 + signo;
    } else if (sysfold_stream_exit_status(stream, &status) == 0) {
        result->signo = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
        result->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    } else {
        complain("the command's exit status is not known");
    }
}

static void run_stream(struct sysfold_stream *stream, const struct sink *sink, struct capture_result *result)
{
    struct sysfold_error error = {.message = "the output failed"};
    int sink_error = 0;
    int failure;

    signals.stream = stream;
    if (signals.stopped_by)
        sysfold_stream_stop(stream);
    if (sink->start)
        note_failure(sink->start(sink->data, stream, &error), &error, &sink_error);
    failure = pass_events(stream, sink, &sink_error);
    note_failure(sink->finish(sink->data, &error), &error, &sink_error);
    signals.stream = NULL;
    sysfold_stream_stats(stream, &result->stats);
    conclude(stream, failure < 0 || (sink_error && sink_error != -EPIPE), result);
}

void capture_run(struct capture_arguments *arguments, const struct sink *sink, struct capture_result *ret_result)
{
    struct sysfold_stream *stream = NULL;
    struct sysfold_error error = {.message = "the capture cannot start"};
    int r;

    *ret_result = (struct capture_result){.stats.size = sizeof(ret_result->stats)};
    catch_signals(arguments->live.pid_count > 0);
    r = sysfold_live_open(&arguments->live, &stream, &error);
    if (r < 0) {
        complain("%s", error.message);
        ret_result->status = open_failure(arguments, r);
        return;
    }
    ret_result->launched = true;
    run_stream(stream, sink, ret_result);
    sysfold_stream_close(stream);
}

int capture_exit(const struct capture_result *result)
{
    return result->signo ? die_by(result->signo) : result->status;
}
