// SPDX-License-Identifier: Apache-2.0
/* The guardian: how it is started, its loop, and what its recorder asks of it. */

#include "backends/notify/guardian.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "backends/daemon.h"
#include "backends/notify/guarding.h"
#include "common/cleanup.h"
#include "common/error.h"

#define LOOK_MS 2000 /* how often an agent without containers and recorder looks whether anybody can still connect */
#define HANDOVER_SUFFIX ".guardian"

uint64_t guardian_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void guardian_complain(struct guardian *guardian, const char *text)
{
    struct complaint *complaint = &guardian->complaints[guardian->complaint_count];
    struct timespec now;

    if (guardian->control < 0)
        return;
    if (guardian->complaint_count == COMPLAINTS_MAX) {
        guardian->complaints_lost++;
        return;
    }
    clock_gettime(CLOCK_REALTIME, &now);
    complaint->time = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
    (void)snprintf(complaint->text, sizeof(complaint->text), "%s", text);
    guardian->complaint_count++;
    ward_tell_all(guardian);
}

/* --- the loop --- */

void guardian_poll(struct guardian *guardian, int fd, short events,
                   void (*serve)(struct guardian *guardian, size_t index, short events), size_t index)
{
    size_t place = guardian->polled_count++;

    guardian->pollfds[place] = (struct pollfd){.fd = fd, .events = events};
    guardian->polled[place] = (struct polled){.serve = serve, .index = index};
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* A word is R's last wish, and stays in the pipe for every S to see: R stays until it has been told of all containers.
 * Without one, R was killed. */
static void serve_lifeline(struct guardian *guardian, size_t index, short events)
{
    (void)index;
    guardian->dismissed = events & POLLIN;
    guardian->without_recorder = true;
    close_fd(&guardian->lifeline);
    if (!guardian->dismissed)
        close_fd(&guardian->control);
    ward_tell_all(guardian);
}

static bool is_path_ours(const struct endpoint_socket *socket)
{
    struct stat status;

    return lstat(socket->endpoint.path, &status) == 0 && status.st_dev == socket->dev && status.st_ino == socket->ino;
}

/* Has nobody anything to expect of us any more? */
static bool is_done(struct guardian *guardian)
{
    uint64_t now = guardian_now();

    if (guardian->ward_count || guardian->connection_count)
        return false;
    if (!guardian->is_agent || guardian->handover.done)
        return true;
    if (!guardian->without_recorder || guardian->handover.next >= 0 || guardian->handover.predecessor >= 0)
        return false;
    if (guardian->dismissed)
        return true;
    if (guardian->look_after > now)
        return false;
    guardian->look_after = now + LOOK_MS * NS_PER_MS;
    return !is_path_ours(&guardian->listening);
}

static int patience(const struct guardian *guardian)
{
    uint64_t now = guardian_now(), deadline = agent_deadline(guardian), other = handover_deadline(guardian);

    if (other < deadline)
        deadline = other;
    if (guardian->is_agent && guardian->without_recorder && !guardian->ward_count && guardian->look_after < deadline)
        deadline = guardian->look_after;
    if (deadline == UINT64_MAX)
        return -1;
    return deadline <= now ? 0 : (int)((deadline - now + NS_PER_MS - 1) / NS_PER_MS);
}

static void serve_round(struct guardian *guardian)
{
    int ready;

    guardian->polled_count = 0;
    if (guardian->lifeline >= 0)
        guardian_poll(guardian, guardian->lifeline, POLLIN, serve_lifeline, 0);
    handover_poll(guardian);
    ward_poll_all(guardian);
    agent_poll(guardian);
    ready = poll(guardian->pollfds, guardian->polled_count, patience(guardian));
    for (size_t i = 0; i < guardian->polled_count && ready > 0; i++) {
        if (guardian->pollfds[i].revents)
            guardian->polled[i].serve(guardian, guardian->polled[i].index, guardian->pollfds[i].revents);
    }
    agent_keep_time(guardian, guardian_now());
    handover_keep_time(guardian, guardian_now());
}

/* --- becoming the guardian --- */

/* Each container needs several descriptors. */
static void raise_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

/* Every signal but SIGKILL is blocked since before the fork. */
static void settle(struct guardian *guardian)
{
    const int kept[] = {guardian->lifeline,       guardian->control,
                        guardian->listening.fd,   guardian->handover.predecessor,
                        guardian->wards[0].watch, guardian->wards[0].pidfd};

    (void)setsid(); /* as ptrace's tracer: nobody is to take us for the command's shell */
    prctl(PR_SET_NAME, "sysfold-guard");
    raise_limit();
    daemon_ask_to_be_spared();
    daemon_let_go_of_files(kept, sizeof(kept) / sizeof(kept[0]));
}

static void init(struct guardian *guardian, const struct guardian_plan *plan)
{
    guardian->plan = plan;
    guardian->is_agent = plan->listening.fd >= 0;
    guardian->lifeline = plan->session.lifeline;
    guardian->control = plan->session.control;
    guardian->listening = plan->listening;
    guardian->handover.door.fd = -1;
    guardian->handover.next = -1;
    guardian->handover.predecessor = plan->predecessor;
    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        guardian->connections[i].fd = -1;
    guardian->wards[0].watch = guardian->wards[0].pidfd = -1;
}

/* Its S speaks to R, and R is to see S's end: `control` is not ours. */
static void begin_command(struct guardian *guardian)
{
    struct sysfold_error error = {0};
    int r = ward_begin_command(guardian);

    if (r < 0) {
        error_system(&error, r, "notify: cannot start the supervisor");
        (void)send(guardian->control, &error, sizeof(error), MSG_NOSIGNAL);
        _exit(1);
    }
    close_fd(&guardian->control);
}

static void __attribute__((noreturn)) guard(const struct guardian_plan *plan)
{
    static struct guardian guardian;

    for (size_t i = 0; i < sizeof(plan->recorder_ends) / sizeof(plan->recorder_ends[0]); i++) {
        if (plan->recorder_ends[i] >= 0)
            close(plan->recorder_ends[i]);
    }
    init(&guardian, plan);
    if (!guardian.is_agent)
        begin_command(&guardian);
    settle(&guardian);
    if (guardian.handover.predecessor >= 0)
        handover_ready(&guardian);
    while (!is_done(&guardian))
        serve_round(&guardian);
    endpoint_finish(&guardian.handover.door);
    if (!guardian.handover.done)
        endpoint_finish(&guardian.listening);
    _exit(0);
}

static int fork_guardian(const struct guardian_plan *plan)
{
    int status = 0;
    pid_t between = fork();

    if (between < 0)
        return -errno;
    if (between == 0) {
        pid_t guardian = fork();

        if (guardian == 0)
            guard(plan);
        _exit(guardian < 0 ? errno : 0);
    }
    while (waitpid(between, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? -WEXITSTATUS(status) : 0;
}

int guardian_start(const struct guardian_plan *plan, struct sysfold_error *error)
{
    const int given[] = {plan->session.lifeline, plan->session.control, plan->listening.fd, plan->predecessor};
    int r = fork_guardian(plan);

    for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++) {
        if (given[i] >= 0)
            close(given[i]);
    }
    return r < 0 ? error_system(error, r, "notify: cannot start the guardian") : 0;
}

/* --- the recorder's side --- */

/* A guardian needs a moment to see that its recorder has just been killed. */
#define PLACE_ATTEMPTS 20
#define PLACE_PAUSE_MS 50

/* The one that a G had, at the path that we want: or another one, if somebody has removed that meanwhile. */
static int take_socket(const struct endpoint *endpoint, int *listening, struct endpoint_socket *ret_socket,
                       struct sysfold_error *error)
{
    int r = endpoint_adopt("notify", endpoint, *listening, ret_socket, error);

    if (r == 0)
        *listening = -1;
    if (r == -ENOENT)
        r = endpoint_listen("notify", endpoint, SOCK_STREAM, ret_socket, error);
    return r;
}

/* One attempt. -EADDRINUSE: somebody listens, and does not hand over (yet). -EPIPE: it was about to end, and has hung
 * up. */
static int take_place(const struct endpoint *endpoint, const char *handover, int *ret_predecessor,
                      struct endpoint_socket *ret_socket, struct sysfold_error *error)
{
    cleanup_close int listening = -1;
    int r = handover_greet(handover, ret_predecessor, &listening, error);

    if (r == 0)
        return take_socket(endpoint, &listening, ret_socket, error);
    return r == -ENOENT ? endpoint_listen("notify", endpoint, SOCK_STREAM, ret_socket, error) : r;
}

int guardian_listen(const struct endpoint *endpoint, struct guardian_plan *plan, struct sysfold_error *error)
{
    const struct timespec pause = {.tv_nsec = PLACE_PAUSE_MS * NS_PER_MS};
    cleanup_free char *handover = NULL;
    cleanup_close int predecessor = -1;
    struct endpoint_socket socket;
    int r = -EADDRINUSE;

    if (asprintf(&handover, "%s" HANDOVER_SUFFIX, endpoint->path) < 0)
        return error_system(error, -ENOMEM, "notify: cannot listen at %s", endpoint->path);
    for (int i = 0; i < PLACE_ATTEMPTS && (r == -EADDRINUSE || r == -EPIPE); i++) {
        if (i)
            nanosleep(&pause, NULL);
        r = take_place(endpoint, handover, &predecessor, &socket, error);
    }
    if (r < 0)
        return r;
    plan->listening = socket;
    plan->handover = steal_pointer(&handover);
    plan->predecessor = steal_fd(&predecessor);
    return 0;
}

static void unmap_shared(struct shared *shared)
{
    if (shared)
        munmap(shared, sizeof(*shared));
}

static int map_shared(int fd, struct shared **ret_shared)
{
    struct stat status;
    void *memory;

    if (fstat(fd, &status) < 0 || (size_t)status.st_size < sizeof(struct shared))
        return -EBADF;
    memory = mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED)
        return -errno;
    *ret_shared = memory;
    return 0;
}

static int open_arrival(const struct message *message, struct queue **ret_queue, struct shared **ret_shared,
                        struct sysfold_error *error)
{
    struct shared *shared = NULL;
    int r = message->fd_count == 2 ? map_shared(message->fds[1], &shared) : -EBADMSG;

    if (r == 0)
        r = queue_attach(message->fds[0], ret_queue, error);
    else
        error_system(error, r, "notify: cannot take a container's queue");
    if (r < 0) {
        unmap_shared(shared);
        return r;
    }
    *ret_shared = shared;
    return 0;
}

int guardian_take_arrival(int control, struct arrival *ret_arrival, struct queue **ret_queue,
                          struct shared **ret_shared, struct sysfold_error *error)
{
    struct message message = {0};
    struct arrival arrival;
    ssize_t got = message_receive(control, &message, &arrival, sizeof(arrival));
    struct queue *queue = NULL;
    struct shared *shared = NULL;
    int r = 1;

    if (got == -EAGAIN || got == -EINTR)
        return 0;
    if (got == 0 || got == -ECONNRESET)
        r = error_set(error, -EPIPE, "notify: the guardian was killed: no more containers can be recorded");
    else if (got < 0)
        r = error_system(error, (int)got, "notify: cannot hear the guardian");
    else if (got != sizeof(arrival))
        r = error_set(error, -EBADMSG, "notify: the guardian said something else than an arrival");
    else if (arrival.kind == ARRIVAL_CONTAINER && open_arrival(&message, &queue, &shared, error) < 0)
        r = -EBADMSG;
    message_finish(&message);
    if (r < 0)
        return r;
    arrival.name[sizeof(arrival.name) - 1] = arrival.text[sizeof(arrival.text) - 1] = '\0';
    *ret_arrival = arrival;
    *ret_queue = queue;
    *ret_shared = shared;
    return 1;
}

/* guardian_start() has closed the descriptors: what is left is our memory. */
void guardian_plan_finish(struct guardian_plan *plan)
{
    free((char *)plan->listening.endpoint.path);
    free(plan->handover);
    plan->listening = (struct endpoint_socket){.fd = -1};
    plan->handover = NULL;
    plan->predecessor = -1;
}

void guardian_plan_abandon(struct guardian_plan *plan)
{
    if (plan->predecessor >= 0) {
        close(plan->predecessor);
        endpoint_close(&plan->listening);
    } else if (plan->listening.fd >= 0) {
        endpoint_finish(&plan->listening);
    }
    guardian_plan_finish(plan);
}
