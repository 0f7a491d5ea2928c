// SPDX-License-Identifier: Apache-2.0
/* The notify backend from the recorder's side: it starts the guardian, and takes what supervisors put into their
 * queues. */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "backends/command.h"
#include "backends/endpoint.h"
#include "backends/filter.h"
#include "backends/notify/guardian.h"
#include "backends/notify/plan.h"
#include "backends/notify/probe.h"
#include "backends/notify/session.h"
#include "common/encode.h"
#include "common/error.h"

extern const struct sysfold_backend backend_notify;

/* An idle consumer looks this often whether the others are still there. */
#define SLICE_MS 200

/* A command or a container. */
struct feeder {
    uint32_t number;
    struct queue *queue;
    struct shared *shared;
    char *name;
};

struct capture {
    struct guardian_plan plan;
    struct plan what; /* is stopped at, and told by perf */
    int lifeline;     /* the end that is written to */
    int control;
    _Atomic uint32_t *bell; /* shared by everybody */
    struct feeder *feeders;
    struct queue **queues; /* the same, for queue_wait_any() */
    size_t count, room, next;
    char name[ARRIVAL_NAME_MAX]; /* of the source whose batch was taken last */
    uint32_t named;
    char *socket_path;
    volatile sig_atomic_t stopped;
    struct encoder encoder; /* for markers */
};

/* --- making it --- */

static void *share(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    return memory == MAP_FAILED ? NULL : memory;
}

static int make_ends(struct capture *capture)
{
    struct session *session = &capture->plan.session;
    int lifeline[2], control[2];

    capture->bell = share(sizeof(*capture->bell));
    if (!capture->bell)
        return -ENOMEM;
    if (pipe2(lifeline, O_CLOEXEC) < 0)
        return -errno;
    session->lifeline = lifeline[0];
    capture->lifeline = lifeline[1];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control) < 0)
        return -errno;
    capture->control = control[0];
    session->control = control[1];
    capture->plan.recorder_ends[0] = capture->lifeline;
    capture->plan.recorder_ends[1] = capture->control;
    capture->plan.bell = capture->bell;
    return 0;
}

static int make_room(struct capture *capture)
{
    size_t room = capture->room ? 2 * capture->room : 8;
    struct feeder *feeders;
    struct queue **queues;

    if (capture->count < capture->room)
        return 0;
    feeders = realloc(capture->feeders, room * sizeof(*feeders));
    if (feeders)
        capture->feeders = feeders;
    queues = realloc(capture->queues, room * sizeof(*queues));
    if (queues)
        capture->queues = queues;
    if (!feeders || !queues)
        return -ENOMEM;
    capture->room = room;
    return 0;
}

/* The source's queue and shared memory are the capture's from now on, should there be an error or not. */
static int add_feeder(struct capture *capture, const struct feeder *feeder, const char *name)
{
    char *copy = strdup(name);

    if (!copy || make_room(capture) < 0) {
        free(copy);
        queue_destroy(feeder->queue);
        munmap(feeder->shared, sizeof(*feeder->shared));
        return -ENOMEM;
    }
    capture->feeders[capture->count] = *feeder;
    capture->feeders[capture->count].name = copy;
    capture->queues[capture->count++] = feeder->queue;
    return 0;
}

static void remove_feeder(struct capture *capture, size_t index)
{
    struct feeder *feeder = &capture->feeders[index];

    queue_destroy(feeder->queue);
    munmap(feeder->shared, sizeof(*feeder->shared));
    free(feeder->name);
    capture->count--;
    capture->feeders[index] = capture->feeders[capture->count];
    capture->queues[index] = capture->queues[capture->count];
}

static int add_wait(scmp_filter_ctx context, const struct filter_plan *plan, unsigned row, unsigned options)
{
    const struct plan *what = plan->data;
    const struct scmp_arg_cmp waits = SCMP_CMP(options, SCMP_CMP_MASKED_EQ, WNOHANG, 0);
    const struct scmp_arg_cmp only_asks = SCMP_CMP(options, SCMP_CMP_MASKED_EQ, WNOHANG, WNOHANG);
    int r = 0;

    if (!plan->calls->everything)
        r = seccomp_rule_add(context, plan->action, (int)row, 1, waits);
    else if (plan_is_unstopped(what, row))
        r = seccomp_rule_add(context, SCMP_ACT_ALLOW, (int)row, 1, only_asks);
    return r == -EEXIST || r == -EDOM ? 0 : r;
}

