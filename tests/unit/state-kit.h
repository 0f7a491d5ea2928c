/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_TESTS_STATE_KIT_H
#define SYSFOLD_TESTS_STATE_KIT_H

/* For tests of the state: rows, a stream that is fed record by record, and looks at what it implies. */

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <criterion/criterion.h>
#include <sysfold/state.h>

#include "common/rows.h"

#define KIT_ROWS 36
#define KIT_PARAMS 16

extern struct sysfold_stream *stream;
extern uint64_t now;    /* the next record's time */
extern uint32_t source; /* the next records' source */

/* The rows, which a test may change before it opens a stream. */
extern struct sysfold_row kit_rows[KIT_ROWS];
extern struct sysfold_param kit_params[KIT_ROWS][KIT_PARAMS];

void kit_init(void);
void kit_finish(void);
/* Opens `stream` anew. */
void open_stream(bool keep_exited);
const struct sysfold_row *row_named(const char *name);

struct value {
    const char *name;
    const void *bytes; /* NULL: a number */
    size_t size;
    int64_t number;
};
/* clang-format off */
#define N(NAME, NUMBER) {.name = NAME, .number = NUMBER}
#define S(NAME, STRING) {.name = NAME, .bytes = STRING, .size = strlen(STRING)}
#define B(NAME, BYTES, SIZE) {.name = NAME, .bytes = BYTES, .size = SIZE}
/* clang-format on */
#define SEND(ROW, TID, ...) send_event(ROW, TID, (const struct value[]){__VA_ARGS__, {0}})
#define SEND_BARE(ROW, TID) send_event(ROW, TID, (const struct value[]){{0}})

/* The event is good until the next one. */
const struct sysfold_event *send_event(const char *name, uint32_t tid, const struct value *values);
const struct sysfold_event *send_bytes(const uint8_t *record, size_t size);

/* 0 to limit - 1; starts anew wherever random_state is set. */
extern uint64_t random_state;
uint32_t random_below(uint32_t limit);

#define FORK(PARENT, CHILD) START(PARENT, CHILD, CHILD, 0)
#define START(PARENT, CHILD, PID, FLAGS)                                                                               \
    SEND("thread_start", CHILD, N("pid", PID), N("parent_tid", PARENT), N("flags", FLAGS))
#define OPEN(TID, FD, PATH) SEND("openat", TID, N("res", FD), N("dirfd", -100), S("path", PATH))
#define THREAD_FLAGS 0x10f00 /* CLONE_VM, FS, FILES, SIGHAND, THREAD */

/* A web server's, as a snapshot tells of it. */
void snapshot(uint32_t pid, uint64_t start_time);

/* Looks, each by an event that changes nothing. NULL: there is none, or it has no name. */
const struct sysfold_process *process_of(uint32_t tid);
const char *fd_name(uint32_t tid, int number);
const char *fd_type(uint32_t tid, int number);
/* The same string, or both NULL. */
bool same(const char *a, const char *b);

#define EXPECT_NAME(TID, FD, NAME)                                                                                     \
    do {                                                                                                               \
        const char *found_ = fd_name(TID, FD);                                                                         \
        cr_expect(same(found_, NAME), "fd %d of %d is called %s", FD, (int)(TID), found_ ? found_ : "(nothing)");      \
    } while (0)
#define EXPECT_CWD(TID, CWD)                                                                                           \
    do {                                                                                                               \
        const char *found_ = sysfold_process_cwd(process_of(TID));                                                     \
        cr_expect(same(found_, CWD), "%d is in %s", (int)(TID), found_ ? found_ : "(nowhere)");                        \
    } while (0)

struct visit {
    uint32_t pids[64];
    size_t count;
    const struct sysfold_process *last;
};

struct visit visit_all(void);

#endif
