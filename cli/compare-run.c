// SPDX-License-Identifier: Apache-2.0
/*
 * A run of the command.
 *
 *     compare --- keeper --- runner --- (whatever the backend starts) --- command
 *
 * The runner leads a process group, in which the command is as well, and
 * records (or becomes strace). The keeper adopts all that is orphaned below
 * it: so it finds whatever a run leaves behind, and kills nothing else.
 */

#include "compare.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define GRACE_NS 2000000000 /* between SIGTERM and SIGKILL */
#define SECOND_NS INT64_C(1000000000)

/* What the processes tell each other, in shared memory. */
struct outcome {
    bool ended; /* the command, with that wait status */
    int status;
    bool timed_out;
    int64_t ns;
    char failure[500];
};

static volatile sig_atomic_t interrupted;

int run_interrupted(void)
{
    return interrupted;
}

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * SECOND_NS + now.tv_nsec;
}

static void fail(struct outcome *outcome, const char *what, const char *why)
{
    (void)snprintf(outcome->failure, sizeof(outcome->failure), "%s%s%s", what, why ? ": " : "", why ? why : "");
}

/* The runner. */

static void do_nothing(int signo)
{
    (void)signo;
}

/* Every run finds the same descriptors; what the command prints must not get into the report. */
static bool redirect(void)
{
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

    return null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(STDERR_FILENO, STDOUT_FILENO) >= 0;
}

static int copy_events(struct sysfold_stream *stream, struct sysfold_writer *writer, struct sysfold_error *error)
{
    const struct sysfold_event *event;
    int kept = 0;
    int r;

    /* To the end in any case: a target is not left alone with half a capture. */
    do {
        r = sysfold_stream_fetch(stream, -1, error);
        while (r > 0 && (event = sysfold_stream_next(stream))) {
            if (kept == 0)
                kept = sysfold_writer_put(writer, event, error);
        }
    } while (r > 0 || r == -EAGAIN || r == -EINTR);
    return r < 0 ? r : kept;
}

static int record(struct sysfold_stream *stream, const char *path, struct sysfold_error *error)
{
    const struct sysfold_writer_options options = {.size = sizeof(options)};
    struct sysfold_writer *writer;
    int r = sysfold_writer_open(path, stream, &options, &writer, error);
    int closed;

    if (r < 0)
        return r;
    r = copy_events(stream, writer, error);
    closed = sysfold_writer_close(writer, r < 0 ? NULL : error);
    return r < 0 ? r : closed;
}

static void run_backend(const struct comparing *comparing, const struct input *input, const char *truth,
                        struct outcome *outcome)
{
    struct sysfold_live_options live = comparing->live;
    struct sysfold_error error = {.message = "the capture failed"};
    struct sysfold_stream *stream;
    cleanup_free char *path = truth ? strdup(truth) : NULL;
    const char *directory = path ? dirname(path) : NULL;

    if (directory && !strcmp(input->backend, "gvisor")) { /* within a sandbox the truth has to be written, too */
        live.binds = &directory;
        live.bind_count = 1;
    }
    live.size = sizeof(live);
    live.backend = input->backend;
    live.argv = comparing->argv;
    live.no_state = true;
    if (sysfold_live_open(&live, &stream, &error) < 0) {
        fail(outcome, error.message, NULL);
        return;
    }
    if (record(stream, input->path, &error) < 0)
        fail(outcome, error.message, NULL);
    else if (sysfold_stream_exit_status(stream, &outcome->status) == 0)
        outcome->ended = true;
    else
        fail(outcome, "the command's exit status is not known", NULL);
    sysfold_stream_close(stream);
}

/* Strings as long as the capture's data; everything else as decoder/witness wants to read it. */
static void run_strace(const struct comparing *comparing, const struct input *input, struct outcome *outcome)
{
    /* Quiet, or it would leave out, too, which processes are of 32 bits. */
    const char *before[] = {"strace", "-f",        "-s", NULL, "--quiet=attach,path-resolution",
                            "-o",     input->path, "--", NULL};
    size_t count = 0;
    char snaplen[16];
    const char **argv;

    while (comparing->argv[count])
        count++;
    argv = calloc(count + sizeof(before) / sizeof(before[0]), sizeof(*argv));
    (void)snprintf(snaplen, sizeof(snaplen), "%u",
                   comparing->live.snaplen   ? comparing->live.snaplen
                   : comparing->live.no_data ? 0
                                             : 80);
    before[3] = snaplen;
    if (argv) {
        size_t used = sizeof(before) / sizeof(before[0]) - 1;

        memcpy(argv, before, used * sizeof(*argv));
        memcpy(argv + used, comparing->argv, count * sizeof(*argv));
        execvp("strace", (char *const *)argv);
    }
    fail(outcome, "strace cannot be run", strerror(errno));
}

static _Noreturn void be_runner(const struct comparing *comparing, const struct input *input, const char *truth,
                                struct outcome *outcome)
{
    const struct sigaction action = {.sa_handler = do_nothing};
    bool strace = !strcmp(input->backend, "strace");

    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (!redirect() || (truth && setenv("SYSFOLD_TRUTH", truth, true) < 0)) {
        fail(outcome, "the command cannot be run", strerror(errno));
        _exit(EXIT_OURS);
    }
    /* SIGTERM is for the command; its end is ours. A handler, since what is ignored or blocked passes an exec. */
    if (!strace)
        sigaction(SIGTERM, &action, NULL);
    if (strace)
        run_strace(comparing, input, outcome);
    else
        run_backend(comparing, input, truth, outcome);
    _exit(EXIT_SUCCESS);
}

/* The keeper. */

