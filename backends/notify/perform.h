/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_NOTIFY_PERFORM_H
#define SYSFOLD_NOTIFY_PERFORM_H

/*
 * Calls that are made by us instead of by the target, which gets the result:
 * what was recorded is then what was executed, whatever the target writes
 * over its memory meanwhile. Only where nobody can tell the difference; else
 * the call is the target's to make. README.md has the table.
 */

#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <sysfold/error.h>

#include "common/collect.h"

struct performer;

/* What a performed call has come to: what collect_ops of the target are asked for. */
struct performance {
    int64_t result;     /* a value or a negative errno */
    bool has_file;      /* of the open family, opened */
    uint32_t dev;       /* as proc_encode_dev() has it */
    uint64_t ino;
    uint16_t path_size;
    char path[4096];    /* as the target sees it */
    int sockets_size;   /* of connect; negative: not known */
    uint8_t sockets[257];
};

/*
 * What is known of who a target is (user and group ids, capabilities, namespaces,
 * root, labels ...): is it the same as a performer of ours? One for each thread; zero: nothing is known yet.
 */
struct likeness {
    uint32_t known_of; /* the performer's number and 1; 0: not known */
};

/* For the targets of one S. `is_container`: they may have other namespaces, roots and ids than we. */
int performer_create(int listener, bool is_container, struct performer **ret_performer, struct sysfold_error *error);
void performer_destroy(struct performer *performer);

/* Is a call of this row ever performed? */
bool performs(const struct sysfold_row *row);
/* May this row's call change who the thread is, or what it sees? It must be notified then, and likeness_forget() be
 * called for the thread (of the whole process: chroot, unshare, setns ...) when the call is let go and when it has returned. */
bool changes_likeness(const struct sysfold_row *row);
void likeness_forget(struct likeness *likeness);

/*
 * Performs a call and answers its notification. `kept` holds what collect_passed() has read; nothing else of the
 * target's memory is looked at. True: the target has been answered, *ret_performance is filled in. False: nothing has
 * happened; the target waits, or is gone. Never blocks for longer than the disk needs.
 */
bool perform(struct performer *performer, const struct seccomp_notif *notif, const struct call *call,
             const struct kept *kept, struct likeness *likeness, struct performance *ret_performance);

#endif
