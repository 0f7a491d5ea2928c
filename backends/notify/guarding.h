/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_NOTIFY_GUARDING_H
#define SYSFOLD_NOTIFY_GUARDING_H

/*
 * G within: one thread, one loop around poll(), which nothing blocks: what
 * others have to say is waited for in the loop. A ward is a listener and who answers at it:
 *
 *     S lives ──────► S is gone: G answers ──────► its targets have ended: the ward is free
 *         (pidfd, watch)       │    ▲      (POLLHUP)
 *                      offered ▼    │ the next G has not taken it
 *                       to the next G: nobody answers, for a moment
 *
 * Only one of them reads a listener at a time: receiving would block the other.
 */

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backends/notify/guardian.h"
#include "backends/notify/oci-state.h"

#define COMPLAINTS_MAX 16
#define NS_PER_MS UINT64_C(1000000)

/* What a runtime says, while it says it; and what goes from a G to the next. */
struct message {
    char *json; /* OCI_STATE_MAX bytes of room; NULL: nothing yet */
    size_t size;
    int fds[OCI_FDS_MAX];
    size_t fd_count;
};

struct ward {
    bool used;
    bool offered;       /* to the next G */
    bool untold;        /* R has not got its arrival yet */
    bool left_answered; /* what S had in hand when it went */
    bool finished;      /* nobody can come to its listener any more */
    int listener;       /* -1: S has not sent it yet */
    int watch;          /* -1: S is gone, or wants to be */
    int pidfd;          /* -1: it has been reaped, or there was none */
    pid_t supervisor;
    struct shared *shared;
    int shared_fd; /* -1: a command's */
    struct queue *queue;
    uint32_t number;
    uint64_t time;
    struct oci_state state; /* .id is NULL: of a command, or it was refused */
    /* For the next G: as it came. */
    char *json;
    size_t json_size, json_fds;
};

struct connection {
    int fd; /* -1: free */
    uint64_t deadline;
    unsigned attempts; /* to understand it before its end */
    pid_t pid;         /* the peer */
    struct message message;
};

/* handover.c's */
enum handover_step { HANDOVER_NONE, HANDOVER_GREETED, HANDOVER_READY, HANDOVER_OFFERED };

struct handover {
    struct endpoint_socket door; /* where the next G comes; .fd -1: not open */
    uint64_t door_retry;         /* not before, where it could not be opened */
    enum handover_step step;
    int next; /* the connection to it; -1 */
    uint64_t deadline;
    struct ward *offered;
    bool done; /* it has got everything, the socket that listens as well */
    /* From the G before: */
    int predecessor;
    struct message taken; /* confirmed, but not given yet; .json is NULL for none, or one without a state */
    size_t taken_fds;
    bool has_taken;
};

struct complaint {
    uint64_t time;
    char text[500];
};

struct guardian {
    const struct guardian_plan *plan;
    bool is_agent;
    bool without_recorder; /* R is gone, or wants no more */
    bool dismissed;        /* it has said so */
    int lifeline, control; /* -1: seen to its end; R is gone */
    struct endpoint_socket listening;
    uint64_t accept_after; /* no descriptor was left */
    uint64_t look_after;   /* whether the path is still ours */
    uint32_t next_number;
    size_t complaint_count, complaints_lost;
    struct complaint complaints[COMPLAINTS_MAX];
    size_t connection_count;
    struct connection connections[CONNECTIONS_MAX];
    struct handover handover;
    size_t ward_count;
    struct ward wards[CONTAINERS_MAX];
    /* What poll() looks at in this round. */
    size_t polled_count;
    struct pollfd pollfds[2 * CONTAINERS_MAX + CONNECTIONS_MAX + 8];
    struct polled {
        void (*serve)(struct guardian *guardian, size_t index, short events);
        size_t index;
    } polled[2 * CONTAINERS_MAX + CONNECTIONS_MAX + 8];
};

/* guardian.c */
uint64_t guardian_now(void);
void guardian_poll(struct guardian *guardian, int fd, short events,
                   void (*serve)(struct guardian *guardian, size_t index, short events), size_t index);
/* What R is to know; `error` may be all there is to say. */
void guardian_complain(struct guardian *guardian, const char *text);

/* ward.c */
void ward_poll_all(struct guardian *guardian);
/* Of a command: its S. 0 or a negative errno. */
int ward_begin_command(struct guardian *guardian);
/* Of a listener, which it takes over, whatever comes of it. `json` (from malloc(), taken over as well) may be NULL, or
 * say nothing sensible: then it is only guarded. */
void ward_begin_container(struct guardian *guardian, int listener, char *json, size_t size, size_t fd_count);
void ward_release(struct ward *ward, struct guardian *guardian);
void ward_tell_all(struct guardian *guardian);
bool is_listener(int fd);

/* agent.c */
void agent_poll(struct guardian *guardian);
void agent_keep_time(struct guardian *guardian, uint64_t now);
uint64_t agent_deadline(const struct guardian *guardian);
/* Receives a piece, bytes and descriptors. As recvmsg(); -EMSGSIZE: more descriptors than there may be. */
ssize_t message_receive(int fd, struct message *message, void *to, size_t room);
void message_finish(struct message *message);

/* handover.c */
/* To the G before: its containers may come. */
void handover_ready(struct guardian *guardian);
void handover_poll(struct guardian *guardian);
void handover_keep_time(struct guardian *guardian, uint64_t now);
uint64_t handover_deadline(const struct guardian *guardian);
/* R: greets the G before at its door. *ret_fd: the connection; *ret_listening: its socket. -ENOENT: there is no such
 * G. */
int handover_greet(const char *path, int *ret_fd, int *ret_listening, struct sysfold_error *error);
/* New runtimes are not ours to accept at the moment. */
bool handover_has_socket(const struct guardian *guardian);

#endif
