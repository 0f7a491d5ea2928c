// SPDX-License-Identifier: Apache-2.0
/* Listeners, and who answers at them. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "backends/daemon.h"
#include "backends/notify/guarding.h"
#include "backends/notify/listener.h"
#include "common/cleanup.h"
#include "common/error.h"

/* How many ids are tried around the last. An S with more calls in hand than that has never been. */
#define LEFT_BEFORE 65536
#define LEFT_BEHIND 1024
#define LISTENER_FILE "anon_inode:seccomp notify"

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* By its name first: an ioctl of somebody's own file system could do anything. */
bool is_listener(int fd)
{
    char path[32], name[sizeof(LISTENER_FILE)];
    uint64_t none = 0;
    ssize_t size;

    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    size = readlink(path, name, sizeof(name));
    return size == (ssize_t)strlen(LISTENER_FILE) && memcmp(name, LISTENER_FILE, (size_t)size) == 0 &&
           ioctl(fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &none) < 0 && errno == ENOENT;
}

/* --- beginnings and ends --- */

static struct ward *take_free(struct guardian *guardian)
{
    for (size_t i = 0; i < CONTAINERS_MAX; i++) {
        struct ward *ward = &guardian->wards[i];

        if (ward->used)
            continue;
        *ward = (struct ward){.used = true, .listener = -1, .watch = -1, .pidfd = -1, .shared_fd = -1};
        guardian->ward_count++;
        return ward;
    }
    return NULL;
}

/* What only S and R wanted. */
static void drop_records(struct ward *ward)
{
    bool mapped_here = ward->shared_fd >= 0;

    close_fd(&ward->shared_fd);
    if (mapped_here) {
        queue_destroy(ward->queue);
        munmap(ward->shared, sizeof(*ward->shared));
    }
    ward->queue = NULL;
    ward->shared = NULL;
}

void ward_release(struct ward *ward, struct guardian *guardian)
{
    close_fd(&ward->listener);
    close_fd(&ward->watch);
    close_fd(&ward->pidfd);
    drop_records(ward);
    oci_state_finish(&ward->state);
    free(ward->json);
    *ward = (struct ward){0};
    guardian->ward_count--;
}

/* An S that is alive sees for itself that its targets have ended. */
static void release_if_done(struct ward *ward, struct guardian *guardian)
{
    bool has_supervisor = ward->pidfd >= 0;

    if (has_supervisor)
        return;
    if (ward->queue && !ward->untold)
        drop_records(ward);
    if (!ward->untold && (ward->finished || ward->listener < 0))
        ward_release(ward, guardian);
}

static int create_shared(struct ward *ward)
{
    cleanup_close int fd = memfd_create("sysfold-shared", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    void *memory;

    if (fd < 0 || ftruncate(fd, sizeof(struct shared)) < 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
        return -errno;
    memory = mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED)
        return -errno;
    ward->shared = memory;
    ward->shared->listener = -1;
    ward->shared_fd = steal_fd(&fd);
    return 0;
}

static int create_records(const struct guardian *guardian, struct ward *ward, struct sysfold_error *error)
{
    const struct guardian_plan *plan = guardian->plan;
    int r = create_shared(ward);

    if (r < 0)
        return error_system(error, r, "notify: cannot record container %s", ward->state.id);
    r = queue_create(plan->session.options->live.buffer_size, &ward->queue, error);
    if (r == 0 && plan->bell)
        queue_share_bell(ward->queue, plan->bell);
    return r;
}

/* --- S --- */

/* A container's S has nothing of G's but its own; a command's still has what the command is to inherit. */
static void __attribute__((noreturn))
run_supervisor(const struct guardian *guardian, const struct ward *ward, int watch)
{
    const struct guardian_plan *plan = guardian->plan;
    struct session session = plan->session;
    const int kept[] = {ward->listener, session.lifeline, watch};

    session.watch = watch;
    session.shared = ward->shared;
    session.queue = ward->queue;
    session.listener = ward->listener;
    if (guardian->is_agent) {
        session.control = -1;
        session.state = &ward->state;
        daemon_close_all_but(kept, sizeof(kept) / sizeof(kept[0]));
    }
    plan->supervise(&session);
}

static int start_supervisor(const struct guardian *guardian, struct ward *ward)
{
    int watch[2], r = 0;
    pid_t pid;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, watch) < 0)
        return -errno;
    pid = fork();
    if (pid == 0) {
        close(watch[0]);
        run_supervisor(guardian, ward, watch[1]);
    }
    if (pid < 0)
        r = -errno;
    close(watch[1]);
    ward->supervisor = pid;
    ward->watch = watch[0];
    if (r == 0) {
        ward->shared->supervisor = pid;
        ward->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
        r = ward->pidfd < 0 ? -errno : 0;
    }
    if (r < 0)
        close_fd(&ward->watch);
    if (r < 0 && pid > 0) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    return r;
}

