/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_GVISOR_SERVER_H
#define SYSFOLD_GVISOR_SERVER_H

/*
 * The sockets that sandboxes connect to. One thread accepts, shakes hands with
 * each client on its own, receives, and puts frames (frame.h) into the queue; it
 * never waits for the queue's consumer. Whoever connects is a hostile client:
 *
 *   - peers are checked by SO_PEERCRED: root, our own user, and whom the socket's
 *     owner and mode let in;
 *   - a client that has not shaken hands SERVER_HANDSHAKE_MS after it connected is
 *     closed, and so is one whose handshake is wrong;
 *   - more than SERVER_CONNECTIONS_MAX at a time are refused, and so are those for
 *     whom no descriptor is left: RLIMIT_NOFILE is the caller's to raise.
 *
 * Every client that shook hands has its FRAME_OPENED and FRAME_CLOSED, and between
 * them its packets in order; those and what frames say is lost are all that it
 * sent. While the queue is full only packets are dropped: the other two are told
 * once there is room.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <sysfold/error.h>

#include "backends/endpoint.h"
#include "backends/queue.h"

#define SERVER_CONNECTIONS_MAX 1024
#define SERVER_HANDSHAKE_MS 5000
#define SERVER_ENDPOINTS_MAX 16

struct server;

struct server_counts {
    uint64_t accepted; /* hands shaken */
    uint64_t refused;  /* wrong peers, wrong handshakes, silent clients, too many */
    uint64_t open;     /* hands shaken, and not closed yet */
    uint64_t packets;  /* received, those among them that were lost as well */
    uint64_t lost;     /* received, but not handed over */
};

/* Nothing listens yet. `queue` is borrowed until server_destroy(), and gets its end when the server has stopped. */
int server_create(struct queue *queue, struct server **ret_server, struct sysfold_error *error);
/* Listens there as well; before server_start(). *ret_number is what frames say: 0, 1, ... Errors: -EADDRINUSE
 * (somebody listens there), -EEXIST (something else than a socket is there), -ENAMETOOLONG, -EINVAL (not an absolute
 * path), -ENOSPC (more than SERVER_ENDPOINTS_MAX), others of the system. */
int server_listen(struct server *server, const struct endpoint *endpoint, uint16_t *ret_number,
                  struct sysfold_error *error);
/* How long a client may take to shake hands, where it is not SERVER_HANDSHAKE_MS; before server_start(). */
void server_set_handshake_limit(struct server *server, uint32_t ms);
/* The thread begins. All signals are blocked in it. */
int server_start(struct server *server, struct sysfold_error *error);
/* Asks the thread to receive what is there, close everything and end the queue. Async-signal-safe. What is still to be
 * told then waits for room in the queue, until server_destroy() at the latest: read the queue to its end before. */
void server_stop(struct server *server);
/* Ends the thread by itself, like server_stop(), once all connections that there were are closed, and hands were shaken
 * with at least one. */
void server_stop_when_idle(struct server *server);
/* Any thread. */
void server_counts(const struct server *server, struct server_counts *ret_counts);
/* Stops, waits for the thread, removes the sockets' paths. NULL is fine. */
void server_destroy(struct server *server);

#endif
