// SPDX-License-Identifier: Apache-2.0
/* The OCI agent: runtimes connect, and say of a container what it is, with its listener. Any of them may be hostile. */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backends/notify/guarding.h"
#include "common/error.h"

/* A message has no length and its connection need not end: what could be a whole one is looked at, but not for ever. */
#define ATTEMPTS_MAX 16
#define PAUSE_MS 100
#define ACCEPTS_MAX 16 /* before it is the others' turn */
/* The kernel's own limit (SCM_MAX_FD): so that none is left that we do not see. */
#define PIECE_FDS_MAX 253

/* --- messages --- */

void message_finish(struct message *message)
{
    for (size_t i = 0; i < message->fd_count; i++) {
        if (message->fds[i] >= 0)
            close(message->fds[i]);
    }
    free(message->json);
    *message = (struct message){0};
}

/* false: they are too many, and closed. */
static bool take_fds(struct message *message, const struct cmsghdr *header)
{
    size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    bool fits = count <= OCI_FDS_MAX - message->fd_count;

    for (size_t i = 0; i < count; i++) {
        int fd;

        memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof(fd));
        if (fits)
            message->fds[message->fd_count++] = fd;
        else
            close(fd);
    }
    return fits;
}

ssize_t message_receive(int fd, struct message *message, void *to, size_t room)
{
    union {
        struct cmsghdr header;
        uint8_t bytes[CMSG_SPACE(PIECE_FDS_MAX * sizeof(int))];
    } control;
    struct iovec part = {.iov_base = to, .iov_len = room};
    struct msghdr header = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
    ssize_t got = recvmsg(fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    bool fits;

    if (got < 0)
        return -errno;
    fits = !(header.msg_flags & (MSG_CTRUNC | MSG_TRUNC));
    for (struct cmsghdr *at = CMSG_FIRSTHDR(&header); at; at = CMSG_NXTHDR(&header, at)) {
        if (at->cmsg_level == SOL_SOCKET && at->cmsg_type == SCM_RIGHTS && !take_fds(message, at))
            fits = false;
    }
    return fits ? got : -EMSGSIZE;
}

/* --- connections --- */

static void disconnect(struct guardian *guardian, struct connection *connection)
{
    close(connection->fd);
    message_finish(&connection->message);
    *connection = (struct connection){.fd = -1};
    guardian->connection_count--;
}

static void refuse(struct guardian *guardian, struct connection *connection, const char *why)
{
    struct sysfold_error error;

    error_set(&error, -EBADMSG, "notify: the runtime with pid %d is refused: %s", (int)connection->pid, why);
    disconnect(guardian, connection);
    guardian_complain(guardian, error.message);
}

/* Its place among the descriptors is told by the state, which may be wrong: a listener is one whatever was said of
 * it. */
static int find_listener(const struct message *message, const struct oci_state *state)
{
    if (state)
        return is_listener(message->fds[state->listener]) ? (int)state->listener : -1;
    for (size_t i = 0; i < message->fd_count; i++) {
        if (is_listener(message->fds[i]))
            return (int)i;
    }
    return -1;
}

/* Hands on what came. The state is only looked at here; whoever begins the ward looks again, and complains. */
static void hand_on(struct guardian *guardian, struct connection *connection)
{
    struct message *message = &connection->message;
    struct oci_state state = {0};
    struct sysfold_error error = {0};
    int r = oci_state_parse(message->json, message->size, message->fd_count, &state, &error);
    int place = find_listener(message, r == 0 ? &state : NULL);
    int listener;
    char *json;

    oci_state_finish(&state);
    if (place < 0) {
        refuse(guardian, connection, r < 0 ? error.message : "what it sent as the listener is none");
        return;
    }
    listener = message->fds[place];
    message->fds[place] = -1;
    json = realloc(message->json, message->size ? message->size : 1); /* it had room for the largest */
    if (!json)
        json = message->json;
    message->json = NULL;
    ward_begin_container(guardian, listener, json, message->size, message->fd_count);
    disconnect(guardian, connection);
}

static bool looks_whole(struct connection *connection)
{
    const struct message *message = &connection->message;
    struct oci_state state = {0};
    size_t end = message->size;
    int r;

    while (end && (message->json[end - 1] == '\n' || message->json[end - 1] == ' '))
        end--;
    if (!end || message->json[end - 1] != '}' || !message->fd_count || connection->attempts == ATTEMPTS_MAX)
        return false;
    connection->attempts++;
    r = oci_state_parse(message->json, message->size, message->fd_count, &state, NULL);
    oci_state_finish(&state);
    return r == 0;
}

static void end_of_message(struct guardian *guardian, struct connection *connection)
{
    /* A runtime that fails after it has connected: nothing has happened. */
    if (connection->message.size == 0 && connection->message.fd_count == 0)
        disconnect(guardian, connection);
    else
        hand_on(guardian, connection);
}

static void serve_connection(struct guardian *guardian, size_t index, short events)
{
    struct connection *connection = &guardian->connections[index];
    struct message *message = &connection->message;
    ssize_t got;

    (void)events;
    if (connection->fd < 0)
        return;
    if (!message->json && !(message->json = malloc(OCI_STATE_MAX + 1))) {
        refuse(guardian, connection, "there is no memory left");
        return;
    }
    got = message_receive(connection->fd, message, message->json + message->size, OCI_STATE_MAX + 1 - message->size);
    if (got == -EAGAIN || got == -EINTR)
        return;
    if (got == -EMSGSIZE) {
        refuse(guardian, connection, "it sent too many descriptors");
        return;
    }
    if (got > 0)
        message->size += (size_t)got;
    if (message->size > OCI_STATE_MAX)
        refuse(guardian, connection, "its message is too long");
    else if (got <= 0)
        end_of_message(guardian, connection);
    else if (looks_whole(connection))
        hand_on(guardian, connection);
}

/* --- accepting --- */

static struct connection *find_free(struct guardian *guardian)
{
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        if (guardian->connections[i].fd < 0)
            return &guardian->connections[i];
    }
    return NULL;
}