/* The listener that a command's S has got from the command. */
static void take_from_supervisor(struct ward *ward)
{
    char byte;
    struct message message = {0};
    ssize_t got = message_receive(ward->watch, &message, &byte, sizeof(byte));

    if (got == 0 || (got < 0 && got != -EAGAIN && got != -EINTR))
        close_fd(&ward->watch);
    if (message.fd_count > 0 && ward->listener < 0) {
        ward->listener = message.fds[0];
        message.fds[0] = -1;
    }
    message_finish(&message);
}

/*
 * What S had received and not answered, nobody can receive again, and its
 * thread would wait for ever. But ids count upwards, and the kernel says whether one is waited for: those around
 * the last that is known are tried. A little beyond it as well: S may have had no time to write down its last.
 */
static void answer_left(struct ward *ward, uint64_t last_id)
{
    for (uint64_t i = 0; i < LEFT_BEFORE + LEFT_BEHIND; i++) {
        uint64_t id = last_id - LEFT_BEFORE + 1 + i;

        if (listener_is_valid(ward->listener, id))
            (void)listener_continue(ward->listener, id);
    }
    ward->left_answered = true;
}

/* R sees the end of what it told: all of it, or that there is no more to come. */
static void mark_end(const struct guardian *guardian, struct ward *ward)
{
    if (!ward->shared || ward->shared->ended)
        return;
    ward->shared->crashed = true;
    queue_end(ward->queue);
    if (guardian->plan->bell)
        bell_ring(guardian->plan->bell);
}

static void serve_supervisor(struct guardian *guardian, size_t index, short events)
{
    struct ward *ward = &guardian->wards[index];

    (void)events;
    if (!ward->used || ward->pidfd < 0)
        return;
    if (ward->watch >= 0)
        take_from_supervisor(ward); /* its last word */
    waitpid(ward->supervisor, NULL, 0);
    close_fd(&ward->pidfd);
    close_fd(&ward->watch);
    if (ward->listener >= 0 && ward->shared->last_id)
        answer_left(ward, ward->shared->last_id);
    mark_end(guardian, ward);
    release_if_done(ward, guardian);
}

static void serve_watch(struct guardian *guardian, size_t index, short events)
{
    struct ward *ward = &guardian->wards[index];

    (void)events;
    if (ward->used && ward->watch >= 0)
        take_from_supervisor(ward);
}

/* --- without S --- */

/* A target may be gone before it is answered: then there is nothing to do. */
static void serve_listener(struct guardian *guardian, size_t index, short events)
{
    struct ward *ward = &guardian->wards[index];
    struct seccomp_notif notif;

    if (!ward->used || ward->offered || ward->listener < 0)
        return;
    if (events & POLLIN) {
        if (listener_receive(ward->listener, &notif) < 0)
            return;
        (void)listener_continue(ward->listener, notif.id);
        if (ward->supervisor > 0 && !ward->left_answered)
            answer_left(ward, notif.id);
        return;
    }
    ward->finished = true;
    release_if_done(ward, guardian);
}

