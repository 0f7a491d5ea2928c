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
#define EAGER_PRIORITY (-15)

static struct {
    struct sysfold_stream *volatile stream; /* to be stopped */
    volatile sig_atomic_t stopped_by;       /* a signal's number */
    volatile int64_t last_interrupt;        /* written and read by one handler only */
    bool attached;                          /* no command was launched */
    bool endless;                           /* nothing but a signal ends it */
} signals;

void capture_arguments_finish(struct capture_arguments *arguments)
{
    free(arguments->syscalls);
    free(arguments->sample);
    free(arguments->pids);
    free(arguments->cgroups);
    free(arguments->containers);
    free(arguments->binds);
}

/* An option that may be given again continues its comma-separated list. */
static bool join(const struct command *command, const char *what, char **list, const char *text)
{
    char *joined;

    if (asprintf(&joined, "%s%s%s", *list ? *list : "", *list ? "," : "", text) < 0) {
        misused(command, "%s: %s", what, strerror(ENOMEM));
        return false;
    }
    free(*list);
    *list = joined;
    return true;
}

static bool add_name(const struct command *command, const char *what, const char ***names, size_t *count,
                     const char *name)
{
    const char **larger = reallocarray(*names, *count + 1, sizeof(*larger));

    if (!larger) {
        misused(command, "%s: %s", what, strerror(ENOMEM));
        return false;
    }
    larger[(*count)++] = name;
    *names = larger;
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

    arguments->live.backend = NULL;
    arguments->explain = !strcmp(name, "auto");
    if (arguments->explain)
        return true;
    for (size_t i = 0; sysfold_backend_probe(i, &info) == 0; i++) {
        if (!strcmp(info.name, name)) {
            arguments->live.backend = name;
            return true;
        }
    }
    misused(command, "there is no backend '%s'; `sysfold backends` lists them", name);
    return false;
}

static bool take_group(const struct command *command, struct capture_arguments *arguments, int option)
{
    struct sysfold_live_options *live = &arguments->live;
    bool taken;

    if (option == 263)
        taken = add_name(command, "--cgroup", &arguments->cgroups, &live->cgroup_count, optarg);
    else
        taken = add_name(command, "--container", &arguments->containers, &live->container_count, optarg);
    live->cgroups = arguments->cgroups;
    live->containers = arguments->containers;
    return taken;
}

/* Only the rights of a file's three classes. 0 would be the default's. */
static bool take_mode(const struct command *command, struct capture_arguments *arguments)
{
    char *end;
    unsigned long mode = strtoul(optarg, &end, 8);

    if (optarg[0] < '0' || optarg[0] > '7' || *end || mode == 0 || mode > 0777) {
        misused(command, "--socket-mode: '%s' is not an octal mode from 1 to 777", optarg);
        return false;
    }
    arguments->live.socket_mode = (uint32_t)mode;
    return true;
}

static bool take_absolute(const struct command *command, const char *what, const char **path)
{
    if (optarg[0] != '/') {
        misused(command, "%s: '%s' is not an absolute path", what, optarg);
        return false;
    }
    *path = optarg;
    return true;
}

/* What only backends with sandboxes have. */
static bool take_sandbox_option(const struct command *command, struct capture_arguments *arguments, int option)
{
    struct sysfold_live_options *live = &arguments->live;
    bool taken = true;

    switch (option) {
    case CAPTURE_SOCKET:
        return take_absolute(command, "--socket", &live->socket_path);
    case 267:
        return take_mode(command, arguments);
    case 268:
        live->socket_owner = optarg;
        break;
    case 269:
        live->rootfs = optarg;
        break;
    case 270:
        taken = add_name(command, "--bind", &arguments->binds, &live->bind_count, optarg);
        live->binds = arguments->binds;
        break;
    case CAPTURE_RUNSC:
        live->runsc = optarg;
        break;
    default:
        live->runsc_root = optarg;
        break;
    }
    return taken;
}

