/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_TESTS_EVENTS_LOCK_H
#define SYSFOLD_TESTS_EVENTS_LOCK_H

/*
 * common/events.lock: what every capture file in the world relies on, a line a
 * parameter, by row number and index:
 *
 *     257 openat 1 dirfd DIRFD i32 4
 *
 * row number, row name, index, parameter, type, wire form, place; and a "+"
 * for a parameter that was appended to a row that had been locked before.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <sysfold/schema.h>

#define LOCK_NAME_MAX 64

struct lock_line {
    unsigned number;
    unsigned index;
    unsigned place;
    bool appended;
    char row[LOCK_NAME_MAX];
    char param[LOCK_NAME_MAX];
    char type[LOCK_NAME_MAX];
    char wire[LOCK_NAME_MAX];
};

struct lock {
    struct lock_line *lines;
    size_t count;
};

/* A file that is not there is an empty lock. Negative errno; -EBADMSG for a line that is none. */
int lock_read(const char *path, struct lock *ret_lock);
void lock_finish(struct lock *lock);

/* The line of a row's parameter, or NULL. */
const struct lock_line *lock_find(const struct lock *lock, unsigned number, unsigned index);

/* What the tables of this build say now. */
struct lock_line lock_line_now(const struct sysfold_row *row, unsigned index);

/* Is the line still true? `appended` plays no part. */
bool lock_line_holds(const struct lock_line *line);

void lock_line_print(FILE *out, const struct lock_line *line);

#endif
