// SPDX-License-Identifier: Apache-2.0
#include "backends/gvisor/server.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "backends/gvisor/frame.h"
#include "backends/gvisor/gvisor.pb-c.h"
#include "backends/gvisor/urgency.h"
#include "common/cleanup.h"
#include "common/error.h"

/* Of one connection, or one listener, before it is the next one's turn. */
#define TURN 64
#define EVENTS_MAX 64
/* How soon it is tried again to tell what the queue had no room for, and to accept when no descriptor was left. */
#define RETRY_MS 10
#define PAUSE_MS 100
/* Far more than any version's says; what is longer is none. */
#define HANDSHAKE_MAX 4096
#define FRAME_ALIGNMENT 8
#define NS_PER_MS 1000000ULL

/* One client, from accept() until its FRAME_CLOSED is told: while that waits for room the slot is taken, so that what
 * is to be told stays bounded. */
struct connection {
    bool used;
    bool opened_untold, closed_untold;
    int fd; /* -1: closed already */
    uint16_t endpoint;
    uint32_t number;   /* 0: hands are not shaken yet */
    uint32_t lost;     /* packets, since the last frame */
    uint64_t deadline; /* for the handshake, CLOCK_MONOTONIC */
    uint64_t opened_time, closed_time;
};

/* Who an event is for, in epoll's data: a listener's number, a connection's slot behind them, or: */
#define EVENT_WAKE UINT32_MAX

struct server {
    struct queue *queue;
    pthread_t thread;
    bool started;
    uint32_t handshake_ms;

    int epoll_fd, wake_fd;
    atomic_bool stop, stop_when_idle, abandon;

    unsigned listeners_count;
    struct endpoint_socket listeners[SERVER_ENDPOINTS_MAX];

    /* The thread's own. */
    int reserve_fd; /* given up to accept, and refuse, one client when there is no other descriptor */
    uint64_t paused_until;
    uint32_t last_number;
    unsigned used_count, shaking_count, untold_count;
    struct connection connections[SERVER_CONNECTIONS_MAX];
    struct frame *frame; /* a packet is received right behind this header */

    struct {
        _Atomic uint64_t accepted, refused, open, packets, lost;
    } counts;
};

