// SPDX-License-Identifier: Apache-2.0
/*
 * S: reads a listener, answers, and records. It ends when its last target has
 * ended, or as soon as nobody wants to know any more: then G answers.
 */

#include "backends/notify/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "backends/daemon.h"
#include "backends/notify/ends.h"
#include "backends/notify/launch.h"
#include "backends/notify/listener.h"
#include "backends/notify/oci-state.h"
#include "backends/notify/plan.h"
#include "common/cleanup.h"
#include "common/error.h"

/* What the epoll says; processes' pids are below. */
#define EVENT_LIFELINE (UINT64_C(1) << 32)
#define EVENT_PERF (UINT64_C(2) << 32)
#define EVENT_LAUNCHED (UINT64_C(3) << 32)
#define EVENTS_MAX 16

#define NICE (-15)
#define SWEEP_NS UINT64_C(1000000000)

/* Records of the tracepoints wait at most so long for others: while some come, and while none do. */
#define GATHER_MS 20
#define IDLE_MS 200

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* As perf's records are stamped: whoever sets the clock meanwhile changes no event's place. */
uint64_t supervisor_clock(void)
{
    static uint64_t offset;

    if (!offset)
        offset = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC);
    return clock_ns(CLOCK_MONOTONIC) + offset;
}

/* --- records --- */

bool is_recorded(const struct supervisor *supervisor, const struct process *process)
{
    return process->is_followed && !supervisor->launching && !supervisor->leaving;
}

static void put(struct supervisor *supervisor, const uint8_t *record, size_t size, uint64_t time)
{
    if (!queue_put(supervisor->queue, record, size))
        queue_lose(supervisor->queue, time);
}

void supervisor_emit_record(void *data, const uint8_t *record, size_t size)
{
    put(data, record, size, supervisor_clock());
}

void supervisor_emit(struct supervisor *supervisor)
{
    size_t size;
    const uint8_t *record = encoder_finish(&supervisor->encoder, &size);

    put(supervisor, record, size, supervisor->encoder.time);
}

static void tell_lost(struct supervisor *supervisor, const struct perf_record *record)
{
    struct encoder *encoder = &supervisor->encoder;

    encoder_begin(encoder, row_builtin(ROW_LOST), 0, record->time);
    encoder_integer(encoder, P_LOST_count, (int64_t)record->lost);
    encoder_integer(encoder, P_LOST_from, (int64_t)record->time);
    encoder_integer(encoder, P_LOST_to, (int64_t)record->time);
    encoder_string(encoder, P_LOST_cause, "tracepoint buffer full");
    supervisor_emit(supervisor);
    supervisor->is_behind = true;
}

/* --- the tracepoints --- */

static void take_record(struct supervisor *supervisor, const struct perf_record *record)
{
    struct thread *thread = NULL;

    if (record->kind == PERF_ENTRY || record->kind == PERF_EXIT)
        thread = lives_thread(supervisor, record->tid);
    switch (record->kind) {
    case PERF_ENTRY:
        if (thread)
            call_entered(supervisor, thread, record);
        break;
    case PERF_EXIT:
        if (thread)
            call_exited(supervisor, thread, record);
        break;
    case PERF_BIRTH:
        lives_birth(supervisor, record);
        break;
    case PERF_END:
        lives_end(supervisor, record);
        break;
    case PERF_EXEC:
        lives_exec(supervisor, record);
        break;
    case PERF_LOST:
        tell_lost(supervisor, record);
        break;
    }
}

/* Whatever was lost may have been an exec or an end. Looking at each thread takes its time: not each time that
 * something is lost. */
static void catch_up(struct supervisor *supervisor)
{
    uint64_t now = supervisor_clock();

    lives_forget_likenesses(supervisor);
    if (now - supervisor->swept < SWEEP_NS)
        return;
    supervisor->swept = now;
    supervisor->is_behind = false;
    lives_sweep(supervisor);
}

/* Everything that has happened by now. True: there was something. */
static bool take_records(struct supervisor *supervisor)
{
    struct perf_record record;
    bool any = false;

    if (!supervisor->perf)
        return false;
    for (perf_look(supervisor->perf); perf_next(supervisor->perf, &record); any = true)
        take_record(supervisor, &record);
    if (supervisor->is_behind)
        catch_up(supervisor);
    return any;
}