static void take_client(struct guardian *guardian, struct connection *connection, int fd)
{
    struct ucred peer = {0};
    socklen_t size = sizeof(peer);

    (void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size);
    *connection =
        (struct connection){.fd = fd, .pid = peer.pid, .deadline = guardian_now() + CONNECTION_MS * NS_PER_MS};
    guardian->connection_count++;
    if (!endpoint_lets_in(&guardian->listening.endpoint, fd))
        refuse(guardian, connection, "its user may not connect");
}

static void serve_listening(struct guardian *guardian, size_t index, short events)
{
    (void)index;
    (void)events;
    for (int i = 0; i < ACCEPTS_MAX; i++) {
        struct connection *connection = find_free(guardian);
        int fd = connection ? accept4(guardian->listening.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK) : -1;

        if (!connection)
            return;
        if (fd < 0 && errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
            guardian->accept_after = guardian_now() + PAUSE_MS * NS_PER_MS;
        if (fd < 0)
            return;
        take_client(guardian, connection, fd);
    }
}

void agent_poll(struct guardian *guardian)
{
    bool may_accept = guardian->listening.fd >= 0 && !handover_has_socket(guardian) && !guardian->accept_after &&
                      guardian->connection_count < CONNECTIONS_MAX;

    if (may_accept)
        guardian_poll(guardian, guardian->listening.fd, POLLIN, serve_listening, 0);
    for (size_t i = 0; i < CONNECTIONS_MAX && guardian->connection_count; i++) {
        if (guardian->connections[i].fd >= 0)
            guardian_poll(guardian, guardian->connections[i].fd, POLLIN, serve_connection, i);
    }
}

uint64_t agent_deadline(const struct guardian *guardian)
{
    uint64_t deadline = guardian->accept_after ? guardian->accept_after : UINT64_MAX;

    for (size_t i = 0; i < CONNECTIONS_MAX && guardian->connection_count; i++) {
        if (guardian->connections[i].fd >= 0 && guardian->connections[i].deadline < deadline)
            deadline = guardian->connections[i].deadline;
    }
    return deadline;
}

void agent_keep_time(struct guardian *guardian, uint64_t now)
{
    if (guardian->accept_after <= now)
        guardian->accept_after = 0;
    for (size_t i = 0; i < CONNECTIONS_MAX && guardian->connection_count; i++) {
        struct connection *connection = &guardian->connections[i];

        if (connection->fd < 0 || connection->deadline > now)
            continue;
        if (connection->message.size)
            end_of_message(guardian, connection);
        else
            refuse(guardian, connection, "it stayed silent");
    }
}