static void count(_Atomic uint64_t *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Frames. */

static bool tell(struct server *server, struct connection *connection, enum frame_kind kind, uint64_t time)
{
    struct frame frame = {.size = sizeof(frame),
                          .connection = connection->number,
                          .kind = (uint16_t)kind,
                          .endpoint = connection->endpoint,
                          .lost = kind == FRAME_CLOSED ? connection->lost : 0,
                          .time = time};

    return queue_put(server->queue, (const uint8_t *)&frame, sizeof(frame));
}

/* Whatever is left to be told of a connection, in order. false: not all of it. */
static bool tell_rest(struct server *server, struct connection *connection)
{
    if (connection->opened_untold && tell(server, connection, FRAME_OPENED, connection->opened_time))
        connection->opened_untold = false;
    if (connection->opened_untold)
        return false;
    if (connection->closed_untold && tell(server, connection, FRAME_CLOSED, connection->closed_time))
        connection->closed_untold = false;
    return !connection->closed_untold;
}

static bool is_untold(const struct connection *connection)
{
    return connection->opened_untold || connection->closed_untold;
}

static void release(struct server *server, struct connection *connection)
{
    connection->used = false;
    server->used_count--;
}

static void retry_untold(struct server *server)
{
    for (unsigned i = 0; i < SERVER_CONNECTIONS_MAX && server->untold_count; i++) {
        struct connection *connection = &server->connections[i];

        if (!connection->used || !is_untold(connection))
            continue;
        if (!tell_rest(server, connection))
            return;
        server->untold_count--;
        if (connection->fd < 0)
            release(server, connection);
    }
}

/* Packets come after the beginning, or not at all. */
static bool has_begun(struct server *server, struct connection *connection)
{
    if (!connection->opened_untold)
        return true;
    if (!tell_rest(server, connection))
        return false;
    server->untold_count--;
    return true;
}

static void lose_packet(struct server *server, struct connection *connection)
{
    if (connection->lost < UINT32_MAX)
        connection->lost++;
    count(&server->counts.lost);
}

static void hand_over(struct server *server, struct connection *connection, size_t length, uint64_t time)
{
    struct frame *frame = server->frame;
    size_t size = (sizeof(*frame) + length + FRAME_ALIGNMENT - 1) & ~(size_t)(FRAME_ALIGNMENT - 1);

    count(&server->counts.packets);
    if (length > PACKET_MAX || !has_begun(server, connection)) {
        lose_packet(server, connection);
        return;
    }
    *frame = (struct frame){.size = (uint32_t)size,
                            .connection = connection->number,
                            .kind = FRAME_PACKET,
                            .endpoint = connection->endpoint,
                            .lost = connection->lost,
                            .length = (uint32_t)length,
                            .time = time};
    memset(frame->packet + length, 0, size - sizeof(*frame) - length);
    if (queue_put(server->queue, (const uint8_t *)frame, size))
        connection->lost = 0;
    else
        lose_packet(server, connection);
}

/* Connections. */

static void close_connection(struct server *server, struct connection *connection)
{
    close(connection->fd);
    connection->fd = -1;
    if (!connection->number) {
        server->shaking_count--;
        count(&server->counts.refused);
        release(server, connection);
        return;
    }
    atomic_fetch_sub_explicit(&server->counts.open, 1, memory_order_relaxed);
    if (!connection->opened_untold)
        server->untold_count++;
    connection->closed_untold = true;
    connection->closed_time = clock_ns(CLOCK_REALTIME);
    if (!tell_rest(server, connection))
        return;
    server->untold_count--;
    release(server, connection);
}

static bool is_handshake(const uint8_t *packet, size_t length)
{
    Gv__Handshake *handshake;
    uint32_t version;

    if (length > HANDSHAKE_MAX)
        return false;
    handshake = gv__handshake__unpack(NULL, length, packet);
    if (!handshake)
        return false;
    version = handshake->version;
    gv__handshake__free_unpacked(handshake, NULL);
    return version >= 1;
}

/* A client that is gone already, but sent something before, is as good as any other. */
static bool answer_handshake(int fd)
{
    static const uint8_t version_1[] = {0x08, 0x01};

    return send(fd, version_1, sizeof(version_1), MSG_NOSIGNAL) == sizeof(version_1) || errno == EPIPE;
}

/* The first packet of a connection. false: it is none of ours. */
static bool shake_hands(struct server *server, struct connection *connection, size_t length, uint64_t time)
{
    if (!is_handshake(server->frame->packet, length) || server->last_number == UINT32_MAX ||
        !answer_handshake(connection->fd))
        return false;
    connection->number = ++server->last_number;
    server->shaking_count--;
    count(&server->counts.accepted);
    count(&server->counts.open);
    connection->opened_time = time;
    connection->opened_untold = !tell(server, connection, FRAME_OPENED, time);
    if (connection->opened_untold)
        server->untold_count++;
    return true;
}

/* The kernel's stamp. Every packet has one, since SO_TIMESTAMPNS is on, but the end has none: both are 0 bytes long if
 * the packet is empty. 0: none. */
static uint64_t stamp_of(struct msghdr *message)
{
    const struct cmsghdr *header = CMSG_FIRSTHDR(message);
    struct timespec stamp;

    if (!header || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_TIMESTAMPNS)
        return 0;
    memcpy(&stamp, CMSG_DATA(header), sizeof(stamp));
    return (uint64_t)stamp.tv_sec * 1000000000 + (uint64_t)stamp.tv_nsec;
}

/* One packet, behind the frame's header. 0; -EAGAIN; -ENODATA: the end. *ret_length is the packet's true one, of
 * which at most PACKET_MAX is there. Descriptors that a client sends along are dropped by the kernel: the stamp
 * leaves no room. */
static int receive(struct server *server, const struct connection *connection, size_t *ret_length, uint64_t *ret_time)
{
    union {
        struct cmsghdr header;
        uint8_t bytes[CMSG_SPACE(sizeof(struct timespec))];
    } control;
    struct iovec part = {.iov_base = server->frame->packet, .iov_len = PACKET_MAX};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    ssize_t length;

    do { /* a reset is told once, before what is still there */
        message.msg_control = &control;
        message.msg_controllen = sizeof(control);
        length = recvmsg(connection->fd, &message, MSG_DONTWAIT | MSG_TRUNC);
    } while (length < 0 && (errno == EINTR || errno == ECONNRESET));
    if (length < 0)
        return -errno;
    *ret_time = stamp_of(&message);
    if (!*ret_time)
        return -ENODATA;
    *ret_length = (size_t)length;
    return 0;
}

static void drain(struct server *server, struct connection *connection, unsigned turns)
{
    while (turns--) {
        size_t length = 0;
        uint64_t time = 0;
        int r = receive(server, connection, &length, &time);

        if (r == -EAGAIN)
            return;
        if (r == 0 && connection->number) {
            hand_over(server, connection, length, time);
        } else if (r < 0 || !shake_hands(server, connection, length, time)) {
            close_connection(server, connection);
            return;
        }
    }
}

static void refuse_silent(struct server *server)
{
    uint64_t now = clock_ns(CLOCK_MONOTONIC);

    for (unsigned i = 0; i < SERVER_CONNECTIONS_MAX && server->shaking_count; i++) {
        struct connection *connection = &server->connections[i];

        if (connection->used && !connection->number && connection->deadline <= now)
            close_connection(server, connection);
    }
}

/* Accepting. */

static struct connection *find_free(struct server *server)
{
    for (unsigned i = 0; i < SERVER_CONNECTIONS_MAX; i++) {
        if (!server->connections[i].used)
            return &server->connections[i];
    }
    return NULL;
}

static bool watch(struct server *server, int operation, int fd, uint32_t events, uint32_t who)
{
    struct epoll_event event = {.events = events, .data.u32 = who};

    return epoll_ctl(server->epoll_fd, operation, fd, &event) == 0;
}

/* false: this client is refused. */
static bool take_client(struct server *server, unsigned number, int fd)
{
    static const int on = 1;
    struct connection *connection = find_free(server);

    if (!connection || !endpoint_lets_in(&server->listeners[number].endpoint, fd) ||
        setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) < 0 ||
        !watch(server, EPOLL_CTL_ADD, fd, EPOLLIN, SERVER_ENDPOINTS_MAX + (uint32_t)(connection - server->connections)))
        return false;
    *connection = (struct connection){
        .used = true,
        .fd = fd,
        .endpoint = (uint16_t)number,
        .deadline = clock_ns(CLOCK_MONOTONIC) + server->handshake_ms * NS_PER_MS,
    };
    server->used_count++;
    server->shaking_count++;
    return true;
}

