// SPDX-License-Identifier: Apache-2.0
/*
 * The gVisor backend's receiving thread under load, as a program of its own
 * because Criterion does not run under ThreadSanitizer: threads that connect,
 * send, look at the counts and leave, and a consumer. With a queue that is large
 * enough nothing is lost; with a small one and a slow consumer, what was sent is
 * what came and what is told to be lost.
 */

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "backends/gvisor/frame.h"
#include "backends/gvisor/server.h"

#define SENDERS 50
#define PACKETS 2000
#define PACKET_SIZE 70

#define EXPECT(condition)                                                                                              \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            (void)fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                              \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

struct run {
    struct server *server;
    struct queue *queue;
    struct sockaddr_un address;
    bool slow; /* the consumer pauses, and the queue is full now and then */
};

struct seen {
    bool opened, closed;
    uint32_t next, lost;
};

static void pause_for(long ns)
{
    struct timespec time = {.tv_nsec = ns};

    nanosleep(&time, NULL);
}

static void look_at_counts(const struct server *server)
{
    struct server_counts counts;

    server_counts(server, &counts);
    EXPECT(counts.accepted <= SENDERS && counts.open <= SENDERS && counts.packets <= SENDERS * PACKETS);
}

static void *send_packets(void *data)
{
    const struct run *run = data;
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    uint8_t packet[PACKET_SIZE] = {0};

    EXPECT(connect(fd, (const struct sockaddr *)&run->address, sizeof(run->address)) == 0);
    EXPECT(send(fd, "\x08\x01", 2, MSG_NOSIGNAL) == 2);
    EXPECT(recv(fd, packet, sizeof(packet), 0) == 2);
    for (uint32_t i = 0; i < PACKETS; i++) {
        memcpy(packet, &i, sizeof(i));
        EXPECT(send(fd, packet, sizeof(packet), MSG_NOSIGNAL) == sizeof(packet));
        if (i % 100 == 0)
            look_at_counts(run->server);
    }
    close(fd);
    return NULL;
}

/* All senders, and then the end, the one way or the other. */
static void *conduct(void *data)
{
    struct run *run = data;
    pthread_t senders[SENDERS];

    for (unsigned i = 0; i < SENDERS; i++)
        EXPECT(pthread_create(&senders[i], NULL, send_packets, run) == 0);
    for (unsigned i = 0; i < SENDERS; i++)
        EXPECT(pthread_join(senders[i], NULL) == 0);
    if (run->slow)
        server_stop_when_idle(run->server);
    else
        server_stop(run->server);
    return NULL;
}

static void see(struct seen *seen, const struct frame *frame, const uint8_t *packet)
{
    uint32_t number;

    EXPECT(frame->time && !seen->closed && seen->opened == (frame->kind != FRAME_OPENED));
    seen->next += frame->lost;
    seen->lost += frame->lost;
    if (frame->kind == FRAME_OPENED) {
        seen->opened = true;
    } else if (frame->kind == FRAME_CLOSED) {
        seen->closed = true;
    } else {
        EXPECT(frame->length == PACKET_SIZE);
        memcpy(&number, packet, sizeof(number));
        EXPECT(number == seen->next++);
    }
}

static void see_span(struct seen *seen, const uint8_t *bytes, size_t size)
{
    while (size) {
        struct frame frame;

        EXPECT(size >= sizeof(frame));
        memcpy(&frame, bytes, sizeof(frame));
        EXPECT(frame.size <= size && frame.connection >= 1 && frame.connection <= SENDERS);
        see(&seen[frame.connection], &frame, bytes + sizeof(frame));
        bytes += frame.size;
        size -= frame.size;
    }
}

static void consume(const struct run *run)
{
    struct seen seen[SENDERS + 1] = {0};
    struct server_counts counts;
    const uint8_t *bytes;
    uint64_t lost = 0;
    size_t size;
    int r;

    while ((r = queue_get(run->queue, 500, &bytes, &size)) != 0) {
        EXPECT(r == 1 || r == -EAGAIN);
        if (r == 1)
            see_span(seen, bytes, size);
        if (run->slow)
            pause_for(20000000);
    }
    for (unsigned i = 1; i <= SENDERS; i++) {
        EXPECT(seen[i].closed && seen[i].next == PACKETS);
        lost += seen[i].lost;
    }
    server_counts(run->server, &counts);
    EXPECT(counts.accepted == SENDERS && counts.refused == 0 && counts.open == 0);
    EXPECT(counts.packets == SENDERS * PACKETS && counts.lost == lost);
    EXPECT(run->slow == (lost > 0));
}

static void run_once(const char *path, bool slow)
{
    const struct endpoint endpoint = {.path = path, .mode = 0600, .uid = (uid_t)-1, .gid = (gid_t)-1};
    struct run run = {.address.sun_family = AF_UNIX, .slow = slow};
    pthread_t conductor;
    uint16_t number;

    memcpy(run.address.sun_path, path, strlen(path) + 1);
    EXPECT(queue_create(slow ? 0 : (size_t)32 << 20, &run.queue, NULL) == 0);
    EXPECT(server_create(run.queue, &run.server, NULL) == 0);
    EXPECT(server_listen(run.server, &endpoint, &number, NULL) == 0);
    EXPECT(server_start(run.server, NULL) == 0);
    EXPECT(pthread_create(&conductor, NULL, conduct, &run) == 0);
    consume(&run);
    EXPECT(pthread_join(conductor, NULL) == 0);
    server_destroy(run.server);
    queue_destroy(run.queue);
}

int main(void)
{
    char dir[] = "/tmp/sysfold-server-XXXXXX", path[64];

    EXPECT(mkdtemp(dir));
    (void)snprintf(path, sizeof(path), "%s/socket", dir);
    run_once(path, false);
    run_once(path, true);
    EXPECT(rmdir(dir) == 0);
    return 0;
}
