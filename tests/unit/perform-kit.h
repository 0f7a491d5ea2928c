/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_TESTS_PERFORM_KIT_H
#define SYSFOLD_TESTS_PERFORM_KIT_H

/* A process below a filter, whose calls are performed where that is possible, and what came of each. */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "backends/notify/perform.h"

#define STEPS_MAX 16384

/* A call, as its caller sees what it did. */
struct made {
    int result; /* a descriptor, or a negative errno */
    uint32_t mode, uid, gid, rdev;
    int64_t size;
    int status_flags, fd_flags;
    unsigned info_flags; /* /proc/self/fdinfo */
};

/* The same, as it was served. */
struct told {
    bool seen, performed;
    int64_t result;
    bool has_file;
    uint32_t dev;
    uint64_t ino;
    char path[256];
    int sockets_size;
    uint8_t sockets[257];
};

/* Shared with the target. */
struct stage {
    _Atomic int listener; /* the target's descriptor of it */
    _Atomic int step;     /* which call it makes now; -1: one that is let go */
    char directory[64];
    struct told told[STEPS_MAX];
    struct made made[2][STEPS_MAX]; /* natively, and below the filter */
    _Atomic long scratch[8];
};

/* Skips the test where there are none: in a chroot, where there are no containers either. */
void need_user_namespaces(void);

struct stage *stage_make(void);
void stage_free(struct stage *stage);

/* Forks, and runs `body` below a filter, as a target of this process's; false where calls cannot be performed here.
 * `before`, if any, is called for each notification. Fails the test if the target does. */
bool stage_serve(struct stage *stage, void (*body)(struct stage *));
extern void (*stage_before)(const struct seccomp_notif *notif);
extern bool stage_is_container; /* what the performer is told */
/* Forks, and runs it as it is. */
void stage_run(struct stage *stage, void (*body)(struct stage *));

/* In the target: a call follows that is the stage's `step`; and what came of it. */
void step_begin(struct stage *stage, int step);
void step_end(struct stage *stage);
/* Looks at a descriptor, and closes it. */
void made_measure(struct made *made, int fd, int error);

/* A directory of one's own below `where`, as the stage's. */
void stage_directory(struct stage *stage, const char *where);
void stage_clear(struct stage *stage);

#endif
