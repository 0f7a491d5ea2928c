// SPDX-License-Identifier: Apache-2.0
/* The ptrace backend, from the recorder's side: it starts the tracer and takes what comes through the queue. */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "backends/command.h"
#include "backends/ptrace/session.h"
#include "common/error.h"

extern const struct sysfold_backend backend_ptrace;

/* An idle consumer looks this often whether the tracer is still there. */
#define SLICE_MS 200
/* A tracer that has told everything needs but moments to be gone. */
#define LAST_MOMENTS_MS 1000

struct capture {
    struct session session;
    bool gone; /* the tracer has hung up */
};

static int make_shared(struct session *session, struct sysfold_error *error)
{
    void *memory = mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int sockets[2];

    if (memory == MAP_FAILED)
        return error_system(error, -errno, "ptrace: cannot start a capture");
    session->shared = memory;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
        return error_system(error, -errno, "ptrace: cannot start a capture");
    session->recorder_socket = sockets[0];
    session->tracer_socket = sockets[1];
    return 0;
}

/* The tracer is nobody's child for long: whoever adopts orphans will reap it,
 * and the caller's SIGCHLD handling sees only what passes within this call. */
static int fork_tracer(const struct session *session)
{
    int status = 0;
    pid_t between = fork();

    if (between < 0)
        return -errno;
    if (between == 0) {
        pid_t tracer = fork();

        if (tracer == 0)
            tracer_run(session);
        _exit(tracer < 0 ? errno : 0);
    }
    while (waitpid(between, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? -WEXITSTATUS(status) : 0;
}

static int start_tracer(struct session *session, struct sysfold_error *error)
{
    sigset_t all;
    int r;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &session->mask);
    r = fork_tracer(session);
    pthread_sigmask(SIG_SETMASK, &session->mask, NULL);
    close(session->tracer_socket);
    session->tracer_socket = -1;
    return r < 0 ? error_system(error, r, "ptrace: cannot start the tracer") : 0;
}

static int prepare(struct session *session, struct sysfold_error *error)
{
    const struct sysfold_live_options *live = &session->options->live;
    int r = 0;

    if (live->argv && !live->argv[0])
        return error_set(error, -EINVAL, "ptrace: there is no command to run");
    if (live->argv)
        r = command_find("ptrace", live->argv[0], &session->command_path, error);
    if (r == 0 && live->argv && !live->no_filter)
        r = filter_build(&session->options->calls, &session->filter, error);
    if (r == 0)
        r = queue_create(live->buffer_size, &session->queue, error);
    if (r == 0)
        r = make_shared(session, error);
    return r;
}

/* The tracer's end is seen as its socket's. */
static bool has_hung_up(struct capture *capture, int timeout_ms)
{
    struct pollfd pollfd = {.fd = capture->session.recorder_socket};

    if (!capture->gone && poll(&pollfd, 1, timeout_ms) > 0)
        capture->gone = true;
    return capture->gone;
}

static void ptrace_stop(struct capture *capture)
{
    int saved = errno;

    capture->session.shared->stop = true;
    (void)send(capture->session.recorder_socket, "s", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    errno = saved;
}

static void ptrace_close(struct capture *capture)
{
    struct session *session = &capture->session;

    if (session->recorder_socket >= 0) {
        ptrace_stop(capture);
        /* A tracer that has to watch over its targets hangs up before it does. */
        has_hung_up(capture, LAST_MOMENTS_MS);
        close(session->recorder_socket);
        if (session->shared->tracer > 0) /* if we are the one who adopts orphans */
            waitpid(session->shared->tracer, NULL, WNOHANG);
    }
    if (session->tracer_socket >= 0)
        close(session->tracer_socket);
    if (session->shared)
        munmap(session->shared, sizeof(*session->shared));
    queue_destroy(session->queue);
    free(session->filter.filter);
    free(session->command_path);
    free(capture);
}

static int ptrace_open(const struct capture_options *options, struct capture **ret_capture,
                       struct sysfold_error *error)
{
    struct capture *capture = calloc(1, sizeof(*capture));
    int r;

    if (!capture)
        return error_system(error, -ENOMEM, "ptrace: cannot start a capture");
    capture->session = (struct session){
        .options = options, .recorder = getpid(), .recorder_socket = -1, .tracer_socket = -1};
    r = prepare(&capture->session, error);
    if (r == 0)
        r = start_tracer(&capture->session, error);
    if (r == 0)
        r = command_await_report("ptrace", "tracer", capture->session.recorder_socket, error);
    if (r < 0) {
        ptrace_close(capture);
        return r;
    }
    *ret_capture = capture;
    return 0;
}

static int ptrace_start(struct capture *capture, struct sysfold_error *error)
{
    return command_let_go("ptrace", "tracer", capture->session.recorder_socket, error);
}

/* The end of a tracer that was killed: what it left behind first. */
static int ended_early(struct capture *capture, struct batch *ret_batch, struct sysfold_error *error)
{
    int r = queue_get(capture->session.queue, 0, &ret_batch->records, &ret_batch->size);

    if (r >= 0)
        return r;
    return error_set(error, -EPIPE, "ptrace: the tracer (pid %d) was killed: its targets' chosen calls now fail",
                     (int)capture->session.shared->tracer);
}

static uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static int ptrace_next_batch(struct capture *capture, int timeout_ms, struct batch *ret_batch,
                             struct sysfold_error *error)
{
    uint64_t start = now_ms();

    *ret_batch = (struct batch){.cpu = -1};
    while (true) {
        uint64_t spent = now_ms() - start;
        int left = timeout_ms < 0 ? SLICE_MS : (uint64_t)timeout_ms > spent ? timeout_ms - (int)spent : 0;
        int r = queue_get(capture->session.queue, left < SLICE_MS ? left : SLICE_MS, &ret_batch->records,
                          &ret_batch->size);

        if (r >= 0)
            return r;
        if (r == -EINTR)
            return error_system(error, r, "ptrace: the wait for events was interrupted");
        if (r != -EAGAIN)
            return error_system(error, r, "ptrace: cannot read the queue");
        if (has_hung_up(capture, 0))
            return ended_early(capture, ret_batch, error);
        if (timeout_ms >= 0 && left <= SLICE_MS && now_ms() - start >= (uint64_t)timeout_ms)
            return -EAGAIN;
    }
}

static int ptrace_exit_status(const struct capture *capture, int *ret_status)
{
    if (!capture->session.shared->has_status)
        return -ENODATA;
    *ret_status = capture->session.shared->status;
    return 0;
}

static void ptrace_stats(const struct capture *capture, struct capture_stats *ret_stats)
{
    ret_stats->buffer_used = queue_used(capture->session.queue);
}

const struct sysfold_backend backend_ptrace = {
    .name = "ptrace",
    .summary = "a command and its children, or attached processes, without privilege (seccomp and ptrace)",
    .targets = TARGET_COMMAND | TARGET_PIDS,
    .probe = ptrace_probe,
    .open = ptrace_open,
    .start = ptrace_start,
    .next_batch = ptrace_next_batch,
    .stop = ptrace_stop,
    .exit_status = ptrace_exit_status,
    .stats = ptrace_stats,
    .close = ptrace_close,
};
