// SPDX-License-Identifier: Apache-2.0
/*
 * From a G whose R is gone to the G of the next R for the same socket. Packets, at a socket beside it:
 *
 *   the next R, then its G                     the G before
 *      HELLO         ──────────────────────►      accepts no runtimes from here on
 *                    ◄──────────────────────   SOCKET + the socket that listens
 *      READY         ──────────────────────►
 *                    ◄──────────────────────   CONTAINER + a listener, and what its runtime said;
 *                                                 nobody answers there for a moment
 *      TAKEN         ──────────────────────►
 *                    ◄──────────────────────   GIVEN; and the next CONTAINER, until
 *                                              END; and it is gone
 *
 * What has not been given when the connection ends, or takes HANDOVER_MS, remains the G before's.
 *
 *   0              4         6        8            12
 *   +--------------+---------+--------+------------+- - - - - -
 *   | magic        | version | step   | descriptors| JSON, of a CONTAINER
 *   +--------------+---------+--------+------------+- - - - - -
 *
 * Both are of one machine, so numbers are in its byte order. Only root and our own user may connect.
 */

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "backends/notify/guarding.h"
#include "common/cleanup.h"
#include "common/error.h"

#define MAGIC UINT32_C(0x44474653) /* "SFGD" */
#define VERSION 1
#define HANDOVER_MS 5000
#define GREETED_MS 30000 /* a recorder that begins */
#define RETRY_MS 1000

enum step { STEP_HELLO = 1, STEP_SOCKET, STEP_READY, STEP_CONTAINER, STEP_TAKEN, STEP_GIVEN, STEP_END };

struct packet {
    uint32_t magic;
    uint16_t version;
    uint16_t step;
    uint32_t fd_count; /* that came with the state */
};
static_assert(sizeof(struct packet) == 12, "as it is drawn");

/* --- packets --- */