static void watch_listeners(struct server *server, uint32_t events)
{
    for (unsigned i = 0; i < server->listeners_count; i++)
        (void)watch(server, EPOLL_CTL_MOD, server->listeners[i].fd, events, i);
}

/* No descriptor is left. A client that is let wait would wait for ever, and its container with it: it is refused with
 * the help of the reserve. Where even that fails, accepting pauses, since a listener stays ready. */
static void refuse_without_descriptor(struct server *server, int listener_fd)
{
    int fd = -1;

    if (server->reserve_fd >= 0) {
        close(server->reserve_fd);
        fd = accept4(listener_fd, NULL, NULL, SOCK_CLOEXEC);
    }
    if (fd >= 0) {
        close(fd);
        count(&server->counts.refused);
    }
    server->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && server->reserve_fd >= 0)
        return;
    server->paused_until = clock_ns(CLOCK_MONOTONIC) + PAUSE_MS * NS_PER_MS;
    watch_listeners(server, 0);
}

static void accept_clients(struct server *server, unsigned number)
{
    int listener_fd = server->listeners[number].fd;

    for (unsigned i = 0; i < TURN; i++) {
        int fd = accept4(listener_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (fd < 0 && errno != EAGAIN && errno != EINTR)
            refuse_without_descriptor(server, listener_fd);
        if (fd < 0)
            return;
        if (!take_client(server, number, fd)) {
            close(fd);
            count(&server->counts.refused);
        }
    }
}

static void resume_accepting(struct server *server)
{
    if (!server->paused_until || clock_ns(CLOCK_MONOTONIC) < server->paused_until)
        return;
    server->paused_until = 0;
    watch_listeners(server, EPOLLIN);
}

/* The thread. */

static void wake(struct server *server)
{
    static const uint64_t one = 1;
    int saved = errno; /* a signal handler may be what calls this */
    ssize_t written = write(server->wake_fd, &one, sizeof(one));

    (void)written; /* it fails only where the counter is full, which wakes as well */
    errno = saved;
}

static void wake_up(struct server *server)
{
    uint64_t times;
    ssize_t got = read(server->wake_fd, &times, sizeof(times));

    (void)got;
}

static void serve(struct server *server, uint32_t who)
{
    struct connection *connection;

    if (who == EVENT_WAKE) {
        wake_up(server);
        return;
    }
    if (who < SERVER_ENDPOINTS_MAX) {
        accept_clients(server, who);
        return;
    }
    connection = &server->connections[who - SERVER_ENDPOINTS_MAX];
    if (connection->used && connection->fd >= 0)
        drain(server, connection, TURN);
}

static int ms_until(uint64_t deadline, uint64_t now)
{
    return deadline <= now ? 0 : (int)((deadline - now + NS_PER_MS - 1) / NS_PER_MS);
}

static int sooner(int a, int b)
{
    return a < 0 || b < a ? b : a;
}

/* Until something has to be done though nothing happens, in ms; -1: nothing. */
static int patience(const struct server *server)
{
    uint64_t now = clock_ns(CLOCK_MONOTONIC);
    unsigned shaking = server->shaking_count;
    int ms = server->untold_count ? RETRY_MS : -1;

    if (server->paused_until)
        ms = sooner(ms, ms_until(server->paused_until, now));
    for (unsigned i = 0; i < SERVER_CONNECTIONS_MAX && shaking; i++) {
        const struct connection *connection = &server->connections[i];

        if (!connection->used || connection->number)
            continue;
        shaking--;
        ms = sooner(ms, ms_until(connection->deadline, now));
    }
    return ms;
}

static bool is_idle(const struct server *server)
{
    return atomic_load(&server->stop_when_idle) && server->last_number && !server->used_count;
}

/* One round. false: there will be no more. */
static bool serve_ready(struct server *server)
{
    struct epoll_event events[EVENTS_MAX];
    bool idle = is_idle(server); /* then nobody may have connected meanwhile, either */
    int n = epoll_wait(server->epoll_fd, events, EVENTS_MAX, idle ? 0 : patience(server));

    if (n < 0)
        return errno == EINTR;
    if (n == 0 && idle)
        return false;
    for (int i = 0; i < n; i++)
        serve(server, events[i].data.u32);
    return true;
}

/* What the kernel has is received to the end, which comes: shut down, nothing more can be sent. */
static void drain_all(struct server *server)
{
    for (unsigned i = 0; i < SERVER_CONNECTIONS_MAX; i++) {
        struct connection *connection = &server->connections[i];

        if (!connection->used || connection->fd < 0)
            continue;
        shutdown(connection->fd, SHUT_RD);
        drain(server, connection, UINT_MAX);
        if (connection->used && connection->fd >= 0)
            close_connection(server, connection);
    }
}

static void close_listeners(struct server *server)
{
    for (unsigned i = 0; i < server->listeners_count; i++)
        endpoint_close(&server->listeners[i]);
}

static void *serve_all(void *data)
{
    struct server *server = data;
    struct urgency urgency;

    urgency_begin(&urgency);
    while (!atomic_load(&server->stop) && serve_ready(server)) {
        retry_untold(server);
        refuse_silent(server);
        resume_accepting(server);
        urgency_mind(&urgency);
    }
    close_listeners(server);
    drain_all(server);
    while (server->untold_count && !atomic_load(&server->abandon) && serve_ready(server))
        retry_untold(server);
    queue_end(server->queue);
    return NULL;
}

/* Listening. */

int server_listen(struct server *server, const struct endpoint *endpoint, uint16_t *ret_number,
                  struct sysfold_error *error)
{
    struct endpoint_socket *listener = &server->listeners[server->listeners_count];
    int r;

    if (server->listeners_count == SERVER_ENDPOINTS_MAX)
        return error_set(error, -ENOSPC, "gvisor: cannot listen at %s: %d sockets are the most", endpoint->path,
                         SERVER_ENDPOINTS_MAX);
    r = endpoint_listen("gvisor", endpoint, SOCK_SEQPACKET, listener, error);
    if (r < 0)
        return r;
    if (!watch(server, EPOLL_CTL_ADD, listener->fd, EPOLLIN, server->listeners_count)) {
        r = error_system(error, -errno, "gvisor: cannot wait for clients at %s", endpoint->path);
        endpoint_finish(listener);
        return r;
    }
    *ret_number = (uint16_t)server->listeners_count++;
    return 0;
}

/* Beginning and end. */

static int open_descriptors(struct server *server)
{
    server->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    server->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    server->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (server->epoll_fd < 0 || server->wake_fd < 0 || server->reserve_fd < 0 ||
        !watch(server, EPOLL_CTL_ADD, server->wake_fd, EPOLLIN, EVENT_WAKE))
        return -errno;
    return 0;
}

int server_create(struct queue *queue, struct server **ret_server, struct sysfold_error *error)
{
    struct server *server = calloc(1, sizeof(*server));
    int r = -ENOMEM;

    if (server) {
        server->queue = queue;
        server->handshake_ms = SERVER_HANDSHAKE_MS;
        r = open_descriptors(server);
        server->frame = malloc(sizeof(*server->frame) + PACKET_MAX);
        if (r == 0 && !server->frame)
            r = -ENOMEM;
    }
    if (r < 0) {
        error_system(error, r, "gvisor: cannot make a server");
        server_destroy(server);
        return r;
    }
    *ret_server = server;
    return 0;
}
static_assert(PACKET_MAX % FRAME_ALIGNMENT == 0, "the largest packet needs no padding");

void server_set_handshake_limit(struct server *server, uint32_t ms)
{
    server->handshake_ms = ms;
}

int server_start(struct server *server, struct sysfold_error *error)
{
    sigset_t all, before;
    int r;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    r = -pthread_create(&server->thread, NULL, serve_all, server);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (r < 0)
        return error_system(error, r, "gvisor: cannot start the receiving thread");
    server->started = true;
    return 0;
}

void server_stop(struct server *server)
{
    atomic_store(&server->stop, true);
    wake(server);
}

void server_stop_when_idle(struct server *server)
{
    atomic_store(&server->stop_when_idle, true);
    wake(server);
}

static uint64_t read_count(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

void server_counts(const struct server *server, struct server_counts *ret_counts)
{
    *ret_counts = (struct server_counts){
        .accepted = read_count(&server->counts.accepted),
        .refused = read_count(&server->counts.refused),
        .open = read_count(&server->counts.open),
        .packets = read_count(&server->counts.packets),
        .lost = read_count(&server->counts.lost),
    };
}

static void close_descriptor(int fd)
{
    if (fd >= 0)
        close(fd);
}

void server_destroy(struct server *server)
{
    if (!server)
        return;
    if (server->started) {
        atomic_store(&server->abandon, true);
        server_stop(server);
        pthread_join(server->thread, NULL);
    } else {
        close_listeners(server);
        queue_end(server->queue);
    }
    for (unsigned i = 0; i < server->listeners_count; i++)
        endpoint_finish(&server->listeners[i]);
    close_descriptor(server->epoll_fd);
    close_descriptor(server->wake_fd);
    close_descriptor(server->reserve_fd);
    free(server->frame);
    free(server);
}