static int add_waits(scmp_filter_ctx context, const struct filter_plan *plan)
{
    const struct plan *what = plan->data;
    int r = what->has_lives ? add_wait(context, plan, ROW_WAIT4, 2) : 0;

    return r == 0 && what->has_lives ? add_wait(context, plan, ROW_WAITID, 3) : r;
}

static int prepare_command(struct capture *capture, struct sysfold_error *error)
{
    struct session *session = &capture->plan.session;
    const struct sysfold_live_options *live = &session->options->live;
    struct feeder feeder = {0};
    const struct filter_plan filter_plan = {.action = SCMP_ACT_NOTIFY,
                                            .calls = &capture->what.notified,
                                            .spared = capture->what.spared,
                                            .add_more = add_waits,
                                            .data = &capture->what};
    int r;

    if (!live->argv[0])
        return error_set(error, -EINVAL, "notify: there is no command to run");
    r = command_find("notify", live->argv[0], &session->command_path, error);
    if (r < 0)
        return r;
    r = filter_make(&filter_plan, &session->filter);
    if (r < 0)
        return error_system(error, r, "notify: cannot build the seccomp filter");
    r = queue_create(live->buffer_size, &feeder.queue, error);
    if (r < 0)
        return r;
    queue_share_bell(feeder.queue, capture->bell);
    feeder.shared = share(sizeof(*feeder.shared));
    if (!feeder.shared) {
        queue_destroy(feeder.queue);
        return error_system(error, -ENOMEM, "notify: cannot start a capture");
    }
    feeder.shared->listener = -1;
    session->queue = feeder.queue;
    session->shared = feeder.shared;
    return add_feeder(capture, &feeder, "host");
}

static int prepare_agent(struct capture *capture, struct sysfold_error *error)
{
    const struct sysfold_live_options *live = &capture->plan.session.options->live;
    struct endpoint endpoint;
    int r = endpoint_of_options("notify", live, &capture->socket_path, &endpoint, error);

    return r < 0 ? r : guardian_listen(&endpoint, &capture->plan, error);
}

static int prepare(struct capture *capture, struct sysfold_error *error)
{
    struct session *session = &capture->plan.session;
    int r = make_ends(capture);

    if (r < 0)
        return error_system(error, r, "notify: cannot start a capture");
    r = notify_plan(session->options, &capture->what, &session->required, error);
    if (r < 0)
        return r;
    return session->options->live.argv ? prepare_command(capture, error) : prepare_agent(capture, error);
}

static int start_guardian(struct capture *capture, struct sysfold_error *error)
{
    struct session *session = &capture->plan.session;
    sigset_t all;
    int r;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &session->mask);
    r = guardian_start(&capture->plan, error);
    pthread_sigmask(SIG_SETMASK, &session->mask, NULL);
    session->lifeline = -1;
    session->control = -1;
    return r;
}

static void close_end(int fd)
{
    if (fd >= 0)
        close(fd);
}

static void notify_close(struct capture *capture)
{
    close_end(capture->lifeline);
    close_end(capture->control);
    close_end(capture->plan.session.lifeline);
    close_end(capture->plan.session.control);
    while (capture->count)
        remove_feeder(capture, capture->count - 1);
    guardian_plan_finish(&capture->plan);
    if (capture->bell)
        munmap(capture->bell, sizeof(*capture->bell));
    free(capture->feeders);
    free(capture->queues);
    free(capture->plan.session.filter.filter);
    free(capture->plan.session.command_path);
    free(capture->socket_path);
    free(capture);
}