bool capture_take_option(const struct command *command, struct capture_arguments *arguments, int option)
{
    if (option >= CAPTURE_SOCKET && option <= CAPTURE_RUNSC_ROOT)
        return take_sandbox_option(command, arguments, option);
    switch (option) {
    case 'b':
        return take_backend(command, arguments, optarg);
    case 'e':
        return join(command, "-e", &arguments->syscalls, optarg);
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
    case 262:
        arguments->live.system_wide = true;
        return true;
    case 263:
    case 264:
        return take_group(command, arguments, option);
    case 265:
        return join(command, "--sample", &arguments->sample, optarg);
    case 280:
        arguments->live.results = optarg;
        return true;
    default:
        return false;
    }
}

static bool is_named(const struct sysfold_live_options *live, const char *backend)
{
    return live->backend && !strcmp(live->backend, backend);
}

/* An option that one backend alone has chooses it, and what gvisor and notify share chooses gvisor; both listen where
 * they are given no other target. */
static bool settle_backend(const struct command *command, struct sysfold_live_options *live)
{
    bool targeted = live->argv || live->pid_count || live->system_wide || live->cgroup_count || live->container_count;
    const struct {
        const char *name;
        bool given;
        bool fitting; /* to the target */
        const char *use;
        const char *backend, *other; /* the first is chosen; NULL: no other has it */
    } options[] = {
        {"--results", live->results, true, "", "notify", NULL},
        {"--socket", live->socket_path, true, "", "gvisor", "notify"},
        {"--socket-mode", live->socket_mode, live->socket_path || !targeted, "the socket that sandboxes connect to",
         "gvisor", "notify"},
        {"--socket-owner", live->socket_owner, live->socket_path || !targeted, "the socket that sandboxes connect to",
         "gvisor", "notify"},
        {"--rootfs", live->rootfs, live->argv, "a command to run", "gvisor", NULL},
        {"--bind", live->bind_count, live->argv, "a command to run", "gvisor", NULL},
        {"--runsc", live->runsc, true, "", "gvisor", NULL},
        {"--runsc-root", live->runsc_root, live->container_count || live->system_wide,
         "containers that run (--container, --system-wide)", "gvisor", NULL},
    };

    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        if (!options[i].given)
            continue;
        if (live->backend && !is_named(live, options[i].backend) &&
            !(options[i].other && is_named(live, options[i].other))) {
            misused(command, "%s is for %s%s%s, not for %s", options[i].name, options[i].backend,
                    options[i].other ? " and " : "", options[i].other ? options[i].other : "", live->backend);
            return false;
        }
        if (!options[i].fitting) {
            misused(command, "%s is for %s", options[i].name, options[i].use);
            return false;
        }
        if (!live->backend)
            live->backend = options[i].backend;
    }
    live->listen = live->socket_path || (!targeted && (is_named(live, "gvisor") || is_named(live, "notify")));
    return true;
}

/* Exactly one kind of target. */
static bool check_target(const struct command *command, const struct sysfold_live_options *live)
{
    const char *given[4];
    size_t count = 0;

    if (live->pid_count)
        given[count++] = "-p";
    if (live->system_wide)
        given[count++] = "--system-wide";
    if (live->cgroup_count || live->container_count)
        given[count++] = live->cgroup_count ? "--cgroup" : "--container";
    if (live->listen)
        given[count++] = "--socket";
    if (!count && !live->argv)
        misused(command, "give a command to run, or -p, --system-wide, --cgroup, --container or --socket");
    else if (count && live->argv)
        misused(command, "either %s or a command ('%s'), not both", given[0], live->argv[0]);
    else if (count > 1)
        misused(command, "either %s or %s, not both", given[0], given[1]);
    else if (live->argv && !*live->argv[0])
        misused(command, "the command's name is empty");
    else
        return true;
    return false;
}

