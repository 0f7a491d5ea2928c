// SPDX-License-Identifier: Apache-2.0
/* update-events-lock FILE: adds what is new in the tables to common/events.lock, and refuses when something changed. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/rows.h"
#include "events-lock.h"

static bool all_hold(const struct lock *lock)
{
    bool hold = true;

    for (size_t i = 0; i < lock->count; i++) {
        if (lock_line_holds(&lock->lines[i]))
            continue;
        (void)fputs("update-events-lock: no longer true: ", stderr);
        lock_line_print(stderr, &lock->lines[i]);
        hold = false;
    }
    return hold;
}

static void print_row(FILE *out, const struct lock *lock, const struct sysfold_row *row)
{
    bool known = lock_find(lock, row->number, 0) != NULL;

    for (unsigned index = 0; index < row->param_count; index++) {
        const struct lock_line *locked = lock_find(lock, row->number, index);
        struct lock_line line = lock_line_now(row, index);

        line.appended = locked ? locked->appended : known;
        lock_line_print(out, &line);
    }
}

static int update(const char *path, const struct lock *lock)
{
    FILE *out = fopen(path, "we");

    if (!out) {
        perror(path);
        return EXIT_FAILURE;
    }
    (void)fputs("# What captures rely on: see tests/unit/events-lock.h. Written by `ninja update-events-lock`.\n", out);
    for (unsigned number = 0; number < ROW_MAX; number++) {
        if (row_builtin(number))
            print_row(out, lock, row_builtin(number));
    }
    if (fclose(out)) {
        perror(path);
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    struct lock lock;
    int result;

    if (argc != 2) {
        (void)fputs("usage: update-events-lock FILE\n", stderr);
        return EXIT_FAILURE;
    }
    result = lock_read(argv[1], &lock);
    if (result < 0) {
        (void)fprintf(stderr, "update-events-lock: %s: %s\n", argv[1], strerror(-result));
        return EXIT_FAILURE;
    }
    result = all_hold(&lock) ? update(argv[1], &lock) : EXIT_FAILURE;
    lock_finish(&lock);
    return result;
}