static int notify_open(const struct capture_options *options, struct capture **ret_capture, struct sysfold_error *error)
{
    struct capture *capture = calloc(1, sizeof(*capture));
    int r;

    if (!capture)
        return error_system(error, -ENOMEM, "notify: cannot start a capture");
    capture->lifeline = -1;
    capture->control = -1;
    capture->plan = (struct guardian_plan){
        .session =
            {.options = options, .plan = &capture->what, .lifeline = -1, .control = -1, .watch = -1, .listener = -1},
        .supervise = supervisor_run,
        .listening = {.fd = -1},
        .predecessor = -1,
    };
    r = prepare(capture, error);
    if (r == 0)
        r = start_guardian(capture, error);
    if (r == 0 && options->live.argv)
        r = command_await_report("notify", "supervisor", capture->control, error);
    if (r < 0) {
        notify_close(capture);
        return r;
    }
    *ret_capture = capture;
    return 0;
}

static int notify_start(struct capture *capture, struct sysfold_error *error)
{
    return capture->plan.session.options->live.argv ? command_let_go("notify", "supervisor", capture->control, error)
                                                    : 0;
}

/* --- taking what comes --- */

static uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static uint32_t batch_source(const struct capture *capture, const struct feeder *feeder)
{
    return capture->plan.session.options->live.argv ? 0 : feeder->number + 1;
}

static void note_name(struct capture *capture, const struct feeder *feeder)
{
    capture->named = batch_source(capture, feeder);
    (void)snprintf(capture->name, sizeof(capture->name), "%s", feeder->name);
}

static int crashed(const struct feeder *feeder, struct sysfold_error *error)
{
    return error_set(error, -EPIPE, "notify: the supervisor (pid %d) was killed: its targets run on, unrecorded",
                     (int)feeder->shared->supervisor);
}

static void put_marker(struct capture *capture, uint32_t source, uint64_t time, const char *text,
                       struct batch *ret_batch)
{
    encoder_begin(&capture->encoder, row_builtin(ROW_MARKER), 0, time);
    encoder_string(&capture->encoder, P_MARKER_text, text);
    ret_batch->records = encoder_finish(&capture->encoder, &ret_batch->size);
    ret_batch->source = source;
    ret_batch->cpu = -1;
}

/* A container's last word, if it has no end of its own: others are still recorded. 1: a batch; 0: there is nothing to
 * say. */
