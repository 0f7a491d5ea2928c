/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_NOTIFY_GUARDIAN_H
#define SYSFOLD_NOTIFY_GUARDIAN_H

/*
 * G: holds every listener, so that none of them closes while its targets run
 * (their chosen calls would fail with ENOSYS). While the listener's S lives,
 * G leaves it alone; when S is gone, G answers CONTINUE to whatever comes. It ends with the
 * last listener, once R is gone too.
 *
 * With a socket to listen on it is the OCI agent as well: it accepts runtimes'
 * connections, hostile ones among them, takes the container's state and
 * listener, forks an S for it, and tells R by an arrival. When R is gone it goes on accepting, and
 * answers CONTINUE to new containers too, until another recorder comes for the
 * same socket: to that one's G it hands over everything, and ends.
 */

#include <sys/types.h>

#include "backends/notify/session.h"

#define CONTAINERS_MAX 1024   /* at a time */
#define CONNECTION_MS 5000    /* a runtime that has connected says within this what it wants */
#define ARRIVAL_NAME_MAX 256

/* From G to R, with two descriptors: the queue's memory (queue_attach()), and that of its struct shared. */
struct arrival {
    uint64_t time;
    uint32_t number; /* of the source: 0, 1, ... */
    char name[ARRIVAL_NAME_MAX]; /* the container's id */
};

struct guardian_plan {
    struct session session; /* what every S has alike; of a command all of it */
    int listening;          /* the socket that runtimes connect to; -1: there is a command */
    char *handover;         /* with it: the path of the socket where the next G comes; NULL */
    /* Who may connect: checked by SO_PEERCRED, beside root and our own user. */
    uid_t uid;
    gid_t gid;
};

/* R: forks G (which is nobody's child for long), and G its S. With a command S's reports come over `control`. */
int guardian_start(const struct guardian_plan *plan, struct sysfold_error *error);

#endif
