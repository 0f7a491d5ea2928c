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
    int64_t result; /* a value or a negative errno */
    bool has_file;  /* of the open family, opened */
    uint32_t dev;   /* as proc_encode_dev() has it */
    uint64_t ino;
    uint16_t path_size; /* 0: the kernel cannot tell it */
    char path[4096];    /* as the target sees it */
    int sockets_size;   /* of a connect that has succeeded; negative: not known */
    uint8_t sockets[257];
};

/*
 * What is known of who a target is (user and group ids, capabilities, namespaces, root):
 * is it the same as a performer of ours? One for each thread; zero: nothing is known yet.
 *
 * A new thread or process gets a copy of its parent's, as that was when it
 * was born; but zero, if the parent was LIKENESS_NEVER then its own value,
 * where clone's flags have CLONE_NEWUSER or CLONE_NEWNS, and where it is not
 * sure that the parent has made no call since that changes_likeness().
 */
struct likeness {
    uint32_t known_of; /* 0: not known; LIKENESS_*; else the performer's number and 1 */
};

#define LIKENESS_OTHER (UINT32_MAX - 1) /* it is somebody else */
#define LIKENESS_NEVER UINT32_MAX       /* what restricts it cannot be seen, and holds for all that it creates */

/* For the targets of one S, which must be who it was when it made them. `is_container`: they may have other
 * namespaces, roots and ids than we. -ENOSYS: the kernel cannot do it (before Linux 5.19). */
int performer_create(int listener, bool is_container, struct performer **ret_performer, struct sysfold_error *error);
void performer_destroy(struct performer *performer);

/* Is a call of this row ever performed? */
bool performs(const struct sysfold_row *row);
/* May this row's call change who the thread is, or what it sees, or keep us waiting later? It must be notified then.
 * Any call of a foreign ABI or without a row of its own may (ROW_SYSCALL). */
bool changes_likeness(const struct sysfold_row *row);
/* Such a call is about to be let go: to be said before listener_continue(). What concerns other threads as well
 * (chroot) is known from then on; the thread's own next call comes behind it. */
void performer_let_go(struct performer *performer, const struct call *call, struct likeness *likeness);

/*
 * Performs a call and answers its notification. `kept` holds what collect_passed() has read; nothing else of the
 * target's memory is looked at (but for what openat2's structure has more than its row, and must be zero). True: the target has been answered, *ret_performance is filled in. False: nothing has
 * happened; the target waits, or is gone. Never blocks for longer than the disk needs.
 */
bool perform(struct performer *performer, const struct seccomp_notif *notif, const struct call *call,
             const struct kept *kept, struct likeness *likeness, struct performance *ret_performance);

#endif
