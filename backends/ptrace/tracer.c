// SPDX-License-Identifier: Apache-2.0
/*
 * The tracer: a process of its own, so that a recorder may die and its targets
 * live. It ends when its last target has ended, or, where no filter of ours
 * binds the targets to a tracer, as soon as nobody wants to know any more.
 */

#include "backends/ptrace/tracer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/daemon.h"
#include "common/error.h"

#define TICK_US 20000

static volatile sig_atomic_t woken;

/* A signal may come just before a blocking wait: the timer sees to it that
 * another one follows, until what the first was for has been looked at. */
static void set_timer(bool on)
{
    const struct itimerval tick = {{0, on ? TICK_US : 0}, {0, on ? TICK_US : 0}};

    setitimer(ITIMER_REAL, &tick, NULL);
}

static void wake(int signal_)
{
    int saved = errno;

    (void)signal_;
    woken = 1;
    set_timer(true);
    errno = saved;
}

/* --- becoming the tracer --- */

/* The terminal's signals are for recorder and command; and a parent in the command's session, but not in its process
 * group, would pass for a shell that looks after the group: SIGTSTP would stop it where it is ignored. Every other
 * signal is blocked since before the fork, but for the two that T wakes itself with. */
static void settle_signals(void)
{
    struct sigaction action = {.sa_handler = wake};
    sigset_t own;

    (void)setsid();
    sigaction(SIGIO, &action, NULL);
    sigaction(SIGALRM, &action, NULL);
    action.sa_handler = SIG_DFL; /* an ignored SIGCHLD would reap the command before we can */
    sigaction(SIGCHLD, &action, NULL);
    sigfillset(&own);
    sigdelset(&own, SIGIO);
    sigdelset(&own, SIGALRM);
    sigprocmask(SIG_SETMASK, &own, NULL);
}

static void listen_to_recorder(int socket)
{
    fcntl(socket, F_SETOWN, getpid());
    fcntl(socket, F_SETFL, fcntl(socket, F_GETFL) | O_ASYNC | O_NONBLOCK);
    wake(0); /* what came before */
}

static int init(struct tracer *tracer, const struct session *session)
{
    const struct sysfold_live_options *live = &session->options->live;

    tracer->session = session;
    tracer->shared = session->shared;
    tracer->queue = session->queue;
    tracer->calls = &session->options->calls;
    tracer->limits = (struct collect_limits){.snaplen = live->snaplen, .string_vector_max = live->string_vector_max};
    tracer->socket = session->tracer_socket;
    tracer->filtered = session->filter.len > 0;
    if (tracer->filtered && !live->no_pin)
        placement_init(&tracer->placement);
    tracer->follow = !live->no_follow;
    tracer->timed = live->timed;
    tracer->launching = live->argv != NULL;
    tracer->options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
                      PTRACE_O_TRACEVFORK | (tracer->filtered ? PTRACE_O_TRACESECCOMP : 0);
    tracer->waited = malloc(WAITED_MAX * sizeof(*tracer->waited));
    if (!tracer->waited)
        return -ENOMEM;
    return task_table_init(&tracer->tasks);
}

static void report(struct tracer *tracer, const struct sysfold_error *error)
{
    if (tracer->socket >= 0)
        (void)send(tracer->socket, error, sizeof(*error), MSG_NOSIGNAL);
}

/* --- the loop --- */

static void handle_gathered(struct tracer *tracer)
{
    for (size_t i = 0; i < tracer->waited_count; i++) {
        if (tracer->waited[i].tid)
            tracer_handle(tracer, tracer->waited[i].tid, tracer->waited[i].status);
    }
    tracer->waited_count = 0;
}

static void stop_telling(struct tracer *tracer)
{
    if (tracer->stopping)
        return;
    tracer->stopping = true;
    if (!tracer->filtered)
        placement_finish(&tracer->placement);
    queue_end(tracer->queue);
    queue_destroy(tracer->queue); /* the consumer has its own mapping of what is left in it */
    tracer->queue = NULL;
    close(tracer->socket);
    tracer->socket = -1;
}