bool capture_take_target(const struct command *command, struct capture_arguments *arguments, int argc, char **argv)
{
    struct sysfold_live_options *live = &arguments->live;
    bool attached = live->pid_count > 0;

    live->size = sizeof(*live);
    live->syscalls = arguments->syscalls;
    live->sample = arguments->sample;
    if (optind < argc)
        live->argv = argv + optind;
    if (!settle_backend(command, live) || !check_target(command, live))
        return false;
    if (arguments->follow && live->no_follow) {
        misused(command, "--follow and --no-follow exclude each other");
        return false;
    }
    if (!live->argv && !attached && (arguments->follow || live->no_follow)) {
        misused(command, "--follow and --no-follow are for commands and for -p");
        return false;
    }
    live->no_follow = attached ? !arguments->follow : live->no_follow;
    return true;
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

static void catch_signals(const struct sysfold_live_options *live)
{
    static const int caught[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGPIPE, SIGXFSZ};
    struct sigaction before;

    signals.attached = !live->argv;
    signals.endless = signals.attached && !live->pid_count;
    for (size_t i = 0; i < sizeof(caught) / sizeof(caught[0]); i++) {
        bool write_failed = caught[i] == SIGPIPE || caught[i] == SIGXFSZ;
        struct sigaction action = {.sa_handler = write_failed ? on_failed_write : on_signal};

        /* What was ignored stays so, for the target's sake. */
        if (sigaction(caught[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            sigaction(caught[i], &action, NULL);
    }
}

/* Nobody waits for a recorder in the kernel: on a busy machine it must get its turn before its rings are full. What it
 * records has been started, or runs already, and keeps the priority that it has. */
static void keep_up(const char *backend)
{
    if (!strcmp(backend, "ebpf"))
        (void)setpriority(PRIO_PROCESS, 0, EAGER_PRIORITY);
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

static int tick_ms(const struct sink *sink)
{
    return sink->tick_ms ? sink->tick_ms : TICK_MS;
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
    next = ms + tick_ms(sink);
}

/* 0 at the end, or what went wrong with the capture itself. */
static int pass_events(struct sysfold_stream *stream, const struct sink *sink, int *sink_error)
{
    struct sysfold_error error = {.message = "the capture failed"};
    int r;

    for (;;) {
        r = sysfold_stream_fetch(stream, sink->tick ? tick_ms(sink) : -1, &error);
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
        bool meant_to_end = !signo || signo == SIGINT || (signals.endless && signo == SIGTERM);

        result->status = meant_to_end ? EXIT_SUCCESS : 128 + signo;
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

static void append(char *text, size_t size, const char *more)
{
    size_t used = strlen(text);

    (void)snprintf(text + used, size - used, "%s", more);
}

/* The backends before the chosen one are better, and have a reason not to be it. */
static void explain_choice(const char *chosen)
{
    struct sysfold_backend_info info = {.size = sizeof(info)};
    char others[600] = "";

    for (size_t i = 0; sysfold_backend_probe(i, &info) == 0 && strcmp(info.name, chosen) != 0; i++) {
        append(others, sizeof(others), *others ? "; " : " (");
        append(others, sizeof(others), info.name);
        append(others, sizeof(others), ": ");
        append(others, sizeof(others), info.usability == SYSFOLD_USABLE ? "cannot do what is asked" : info.reason);
        append(others, sizeof(others), *info.remedy ? ": " : "");
        append(others, sizeof(others), info.remedy);
    }
    complain("backend %s: %s%s%s", chosen, info.reason, others, *others ? ")" : "");
}

void capture_run(struct capture_arguments *arguments, const struct sink *sink, struct capture_result *ret_result)
{
    struct sysfold_stream *stream = NULL;
    struct sysfold_error error = {.message = "the capture cannot start"};
    int r;

    *ret_result = (struct capture_result){.stats.size = sizeof(ret_result->stats)};
    catch_signals(&arguments->live);
    r = sysfold_live_open(&arguments->live, &stream, &error);
    if (r < 0) {
        complain("%s", error.message);
        ret_result->status = open_failure(arguments, r);
        return;
    }
    if (arguments->explain)
        explain_choice(sysfold_stream_backend(stream));
    keep_up(sysfold_stream_backend(stream));
    ret_result->launched = true;
    run_stream(stream, sink, ret_result);
    sysfold_stream_close(stream);
}

int capture_exit(const struct capture_result *result)
{
    return result->signo ? die_by(result->signo) : result->status;
}
