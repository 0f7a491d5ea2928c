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
 *   - a client that has not shaken hands HANDSHAKE_MS after it connected is
 *     closed, and so is one whose handshake is wrong (each complained of once
 *     through `complain`, and counted);
 *   - more than CONNECTIONS_MAX at a time are refused.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <sysfold/error.h>

#include "backends/queue.h"

#define SERVER_CONNECTIONS_MAX 1024
#define SERVER_HANDSHAKE_MS 5000

struct server;

struct server_endpoint {
    const char *path; /* an absolute path of at most 107 bytes; a stale socket there is replaced, nothing else is */
    mode_t mode;      /* of the socket, e.g. 0600 */
    uid_t uid;        /* its owner; -1: the caller's own */
    gid_t gid;
};

struct server_counts {
    uint64_t accepted; /* hands shaken */
    uint64_t refused;  /* wrong peers, wrong handshakes, silent clients, too many */
    uint64_t open;     /* connections now */
    uint64_t packets;
    uint64_t lost; /* received, but not handed over */
};

/* Nothing listens yet. `queue` is borrowed until server_destroy(), and gets its end when the server has stopped. */
int server_create(struct queue *queue, struct server **ret_server, struct sysfold_error *error);
/* Listens there as well; before server_start(). *ret_number is what frames say: 0, 1, ... Errors: -EADDRINUSE (somebody
 * listens there), -EEXIST (something else than a socket is there), -ENAMETOOLONG, others of the system. */
int server_listen(struct server *server, const struct server_endpoint *endpoint, uint16_t *ret_number,
                  struct sysfold_error *error);
/* The thread begins. All signals are blocked in it. */
int server_start(struct server *server, struct sysfold_error *error);
/* Asks the thread to receive what is there, close everything and end the queue. Async-signal-safe. */
void server_stop(struct server *server);
/* Ends the thread by itself once all connections that there were are closed, and there was at least one. */
void server_stop_when_idle(struct server *server);
/* Any thread. */
void server_counts(const struct server *server, struct server_counts *ret_counts);
/* Stops, waits for the thread, removes the sockets' paths. NULL is fine. */
void server_destroy(struct server *server);

#endif