/* --- the loop --- */

/* A thread of which nothing can be known runs on all the same. */
static void take_notification(struct supervisor *supervisor)
{
    struct seccomp_notif notif;
    struct thread *thread;

    if (listener_receive(supervisor->listener, &notif) < 0)
        return;
    supervisor->shared->last_id = notif.id;
    take_records(supervisor);
    thread = lives_thread(supervisor, (pid_t)notif.pid);
    if (thread)
        thread = lives_look_for_exec(supervisor, thread);
    if (thread)
        call_notified(supervisor, thread, &notif);
    else
        (void)listener_continue(supervisor->listener, notif.id);
}

static void report(const struct supervisor *supervisor, const struct sysfold_error *error)
{
    if (supervisor->session->control >= 0)
        (void)send(supervisor->session->control, error, sizeof(*error), MSG_NOSIGNAL);
}

/* The pipe that C held has ended: it has become the command, or has failed to. */
static void take_launched(struct supervisor *supervisor)
{
    struct sysfold_error error = {0};

    close(supervisor->launched);
    supervisor->launched = -1;
    if (supervisor->shared->exec_error)
        (void)launcher_failure(supervisor, &error);
    else
        lives_launched(supervisor);
    report(supervisor, &error);
}

static void take_event(struct supervisor *supervisor, uint64_t what)
{
    if (what == EVENT_LIFELINE)
        supervisor->leaving = true;
    else if (what == EVENT_LAUNCHED)
        take_launched(supervisor);
    else if (what < EVENT_LIFELINE)
        lives_process_gone(supervisor, (pid_t)what);
}

static void take_events(struct supervisor *supervisor)
{
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(supervisor->events, events, EVENTS_MAX, 0);

    take_records(supervisor);
    for (int i = 0; i < count; i++)
        take_event(supervisor, events[i].data.u64);
}

static void run(struct supervisor *supervisor)
{
    struct pollfd fds[] = {{.fd = supervisor->listener, .events = POLLIN},
                           {.fd = supervisor->events, .events = POLLIN}};
    int patience = GATHER_MS;

    while (!supervisor->leaving && !supervisor->has_ended) {
        int ready = poll(fds, 2, supervisor->perf ? patience : -1);

        if (ready == 0)
            patience = take_records(supervisor) ? GATHER_MS : IDLE_MS;
        if (ready <= 0)
            continue;
        patience = GATHER_MS;
        if (fds[0].revents & POLLIN) /* first: until it is received, a signal takes the target away from its call */
            take_notification(supervisor);
        else if (fds[0].revents)
            supervisor->has_ended = true;
        if (fds[1].revents)
            take_events(supervisor);
    }
}

/* --- beginning --- */