static int send_packet(int to, enum step step, int fd, const struct ward *ward)
{
    struct packet packet = {
        .magic = MAGIC, .version = VERSION, .step = (uint16_t)step, .fd_count = ward ? (uint32_t)ward->json_fds : 0};
    union {
        struct cmsghdr header;
        uint8_t bytes[CMSG_SPACE(sizeof(int))];
    } room = {0};
    struct iovec parts[2] = {{.iov_base = &packet, .iov_len = sizeof(packet)}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 1};

    if (ward && ward->json_size) {
        parts[1] = (struct iovec){.iov_base = ward->json, .iov_len = ward->json_size};
        message.msg_iovlen = 2;
    }
    if (fd >= 0) {
        message.msg_control = &room;
        message.msg_controllen = sizeof(room);
        room.header =
            (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
        memcpy(CMSG_DATA(&room.header), &fd, sizeof(fd));
    }
    return sendmsg(to, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* The step; *message has what came with it. -EAGAIN; -EPIPE: the end; -EBADMSG: that is none. */
static int receive_packet(int from, struct message *message, size_t *ret_fd_count)
{
    cleanup_free uint8_t *bytes = malloc(sizeof(struct packet) + OCI_STATE_MAX);
    struct packet packet;
    ssize_t got;

    if (!bytes)
        return -ENOMEM;
    got = message_receive(from, message, bytes, sizeof(packet) + OCI_STATE_MAX);
    if (got == -EAGAIN || got == -EINTR)
        return -EAGAIN;
    if (got == 0)
        return -EPIPE;
    if (got < (ssize_t)sizeof(packet))
        return got < 0 && got != -EMSGSIZE ? -EPIPE : -EBADMSG;
    memcpy(&packet, bytes, sizeof(packet));
    if (packet.magic != MAGIC || packet.version != VERSION || packet.fd_count > OCI_FDS_MAX || message->fd_count > 1)
        return -EBADMSG;
    message->size = (size_t)got - sizeof(packet);
    if (message->size) {
        message->json = malloc(message->size);
        if (!message->json)
            return -ENOMEM;
        memcpy(message->json, bytes + sizeof(packet), message->size);
    }
    *ret_fd_count = packet.fd_count;
    return packet.step;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* --- the next R --- */

static int await_socket(int fd, int *ret_listening)
{
    struct pollfd pollfd = {.fd = fd, .events = POLLIN};
    struct message message = {0};
    size_t fd_count;
    int r = poll(&pollfd, 1, HANDOVER_MS) > 0 ? receive_packet(fd, &message, &fd_count) : -ETIMEDOUT;

    if (r >= 0 && (r != STEP_SOCKET || message.fd_count != 1))
        r = -EBADMSG;
    if (r >= 0) {
        *ret_listening = message.fds[0];
        message.fds[0] = -1;
    }
    message_finish(&message);
    return r < 0 ? r : 0;
}

static bool is_ours(int fd)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && (peer.uid == 0 || peer.uid == geteuid());
}

int handover_greet(const char *path, int *ret_fd, int *ret_listening, struct sysfold_error *error)
{
    cleanup_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int r;

    if (fd < 0)
        return error_system(error, -errno, "notify: cannot make a socket");
    if (strlen(path) >= sizeof(address.sun_path))
        return error_set(error, -ENAMETOOLONG, "notify: cannot listen at %s: longer than %zu bytes", path,
                         sizeof(address.sun_path) - 1);
    memcpy(address.sun_path, path, strlen(path));
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
        return -ENOENT; /* whoever listens where runtimes connect has its recorder */
    if (!is_ours(fd))
        return error_set(error, -EADDRINUSE, "notify: cannot take over the containers at %s: another user's", path);
    r = send_packet(fd, STEP_HELLO, -1, NULL);
    if (r == 0)
        r = await_socket(fd, ret_listening);
    if (r < 0)
        return error_system(error, r, "notify: cannot take over the containers at %s", path);
    *ret_fd = steal_fd(&fd);
    return 0;
}

/* --- the next G --- */

static void drop_taken(struct handover *handover)
{
    message_finish(&handover->taken);
    handover->has_taken = false;
}

void handover_ready(struct guardian *guardian)
{
    (void)send_packet(guardian->handover.predecessor, STEP_READY, -1, NULL);
}

static bool take_container(struct handover *handover, struct message *message, size_t fd_count)
{
    if (handover->has_taken || message->fd_count != 1 || !is_listener(message->fds[0]))
        return false;
    handover->taken = *message;
    handover->taken_fds = fd_count;
    handover->has_taken = true;
    *message = (struct message){0};
    return send_packet(handover->predecessor, STEP_TAKEN, -1, NULL) == 0;
}

static bool take_given(struct guardian *guardian)
{
    struct handover *handover = &guardian->handover;
    struct message taken = handover->taken;

    if (!handover->has_taken)
        return false;
    handover->has_taken = false;
    handover->taken = (struct message){0};
    ward_begin_container(guardian, taken.fds[0], taken.json, taken.size, handover->taken_fds);
    return true;
}

static void serve_predecessor(struct guardian *guardian, size_t index, short events)
{
    struct handover *handover = &guardian->handover;
    struct message message = {0};
    size_t fd_count = 0;
    int step = receive_packet(handover->predecessor, &message, &fd_count);
    bool goes_on = step == -EAGAIN;

    (void)index;
    (void)events;
    if (step == STEP_CONTAINER)
        goes_on = take_container(handover, &message, fd_count);
    else if (step == STEP_GIVEN)
        goes_on = take_given(guardian);
    message_finish(&message);
    if (goes_on)
        return;
    if (step != STEP_END)
        guardian_complain(guardian, "notify: not all containers of the recorder before could be taken over");
    drop_taken(handover);
    close_fd(&handover->predecessor);
}

/* --- the G before --- */

/* What was offered is answered here again. */
static void part(struct guardian *guardian)
{
    struct handover *handover = &guardian->handover;

    if (handover->offered)
        handover->offered->offered = false;
    handover->offered = NULL;
    close_fd(&handover->next);
    handover->step = HANDOVER_NONE;
}

static uint64_t ms_from_now(unsigned ms)
{
    return guardian_now() + ms * NS_PER_MS;
}

/* Whoever has an S is not ready yet: it will be gone in a moment, as R is. */
static struct ward *find_ready(struct guardian *guardian)
{
    for (size_t i = 0; i < CONTAINERS_MAX; i++) {
        struct ward *ward = &guardian->wards[i];

        if (ward->used && ward->pidfd < 0 && !ward->finished && ward->listener >= 0)
            return ward;
    }
    return NULL;
}

static int offer(struct guardian *guardian)
{
    struct handover *handover = &guardian->handover;
    struct ward *ward = find_ready(guardian);
    int r;

    if (!ward && (guardian->ward_count || guardian->connection_count))
        return 0; /* they are yet to come */
    if (!ward) {
        r = send_packet(handover->next, STEP_END, -1, NULL);
        handover->done = r == 0;
        return r;
    }
    r = send_packet(handover->next, STEP_CONTAINER, ward->listener, ward);
    if (r < 0)
        return r;
    ward->offered = true;
    handover->offered = ward;
    handover->step = HANDOVER_OFFERED;
    handover->deadline = ms_from_now(HANDOVER_MS);
    return 0;
}

static int give(struct guardian *guardian)
{
    struct handover *handover = &guardian->handover;
    int r = send_packet(handover->next, STEP_GIVEN, -1, NULL);

    if (r < 0)
        return r;
    ward_release(handover->offered, guardian);
    handover->offered = NULL;
    handover->step = HANDOVER_READY;
    return 0;
}

static int answer(struct guardian *guardian, int step)
{
    struct handover *handover = &guardian->handover;
    int r;

    if (step == STEP_HELLO && handover->step == HANDOVER_NONE) {
        r = send_packet(handover->next, STEP_SOCKET, guardian->listening.fd, NULL);
        handover->step = HANDOVER_GREETED;
        handover->deadline = ms_from_now(GREETED_MS);
        return r;
    }
    if (step == STEP_READY && handover->step == HANDOVER_GREETED) {
        handover->step = HANDOVER_READY;
        return 0;
    }
    if (step == STEP_TAKEN && handover->step == HANDOVER_OFFERED)
        return give(guardian);
    return step < 0 ? step : -EBADMSG;
}

static void serve_next(struct guardian *guardian, size_t index, short events)
{
    struct message message = {0};
    size_t fd_count;
    int step = receive_packet(guardian->handover.next, &message, &fd_count);

    (void)index;
    (void)events;
    message_finish(&message);
    if (step != -EAGAIN && answer(guardian, step) < 0)
        part(guardian);
}

/* One at a time; who comes second waits, and is refused by that. */
static void serve_door(struct guardian *guardian, size_t index, short events)
{
    struct handover *handover = &guardian->handover;
    int fd = accept4(handover->door.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    (void)index;
    (void)events;
    if (fd >= 0 && !is_ours(fd)) {
        close(fd);
        return;
    }
    if (fd < 0)
        return;
    handover->next = fd;
    handover->step = HANDOVER_NONE;
    handover->deadline = ms_from_now(HANDOVER_MS);
}

static void open_door(struct guardian *guardian)
{
    struct handover *handover = &guardian->handover;
    const struct endpoint endpoint = {
        .path = guardian->plan->handover, .mode = 0600, .uid = (uid_t)-1, .gid = (gid_t)-1};

    if (!endpoint.path || !guardian->is_agent || !guardian->without_recorder || handover->door.fd >= 0 ||
        handover->door_retry > guardian_now())
        return;
    handover->door_retry = ms_from_now(RETRY_MS);
    (void)endpoint_listen("notify", &endpoint, SOCK_SEQPACKET, &handover->door, NULL);
}

/* --- for the loop --- */

bool handover_has_socket(const struct guardian *guardian)
{
    return guardian->handover.done || guardian->handover.step != HANDOVER_NONE;
}

void handover_poll(struct guardian *guardian)
{
    struct handover *handover = &guardian->handover;

    if (handover->done)
        return;
    open_door(guardian);
    if (handover->step == HANDOVER_READY && offer(guardian) < 0)
        part(guardian);
    if (handover->predecessor >= 0)
        guardian_poll(guardian, handover->predecessor, POLLIN, serve_predecessor, 0);
    if (handover->next >= 0)
        guardian_poll(guardian, handover->next, POLLIN, serve_next, 0);
    else if (handover->door.fd >= 0)
        guardian_poll(guardian, handover->door.fd, POLLIN, serve_door, 0);
}

uint64_t handover_deadline(const struct guardian *guardian)
{
    const struct handover *handover = &guardian->handover;

    if (handover->next >= 0 && handover->step != HANDOVER_READY)
        return handover->deadline;
    if (handover->door.fd < 0 && guardian->is_agent && guardian->without_recorder && guardian->plan->handover)
        return handover->door_retry;
    return UINT64_MAX;
}

void handover_keep_time(struct guardian *guardian, uint64_t now)
{
    const struct handover *handover = &guardian->handover;

    if (handover->next >= 0 && handover->step != HANDOVER_READY && handover->deadline <= now)
        part(guardian);
}
