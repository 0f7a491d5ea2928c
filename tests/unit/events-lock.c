// SPDX-License-Identifier: Apache-2.0
#include "events-lock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/rows.h"

static bool parse_line(const char *text, struct lock_line *line)
{
    char mark[2] = "";
    int fields = sscanf(text, "%u %63s %u %63s %63s %63s %u %1s", &line->number, line->row, &line->index, line->param,
                        line->type, line->wire, &line->place, mark);

    line->appended = fields == 8 && mark[0] == '+';
    return fields == 7 || line->appended;
}

int lock_read(const char *path, struct lock *ret_lock)
{
    cleanup_fclose FILE *file = fopen(path, "re");
    struct lock lock = {0};
    char text[512];

    if (!file && errno != ENOENT)
        return -errno;
    while (file && fgets(text, sizeof(text), file)) {
        struct lock_line *grown;

        if (text[0] == '#' || text[0] == '\n')
            continue;
        grown = reallocarray(lock.lines, lock.count + 1, sizeof(*grown));
        if (grown)
            lock.lines = grown;
        if (!grown || !parse_line(text, &lock.lines[lock.count])) {
            lock_finish(&lock);
            return grown ? -EBADMSG : -ENOMEM;
        }
        lock.count++;
    }
    *ret_lock = lock;
    return 0;
}

void lock_finish(struct lock *lock)
{
    free(lock->lines);
    *lock = (struct lock){0};
}

const struct lock_line *lock_find(const struct lock *lock, unsigned number, unsigned index)
{
    for (size_t i = 0; i < lock->count; i++) {
        if (lock->lines[i].number == number && lock->lines[i].index == index)
            return &lock->lines[i];
    }
    return NULL;
}

struct lock_line lock_line_now(const struct sysfold_row *row, unsigned index)
{
    const struct sysfold_param *param = &row->params[index];
    struct lock_line line = {.number = row->number, .index = index, .place = param->place};

    (void)snprintf(line.row, sizeof(line.row), "%s", row->name);
    (void)snprintf(line.param, sizeof(line.param), "%s", param->name);
    (void)snprintf(line.type, sizeof(line.type), "%s", param->type->name);
    (void)snprintf(line.wire, sizeof(line.wire), "%s", sysfold_param_wire(param));
    return line;
}

bool lock_line_holds(const struct lock_line *line)
{
    const struct sysfold_row *row = row_builtin(line->number);
    struct lock_line now;

    if (!row || line->index >= row->param_count)
        return false;
    now = lock_line_now(row, line->index);
    return now.place == line->place && !strcmp(now.row, line->row) && !strcmp(now.param, line->param) &&
           !strcmp(now.type, line->type) && !strcmp(now.wire, line->wire);
}

void lock_line_print(FILE *out, const struct lock_line *line)
{
    (void)fprintf(out, "%u %s %u %s %s %s %u%s\n", line->number, line->row, line->index, line->param, line->type,
                  line->wire, line->place, line->appended ? " +" : "");
}