/* Waits until the runner is gone: 0, or the signal that came before, or SIGALRM when the time is up. Reaps others. */
static int await(pid_t runner, const sigset_t *signals, int64_t until, int *ret_status)
{
    for (;;) {
        int64_t left = until - now_ns();
        struct timespec timeout = {.tv_sec = left / SECOND_NS, .tv_nsec = left % SECOND_NS};
        pid_t ended;
        int status;
        int signo;

        while ((ended = waitpid(-1, &status, WNOHANG)) > 0) {
            if (ended == runner) {
                *ret_status = status;
                return 0;
            }
        }
        if (until && left <= 0)
            return SIGALRM;
        signo = sigtimedwait(signals, NULL, until ? &timeout : NULL);
        if (signo > 0 && signo != SIGCHLD)
            return signo;
    }
}

static void keep(pid_t runner, const sigset_t *signals, uint64_t timeout, struct outcome *outcome, bool strace)
{
    int64_t start = now_ns();
    int status = 0;
    int signo = await(runner, signals, timeout ? start + (int64_t)timeout * SECOND_NS : 0, &status);

    outcome->ns = now_ns() - start;
    if (signo == 0 && strace && !outcome->failure[0]) {
        outcome->status = status;
        outcome->ended = true;
    } else if (signo == 0 && !outcome->ended && !outcome->failure[0]) {
        fail(outcome, "the recorder ended unexpectedly", NULL);
    } else if (signo) {
        outcome->timed_out = signo == SIGALRM;
        outcome->ended = false;
        kill(-runner, SIGTERM);
        kill(-runner, SIGCONT); /* one that is stopped would not hear it */
        await(runner, signals, now_ns() + GRACE_NS, &status);
    }
}

/* Compare was killed: nobody else will. */
static void remove_capture(char *path)
{
    (void)unlink(path);
    *strrchr(path, '/') = '\0';
    (void)rmdir(path);
}

static _Noreturn void be_keeper(const struct comparing *comparing, const struct input *input, const char *truth,
                                struct outcome *outcome, const sigset_t *before)
{
    static const int watched[] = {SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGQUIT};
    pid_t compare = getppid();
    sigset_t signals;
    pid_t runner;

    prctl(PR_SET_CHILD_SUBREAPER, 1);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    sigemptyset(&signals);
    for (size_t i = 0; i < sizeof(watched) / sizeof(watched[0]); i++) {
        struct sigaction action;

        /* What was ignored stays so: the command inherits it. */
        if (sigaction(watched[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
            sigaddset(&signals, watched[i]);
    }
    signal(SIGCHLD, SIG_DFL); /* ignored, it would reap the runner before we can */
    sigaddset(&signals, SIGCHLD);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    runner = fork();
    if (runner == 0) {
        sigprocmask(SIG_SETMASK, before, NULL);
        be_runner(comparing, input, truth, outcome);
    }
    if (runner < 0)
        fail(outcome, "the command cannot be run", strerror(errno));
    else
        keep(runner, &signals, comparing->timeout, outcome, !strcmp(input->backend, "strace"));
    end_descendants();
    if (getppid() != compare)
        remove_capture(input->path);
    _exit(EXIT_SUCCESS);
}

/* Compare itself. */

static void on_signal(int signo)
{
    interrupted = signo;
}

/* Blocked but for where we wait: none comes between a look and the wait. */
static void catch_signals(sigset_t *ret_before)
{
    static const int caught[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGCHLD};
    sigset_t signals;

    sigemptyset(&signals);
    for (size_t i = 0; i < sizeof(caught) / sizeof(caught[0]); i++) {
        struct sigaction action;

        sigaddset(&signals, caught[i]);
        if (sigaction(caught[i], NULL, &action) == 0 && (action.sa_handler == SIG_DFL || caught[i] == SIGCHLD)) {
            action = (struct sigaction){.sa_handler = caught[i] == SIGCHLD ? do_nothing : on_signal};
            sigaction(caught[i], &action, NULL);
        }
    }
    sigprocmask(SIG_BLOCK, &signals, ret_before);
}

static void conclude(const struct comparing *comparing, struct input *input, const struct outcome *outcome)
{
    input->seconds = (double)outcome->ns / (double)SECOND_NS;
    input->ended = outcome->ended;
    input->status = outcome->status;
    if (outcome->timed_out)
        input_failed(input, "the command took longer than %llu second%s and was ended",
                     (unsigned long long)comparing->timeout, comparing->timeout == 1 ? "" : "s");
    else if (outcome->failure[0])
        input_failed(input, "%.*s", (int)sizeof(outcome->failure), outcome->failure);
    else if (!outcome->ended)
        input_failed(input, "the run was cut short");
}

static void await_keeper(pid_t keeper, const sigset_t *before)
{
    sigset_t open = *before;
    bool told = false;

    sigdelset(&open, SIGCHLD); /* a caller may have left it blocked */
    while (waitpid(keeper, NULL, WNOHANG) == 0) {
        if (interrupted && !told)
            told = kill(keeper, SIGTERM) == 0;
        sigsuspend(&open);
    }
}

bool run_input(const struct comparing *comparing, struct input *input, const char *truth)
{
    struct outcome *outcome = mmap(NULL, sizeof(*outcome), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    sigset_t before;
    pid_t keeper;

    if (outcome == MAP_FAILED) {
        input_failed(input, "the command cannot be run: %s", strerror(errno));
        return true;
    }
    catch_signals(&before);
    (void)fflush(NULL);
    keeper = fork();
    if (keeper == 0)
        be_keeper(comparing, input, truth, outcome, &before);
    if (keeper < 0)
        fail(outcome, "the command cannot be run", strerror(errno));
    else
        await_keeper(keeper, &before);
    sigprocmask(SIG_SETMASK, &before, NULL);
    conclude(comparing, input, outcome);
    munmap(outcome, sizeof(*outcome));
    return !interrupted;
}