static void poll_ward(struct guardian *guardian, size_t index)
{
    const struct ward *ward = &guardian->wards[index];

    if (!ward->used)
        return;
    if (ward->pidfd >= 0)
        guardian_poll(guardian, ward->pidfd, POLLIN, serve_supervisor, index);
    if (ward->watch >= 0)
        guardian_poll(guardian, ward->watch, POLLIN, serve_watch, index);
    else if (ward->listener >= 0 && !ward->offered && !ward->finished)
        guardian_poll(guardian, ward->listener, POLLIN, serve_listener, index);
}

/* --- how they come --- */

int ward_begin_command(struct guardian *guardian)
{
    struct ward *ward = take_free(guardian);

    ward->shared = guardian->plan->session.shared;
    ward->queue = guardian->plan->session.queue;
    return start_supervisor(guardian, ward);
}

/* A pid that is not there is forged, or of another namespace than ours. */
/* A container's first process has its filter before its runtime has the listener. Who names another lies. */
static bool is_filtered(pid_t pid)
{
    char path[64], line[256];
    cleanup_fclose FILE *file = NULL;

    (void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    file = fopen(path, "re");
    while (file && fgets(line, sizeof(line), file)) {
        if (!strncmp(line, "Seccomp:", 8))
            return atoi(line + 8) == 2;
    }
    return false;
}

static int understand(struct ward *ward, size_t fd_count, struct sysfold_error *error)
{
    struct oci_state state = {0};
    int r = ward->json ? oci_state_parse(ward->json, ward->json_size, fd_count, &state, error) : -ENODATA;

    if (r < 0)
        return r;
    if (kill(state.pid, 0) < 0 && errno == ESRCH) {
        r = error_set(
            error, -ESRCH,
            "notify: container %s is not recorded: its process %d is not there (is its runtime in another pid "
            "namespace?)",
            state.id, (int)state.pid);
        oci_state_finish(&state);
        return r;
    }
    if (!is_filtered(state.pid)) {
        r = error_set(error, -EPERM, "notify: container %s is not recorded: its process %d has no seccomp filter",
                      state.id, (int)state.pid);
        oci_state_finish(&state);
        return r;
    }
    ward->state = state;
    return 0;
}

static uint64_t wall_clock(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* -ENODATA: nobody wants to know. */
static int record(struct guardian *guardian, struct ward *ward, struct sysfold_error *error)
{
    int r;

    if (guardian->without_recorder || !ward->state.id)
        return -ENODATA;
    r = create_records(guardian, ward, error);
    if (r == 0) {
        r = start_supervisor(guardian, ward);
        if (r < 0)
            error_system(error, r, "notify: container %s is not recorded: cannot start its supervisor", ward->state.id);
    }
    if (r < 0) {
        if (ward->shared_fd >= 0)
            drop_records(ward);
        return r;
    }
    ward->time = wall_clock();
    ward->number = guardian->next_number++;
    ward->untold = true;
    return 0;
}

void ward_begin_container(struct guardian *guardian, int listener, char *json, size_t size, size_t fd_count)
{
    struct ward *ward = take_free(guardian);
    struct sysfold_error error = {0};

    if (!ward) {
        guardian_complain(guardian,
                          "notify: a container is refused, and its chosen calls will fail: there are too many");
        close(listener);
        free(json);
        return;
    }
    ward->listener = listener;
    ward->json = json;
    ward->json_size = size;
    ward->json_fds = fd_count;
    if (understand(ward, fd_count, &error) == 0)
        (void)record(guardian, ward, &error);
    if (error.code)
        guardian_complain(guardian, error.message);
    ward_tell_all(guardian);
}

/* --- telling R --- */

static int send_arrival(int control, const struct arrival *arrival, const int *fds, size_t fd_count)
{
    union {
        struct cmsghdr header;
        uint8_t bytes[CMSG_SPACE(2 * sizeof(int))];
    } room = {0};
    struct iovec part = {.iov_base = (void *)arrival, .iov_len = sizeof(*arrival)};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

    if (fd_count) {
        message.msg_control = &room;
        message.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
        room.header = (struct cmsghdr){
            .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(fd_count * sizeof(int))};
        memcpy(CMSG_DATA(&room.header), fds, fd_count * sizeof(int));
    }
    return sendmsg(control, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int tell_ward(const struct guardian *guardian, const struct ward *ward)
{
    struct arrival arrival = {
        .kind = ARRIVAL_CONTAINER, .number = ward->number, .time = ward->time, .pid = ward->state.pid};
    const int fds[2] = {queue_fd(ward->queue), ward->shared_fd};

    (void)snprintf(arrival.name, sizeof(arrival.name), "%s", ward->state.id);
    return send_arrival(guardian->control, &arrival, fds, 2);
}

/* Sources are told in the order of their numbers. */
static struct ward *next_untold(struct guardian *guardian)
{
    struct ward *next = NULL;

    for (size_t i = 0; i < CONTAINERS_MAX; i++) {
        struct ward *ward = &guardian->wards[i];

        if (ward->used && ward->untold && (!next || ward->number < next->number))
            next = ward;
    }
    return next;
}

static int tell_complaint(struct guardian *guardian)
{
    const struct complaint *first = &guardian->complaints[0];
    struct arrival arrival = {.kind = ARRIVAL_COMPLAINT, .time = first->time};
    int r;

    memcpy(arrival.text, first->text, sizeof(arrival.text));
    r = send_arrival(guardian->control, &arrival, NULL, 0);
    if (r < 0)
        return r;
    memmove(guardian->complaints, guardian->complaints + 1, --guardian->complaint_count * sizeof(*first));
    if (guardian->complaints_lost) {
        struct complaint *last = &guardian->complaints[guardian->complaint_count++];

        last->time = wall_clock();
        (void)snprintf(last->text, sizeof(last->text), "notify: %zu more complaints like the last ones",
                       guardian->complaints_lost);
        guardian->complaints_lost = 0;
    }
    return 0;
}

static bool is_for_later(int r)
{
    return r == -EAGAIN || r == -EINTR;
}

/* Whoever wants no more has been told everything, and sees it. */
static bool dismiss(struct guardian *guardian)
{
    if (!guardian->without_recorder || guardian->control < 0 || guardian->complaint_count || next_untold(guardian))
        return false;
    close_fd(&guardian->control);
    return true;
}

/* As much as R takes now. Nobody is left to be told: everything counts as told. */
void ward_tell_all(struct guardian *guardian)
{
    bool told = false;
    struct ward *ward;
    int r = 0;

    if (guardian->control < 0)
        guardian->complaint_count = guardian->complaints_lost = 0;
    while (!is_for_later(r) && (ward = next_untold(guardian))) {
        r = guardian->control >= 0 ? tell_ward(guardian, ward) : 0;
        if (is_for_later(r))
            break;
        told = true;
        ward->untold = false;
        release_if_done(ward, guardian);
    }
    while (!is_for_later(r) && guardian->complaint_count) {
        r = tell_complaint(guardian);
        if (r < 0 && !is_for_later(r))
            guardian->complaint_count = 0;
        told = true;
    }
    if ((dismiss(guardian) || told) && guardian->plan->bell)
        bell_ring(guardian->plan->bell);
}

static void serve_control(struct guardian *guardian, size_t index, short events)
{
    (void)index;
    (void)events;
    ward_tell_all(guardian);
}

void ward_poll_all(struct guardian *guardian)
{
    if (guardian->control >= 0 && (guardian->complaint_count || next_untold(guardian)))
        guardian_poll(guardian, guardian->control, POLLOUT, serve_control, 0);
    for (size_t i = 0; i < CONTAINERS_MAX; i++)
        poll_ward(guardian, i);
}