static int end_container(struct capture *capture, size_t index, struct batch *ret_batch)
{
    const struct feeder *feeder = &capture->feeders[index];
    bool has_crashed = feeder->shared->crashed;
    struct timespec now;
    char text[ARRIVAL_NAME_MAX + 100];

    if (has_crashed) {
        clock_gettime(CLOCK_REALTIME, &now);
        (void)snprintf(text, sizeof(text),
                       "notify: the supervisor (pid %d) was killed: container %s runs on, unrecorded",
                       (int)feeder->shared->supervisor, feeder->name);
        note_name(capture, feeder);
        put_marker(capture, batch_source(capture, feeder), (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec,
                   text, ret_batch);
    }
    remove_feeder(capture, index);
    return has_crashed;
}

/* 1: a batch; 0: that source has nothing now, or is no more. */
static int take_from(struct capture *capture, size_t index, struct batch *ret_batch, struct sysfold_error *error)
{
    struct feeder *feeder = &capture->feeders[index];
    int r = queue_get(feeder->queue, 0, &ret_batch->records, &ret_batch->size);

    if (r == -EAGAIN || r == -EINTR)
        return 0;
    if (r < 0)
        return error_system(error, r, "notify: cannot read the queue of '%s'", feeder->name);
    if (r == 0 && !capture->plan.session.options->live.argv)
        return end_container(capture, index, ret_batch);
    if (r == 0)
        return feeder->shared->crashed ? crashed(feeder, error) : 0;
    ret_batch->source = batch_source(capture, feeder);
    ret_batch->cpu = -1;
    note_name(capture, feeder);
    return 1;
}

static int take_any(struct capture *capture, struct batch *ret_batch, struct sysfold_error *error)
{
    for (size_t left = capture->count; left && capture->count; left--) {
        int r;

        capture->next = (capture->next + 1) % capture->count;
        r = take_from(capture, capture->next, ret_batch, error);
        if (r)
            return r;
    }
    return 0;
}

/* 1: a batch; 0: nothing (more) has arrived; -EPIPE: nobody is there any more. */
static int take_arrivals(struct capture *capture, struct batch *ret_batch, struct sysfold_error *error)
{
    for (;;) {
        struct arrival arrival;
        struct feeder feeder = {0};
        int r = guardian_take_arrival(capture->control, &arrival, &feeder.queue, &feeder.shared, error);

        if (r <= 0)
            return r;
        if (arrival.kind == ARRIVAL_COMPLAINT) {
            put_marker(capture, 0, arrival.time, arrival.text, ret_batch); /* the host's */
            return 1;
        }
        queue_share_bell(feeder.queue, capture->bell);
        feeder.number = arrival.number;
        r = add_feeder(capture, &feeder, arrival.name);
        if (r < 0)
            return error_system(error, r, "notify: cannot record container '%s'", arrival.name);
    }
}

static bool has_feeder_ended(const struct feeder *feeder)
{
    return feeder->shared->ended || feeder->shared->crashed;
}

/* Has everything been told? 1: yes; a negative errno: there is nobody left who could. */
static int look_for_end(struct capture *capture, struct sysfold_error *error)
{
    const struct feeder *feeder = capture->feeders;

    if (!capture->plan.session.options->live.argv)
        return 0;
    if (has_feeder_ended(feeder))
        return feeder->shared->crashed ? crashed(feeder, error) : 1;
    if (feeder->shared->supervisor && kill(feeder->shared->supervisor, 0) < 0 && errno == ESRCH)
        return has_feeder_ended(feeder) ? 0 : crashed(feeder, error); /* G has not said so yet, or is gone, too */
    return 0;
}

static int wait_for_more(struct capture *capture, uint64_t deadline, struct sysfold_error *error)
{
    uint64_t now = now_ms();
    uint64_t left = deadline > now ? deadline - now : 0;
    int r = queue_wait_any(capture->queues, capture->count, capture->bell, left < SLICE_MS ? (int)left : SLICE_MS);

    if (r == -EINTR)
        return error_system(error, r, "notify: the wait for events was interrupted");
    return r == -ETIMEDOUT && left <= SLICE_MS ? -EAGAIN : 0;
}

static int notify_next_batch(struct capture *capture, int timeout_ms, struct batch *ret_batch,
                             struct sysfold_error *error)
{
    bool is_agent = !capture->plan.session.options->live.argv;
    uint64_t deadline = timeout_ms < 0 ? UINT64_MAX : now_ms() + (uint64_t)timeout_ms;

    *ret_batch = (struct batch){.cpu = -1};
    for (;;) {
        int end, r = is_agent ? take_arrivals(capture, ret_batch, error) : 0;

        if (r == -EPIPE && !capture->count) /* G hangs up when we want no more and have been told everything */
            return capture->stopped ? 0 : r;
        if (r && r != -EPIPE)
            return r;
        end = look_for_end(capture, error); /* before the queues: what came before the end is not missed */
        r = take_any(capture, ret_batch, error);
        if (r)
            return r;
        if (end)
            return end < 0 ? end : 0;
        r = wait_for_more(capture, deadline, error);
        if (r < 0)
            return r;
    }
}

static void notify_stop(struct capture *capture)
{
    int saved = errno;

    capture->stopped = 1;
    (void)!write(capture->lifeline, "s", 1);
    bell_ring(capture->bell);
    errno = saved;
}

static int notify_exit_status(const struct capture *capture, int *ret_status)
{
    const struct shared *shared = capture->plan.session.shared;

    if (!shared || !shared->has_status)
        return -ENODATA;
    *ret_status = shared->status;
    return 0;
}

static void notify_stats(const struct capture *capture, struct capture_stats *ret_stats)
{
    for (size_t i = 0; i < capture->count; i++)
        ret_stats->buffer_used += queue_used(capture->queues[i]);
}

static const char *notify_source_name(const struct capture *capture, uint32_t source)
{
    return source && source == capture->named ? capture->name : "host";
}

const struct sysfold_backend backend_notify = {
    .name = "notify",
    .summary = "a command and its children, or containers that come to a socket (seccomp user notification)",
    .targets = TARGET_COMMAND | TARGET_LISTEN,
    .on_request = true,
    .probe = notify_probe,
    .open = notify_open,
    .start = notify_start,
    .next_batch = notify_next_batch,
    .stop = notify_stop,
    .exit_status = notify_exit_status,
    .stats = notify_stats,
    .source_name = notify_source_name,
    .result_way = notify_result_way,
    .close = notify_close,
};