static void look_around(struct tracer *tracer)
{
    char byte;
    ssize_t got = -1;

    set_timer(false);
    woken = 0;
    if (tracer->socket >= 0)
        got = recv(tracer->socket, &byte, sizeof(byte), MSG_DONTWAIT);
    if (got >= 0 || (errno != EAGAIN && errno != EINTR) || tracer->shared->stop)
        stop_telling(tracer);
    if (tracer_adopt_strangers(tracer, false))
        set_timer(true);
}

/* 0: go on; else the end: -ECHILD, or 1 when T is free to leave. */
static int wait_and_handle(struct tracer *tracer)
{
    int r = tracer_wait(tracer, tracer->stopping && !tracer->filtered);

    if (r < 0)
        return r == -EINTR ? 0 : r;
    if (!tracer->waited_count)
        return 1;
    handle_gathered(tracer);
    if (tracer->tasks.stranger_count)
        set_timer(true);
    return 0;
}

/*
 * Threads that stop before T leaves are detached; of the others the kernel
 * takes leave when T exits, without interrupting what they do.
 */
static void run(struct tracer *tracer)
{
    int end = 0;

    handle_gathered(tracer);
    while (!end) {
        if (woken)
            look_around(tracer);
        end = wait_and_handle(tracer);
        if (end == -ECHILD && tracer_adopt_strangers(tracer, true))
            end = 0;
    }
}

static int begin(struct tracer *tracer, struct sysfold_error *error)
{
    int r = tracer->command ? tracer_seize_command(tracer, error) : tracer_attach(tracer, error);

    if (r == 0)
        tracer_snapshot(tracer);
    return r;
}

/* The recorder's word to go on. false: it is gone, or has changed its mind. */
static bool wait_for_go(struct tracer *tracer)
{
    char byte = 0;
    ssize_t got;

    do
        got = recv(tracer->socket, &byte, sizeof(byte), 0);
    while (got < 0 && errno == EINTR);
    return got == 1 && byte == COMMAND_GO && !tracer->shared->stop;
}

static void leave(struct tracer *tracer, const struct sysfold_error *error)
{
    if (error->code)
        report(tracer, error);
    if (tracer->launching && tracer->command > 0) {
        kill(tracer->command, SIGKILL);
        waitpid(tracer->command, NULL, __WALL);
    }
    _exit(error->code ? 1 : 0);
}

static void end_telling(struct tracer *tracer)
{
    struct sysfold_error error = {0};

    if (tracer->launching) {
        command_error(tracer->session, &error);
        report(tracer, &error);
    }
    if (!tracer->stopping) {
        tracer->shared->ended = true;
        queue_end(tracer->queue);
    }
}

_Noreturn void tracer_run(const struct session *session)
{
    static struct tracer tracer;
    struct sysfold_error error = {0};
    pid_t self = getpid();
    int r;

    session->shared->tracer = self;
    close(session->recorder_socket);
    r = init(&tracer, session);
    if (r == 0 && session->command_path) {
        tracer.command = fork();
        if (tracer.command == 0)
            command_run(session, self);
        r = tracer.command < 0 ? -errno : 0;
    }
    if (r < 0) {
        error_system(&error, r, "ptrace: cannot start the tracer");
        leave(&tracer, &error);
    }
    prctl(PR_SET_NAME, "sysfold-tracer");
    settle_signals();
    daemon_ask_to_be_spared();
    daemon_let_go_of_files(&tracer.socket, 1);
    if (begin(&tracer, &error) < 0)
        leave(&tracer, &error);
    report(&tracer, &error);
    if (!wait_for_go(&tracer))
        leave(&tracer, &error);
    listen_to_recorder(tracer.socket);
    if (tracer.command)
        command_release(tracer.shared);
    else
        report(&tracer, &error);
    run(&tracer);
    end_telling(&tracer);
    _exit(0);
}
