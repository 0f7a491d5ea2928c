/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_NOTIFY_GUARDIAN_H
#define SYSFOLD_NOTIFY_GUARDIAN_H

/*
 * G: holds every listener, so that none of them closes while its targets run
 * (their chosen calls would fail with ENOSYS). While the listener's S lives,
 * G leaves it alone; when S is gone, G answers CONTINUE to whatever comes. With
 * a command it ends with the last listener.
 *
 * With a socket to listen on it is the OCI agent as well: it accepts runtimes'
 * connections, hostile ones among them, takes the container's state and
 * listener, forks an S for it, and tells R by an arrival. Whatever is wrong
 * with the state, a listener that has come is guarded: its targets are not to fail for it.
 *
 * When R is gone G goes on accepting, and answers CONTINUE to new containers
 * too, until another recorder comes for the same socket (guardian_listen()):
 * to that one's G it hands over everything, and ends. Where R has said that it
 * wants no more ("s" on the lifeline), it ends with the last container as well;
 * and without containers as soon as nobody can connect, the path being another's.
 */

#include <stdatomic.h>
#include <sys/types.h>

#include "backends/endpoint.h"
#include "backends/notify/session.h"

#define CONTAINERS_MAX 1024 /* at a time */
#define CONNECTIONS_MAX 256 /* of runtimes at a time; more wait to be accepted */
#define CONNECTION_MS 5000  /* a runtime that has connected says within this what it wants */
#define ARRIVAL_NAME_MAX 256

enum arrival_kind {
    ARRIVAL_CONTAINER, /* with two descriptors: the queue's memory (queue_attach()), and that of its struct shared */
    ARRIVAL_COMPLAINT, /* somebody has been refused, or could not be recorded: `text` says who and why */
};

/* From G to R: over `control`, which is SOCK_SEQPACKET. */
struct arrival {
    uint32_t kind;
    uint32_t number; /* of the source: 0, 1, ... */
    uint64_t time;
    int32_t pid;                 /* the container's first process */
    char name[ARRIVAL_NAME_MAX]; /* the container's id; two containers may have the same one */
    char text[500];
};

struct guardian_plan {
    struct session session; /* what every S has alike; of a command all of it but `watch` */
    void (*supervise)(const struct session *session) __attribute__((noreturn)); /* supervisor_run() */
    _Atomic uint32_t
        *bell; /* R's (queue_share_bell()), in memory that is shared; rung when something has arrived; NULL */
    int recorder_ends[2]; /* R's of lifeline and control: closed in every other process */
    /* guardian_listen()'s: */
    struct endpoint_socket listening; /* where runtimes connect; .fd -1: there is a command */
    char *handover;                   /* the path of the socket where the next G comes; NULL */
    int predecessor;                  /* a connection to the G before; -1: there was none */
};

/* Listens for runtimes. Where a G without its recorder has that socket, it is taken over, and guardian_start() takes
 * over everything else. -EADDRINUSE: a recorder listens there; others as endpoint_listen() has them. */
int guardian_listen(const struct endpoint *endpoint, struct guardian_plan *plan, struct sysfold_error *error);

/* R, with all signals blocked: forks G (which is nobody's child for long), and G its S. With a command S's reports come
 * over `control`. What is G's (lifeline's end, control, the sockets) is closed here, whether it fails or not. */
int guardian_start(const struct guardian_plan *plan, struct sysfold_error *error);

/* R: frees what guardian_listen() has made, after guardian_start(). Instead of it: the path is removed, or given
 * back. */
void guardian_plan_finish(struct guardian_plan *plan);
void guardian_plan_abandon(struct guardian_plan *plan);

/* R: the next arrival; does not wait. 1; 0: none now; -EPIPE: G is gone. With a container the two are the caller's, for
 * queue_destroy() and munmap(); with a complaint NULL. */
int guardian_take_arrival(int control, struct arrival *ret_arrival, struct queue **ret_queue,
                          struct shared **ret_shared, struct sysfold_error *error);

#endif
