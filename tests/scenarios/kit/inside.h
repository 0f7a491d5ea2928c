/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_SCENARIO_INSIDE_H
#define SYSFOLD_SCENARIO_INSIDE_H

/* What the kit's own files share. */

#include "kit.h"

struct kit_made;

/* Who a thread is. One that runs on a stack of the kit's has its own, at the stack's lowest address. */
struct kit_who {
    int64_t tid, pid, ppid;
    struct kit_made *pending; /* the call it is in, as long as nobody has written it down */
};

struct kit_who *kit_who(void);

/* Is what goes otherwise than the scenario says told, and no failure? */
bool kit_is_foreign(void);
/* There: interrupts the first process when it has taken too long, and every other when the first one ends early. */
void kit_be_patient(bool is_first);
void kit_end_others(void);
_Noreturn void kit_give_up(int64_t nr); /* the call it was in; -1: none */

/* A line of the truth, written twice: first measured, then laid where there is room for it. */
struct kit_line {
    char *to; /* NULL: measured */
    size_t size;
    size_t room;
    bool any; /* has a parameter been put? */
};

void kit_put(struct kit_line *line, const char *text);
void kit_put_number(struct kit_line *line, int64_t value);
void kit_put_bytes(struct kit_line *line, const void *bytes, size_t size);

/* Calls `put` twice, and what it puts becomes a line of the truth. Nothing happens without $SYSFOLD_TRUTH. */
void kit_write(void (*put)(struct kit_line *line, const void *data), const void *data);

/* Opens $SYSFOLD_TRUTH, anew or where the program that executed this one left it; ends it, whole. */
void kit_log_open(bool is_first, const char *scenario);
void kit_log_close(void);

/* A system call, as it was made. `nr` is SYS_x; foreign ones are of no row. */
struct kit_made {
    int64_t tid;
    int64_t nr;
    uint32_t arch; /* 0: the program's own */
    const uint64_t *args;
    int64_t result;
    bool returned;
    const struct kit_said *said;
    const int *reaps; /* of a wait for an end: the status that it fetches, which is written down before the call */
};

/* Writes down a call, its parameters found in the arguments and in memory. */
void kit_tell_call(const struct kit_made *made);
/* Writes down an event of the lifecycle: all of its parameters are said. */
void kit_tell(int64_t tid, const char *event, const struct kit_said *said);

/* The bare call. kit_raw_done is where it goes on: whoever is interrupted there has the result in rax. */
long kit_raw(long nr, const uint64_t args[6]);
extern const char kit_raw_done[];
void kit_mark(int kind);
void kit_stacks_make(void);
/* How many of `size` bytes at `address` can be read. */
size_t kit_readable(uint64_t address, size_t size);

#define KIT_MARK_OPTION                                                                                                \
    0x5359534d /* prctl(KIT_MARK_OPTION, kind, 0, 0, 0) fails with EINVAL, and is seen by everyone */
#define KIT_MARK_BEGIN 1
#define KIT_MARK_END 2
#define KIT_MARK_PAUSE 3 /* an end at which nobody looks at the descriptors: other threads may be changing them */

#endif