static int watch(struct supervisor *supervisor, int fd, uint64_t what)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = what};

    return epoll_ctl(supervisor->events, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

/* A descriptor for each process, and those of the tracepoints. */
static void raise_limits(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int init(struct supervisor *supervisor, const struct session *session, struct sysfold_error *error)
{
    const struct sysfold_live_options *live = &session->options->live;
    int r = 0;

    supervisor->session = session;
    supervisor->shared = session->shared;
    supervisor->shared->supervisor = getpid();
    supervisor->queue = session->queue;
    supervisor->calls = &session->options->calls;
    supervisor->plan = session->plan;
    supervisor->limits =
        (struct collect_limits){.snaplen = live->snaplen, .string_vector_max = live->string_vector_max};
    supervisor->listener = session->listener;
    supervisor->launched = -1;
    supervisor->follow = !live->no_follow;
    supervisor->timed = live->timed;
    supervisor->launching = live->argv != NULL;
    followed_init(&supervisor->followed);
    supervisor->events = epoll_create1(EPOLL_CLOEXEC);
    if (supervisor->events < 0)
        r = -errno;
    if (r == 0)
        r = watch(supervisor, session->lifeline, EVENT_LIFELINE);
    return r < 0 ? error_system(error, r, "notify: cannot start the supervisor") : 0;
}

static int add_threads_to_perf(struct supervisor *supervisor, struct sysfold_error *error)
{
    const struct table *threads = &supervisor->followed.threads;
    int r = 0;

    for (size_t i = 0; i < threads->room && r == 0; i++) {
        const struct thread *thread = threads->entries[i].value;

        if (thread)
            r = perf_add(supervisor->perf, thread->tid, error);
        if (r == -ESRCH)
            r = 0;
    }
    return r;
}

static int open_perf(struct supervisor *supervisor, struct sysfold_error *error)
{
    const struct plan *plan = supervisor->plan;
    const struct perf_plan perf_plan = {
        .means = plan->means,
        .calls = plan->tells_all ? NULL : plan->exits,
        .entries = plan->entries,
        .arguments = plan->arguments,
    };
    int r = perf_create(&perf_plan, &supervisor->perf, error);

    if (r == 0)
        r = add_threads_to_perf(supervisor, error);
    if (r == 0)
        r = watch(supervisor, perf_fd(supervisor->perf), EVENT_PERF);
    if (r < 0) {
        perf_destroy(supervisor->perf);
        supervisor->perf = NULL;
    }
    return r;
}

/* A command's filter relies on what perf was found to tell. For a container there may be less than there was for us. */
static int open_results(struct supervisor *supervisor, struct sysfold_error *error)
{
    const struct session *session = supervisor->session;
    bool is_needed = session->plan->results & RESULTS_PERF && (session->required & RESULTS_PERF || session->filter.len);
    struct sysfold_error unwanted;
    int r = 0;

    if (session->plan->has_lives)
        r = open_perf(supervisor, is_needed ? error : &unwanted);
    if (!supervisor->perf)
        lives_do_without_perf(supervisor);
    return is_needed ? r : 0;
}

static int open_performer(struct supervisor *supervisor, struct sysfold_error *error)
{
    const struct session *session = supervisor->session;
    bool is_needed = session->required & RESULTS_EMULATE;
    struct sysfold_error unwanted;
    int r = 0;

    if (session->plan->results & RESULTS_EMULATE)
        r = performer_create(supervisor->listener, session->state != NULL, &supervisor->performer,
                             is_needed ? error : &unwanted);
    return is_needed ? r : 0;
}

static int begin(struct supervisor *supervisor, struct sysfold_error *error)
{
    const struct session *session = supervisor->session;
    pid_t first = session->state ? session->state->pid : supervisor->command;
    int r;

    if (!session->state)
        launcher_await(supervisor);
    r = lives_begin(supervisor, first, error);
    return r < 0 ? r : open_results(supervisor, error);
}

/* The recorder's word to go on. false: it is gone, or has changed its mind. */
static bool wait_for_go(const struct session *session)
{
    struct pollfd fds[] = {{.fd = session->control, .events = POLLIN}, {.fd = session->lifeline, .events = POLLIN}};
    char byte = 0;

    while (poll(fds, 2, -1) < 0 && errno == EINTR)
        ;
    return !fds[1].revents && recv(session->control, &byte, sizeof(byte), 0) == 1 && byte == COMMAND_GO;
}

/* Without one of us that answers, the targets' calls would fail: G has the listener before anything else is done with
 * it. */
static int hand_to_guardian(const struct supervisor *supervisor)
{
    char byte = 'l', room[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec iov = {.iov_base = &byte, .iov_len = 1};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof(room)};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);

    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &supervisor->listener, sizeof(int));
    return sendmsg(supervisor->session->watch, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int launch(struct supervisor *supervisor, struct sysfold_error *error)
{
    int r = launcher_release(supervisor, error);

    if (r == 0)
        (void)hand_to_guardian(supervisor); /* G may have been killed: then nobody can help */
    if (r == 0)
        r = watch(supervisor, supervisor->launched, EVENT_LAUNCHED);
    return r;
}

/* --- the end --- */

static bool has_guardian(const struct session *session)
{
    struct pollfd pollfd = {.fd = session->watch};

    return poll(&pollfd, 1, 0) == 0;
}

/* Nobody wants to know any more. But a command that has asked to die with its parent is not to; and a container that
 * has lost its G has nobody else who would answer. */
static bool must_stay(const struct supervisor *supervisor)
{
    return !supervisor->has_ended && (supervisor->command || !has_guardian(supervisor->session));
}

static void guard(struct supervisor *supervisor)
{
    struct pollfd pollfd = {.fd = supervisor->listener, .events = POLLIN};
    struct seccomp_notif notif;
    int status;

    perf_destroy(supervisor->perf);
    supervisor->perf = NULL;
    performer_destroy(supervisor->performer);
    supervisor->performer = NULL;
    while (poll(&pollfd, 1, -1) < 0 || pollfd.revents & POLLIN) {
        if (listener_receive(supervisor->listener, &notif) < 0)
            continue;
        supervisor->shared->last_id = notif.id;
        (void)listener_continue(supervisor->listener, notif.id);
    }
    while (supervisor->command && waitpid(supervisor->command, &status, __WALL) < 0 && errno == EINTR)
        ;
}

/* Nobody waits for a report of a container: why there is no more of it is among its events. */
static void tell_why(struct supervisor *supervisor, const struct sysfold_error *error)
{
    encoder_begin(&supervisor->encoder, row_builtin(ROW_MARKER), 0, supervisor_clock());
    encoder_string(&supervisor->encoder, P_MARKER_text, error->message);
    supervisor_emit(supervisor);
}

static _Noreturn void leave(struct supervisor *supervisor, const struct sysfold_error *error)
{
    if (error->code)
        report(supervisor, error);
    if (error->code && supervisor->session->state)
        tell_why(supervisor, error);
    if (supervisor->launching && supervisor->command > 0 && supervisor->launched >= 0)
        kill(supervisor->command, SIGKILL);
    queue_end(supervisor->queue);
    supervisor->shared->ended = true;
    _exit(error->code ? 1 : 0);
}

static void tell_last_losses(struct supervisor *supervisor)
{
    const struct perf_record lost = {.time = supervisor_clock(), .lost = perf_lost(supervisor->perf)};

    if (lost.lost)
        tell_lost(supervisor, &lost);
}

static void tell_the_rest(struct supervisor *supervisor)
{
    int status;

    if (supervisor->has_ended)
        lives_await_ends(supervisor);
    take_records(supervisor);
    if (!supervisor->has_ended)
        return;
    if (supervisor->perf)
        tell_last_losses(supervisor);
    lives_sweep(supervisor);
    if (supervisor->launched >= 0)
        take_launched(supervisor);
    if (supervisor->command)
        (void)command_status(supervisor, &status);
}

_Noreturn void supervisor_run(const struct session *session)
{
    static struct supervisor supervisor;
    struct sysfold_error error = {0};
    int r = init(&supervisor, session, &error);

    prctl(PR_SET_NAME, "sysfold-notify");
    if (r == 0 && !session->state)
        r = launcher_fork(&supervisor, &error);
    if (r == 0) {
        const int kept[] = {session->control,    session->lifeline, session->watch,
                            supervisor.listener, supervisor.events, supervisor.launched};

        daemon_let_go_of_files(kept, sizeof(kept) / sizeof(kept[0]));
        raise_limits();
        r = begin(&supervisor, &error);
    }
    if (r < 0)
        leave(&supervisor, &error);
    if (!session->state) {
        report(&supervisor, &error);
        if (!wait_for_go(session))
            leave(&supervisor, &error);
        if (launch(&supervisor, &error) < 0)
            leave(&supervisor, &error);
    }
    if (open_performer(&supervisor, &error) < 0)
        leave(&supervisor, &error);
    listener_prefer_this_cpu(supervisor.listener);
    (void)setpriority(PRIO_PROCESS, 0, NICE); /* where that is allowed: targets wait for us */
    run(&supervisor);
    tell_the_rest(&supervisor);
    if (must_stay(&supervisor)) {
        queue_end(supervisor.queue);
        supervisor.shared->ended = true;
        guard(&supervisor);
    }
    leave(&supervisor, &error);
}
