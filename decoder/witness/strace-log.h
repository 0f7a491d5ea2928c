/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_DECODER_WITNESS_STRACE_LOG_H
#define SYSFOLD_DECODER_WITNESS_STRACE_LOG_H

/* The lines of strace's output, as things that happened: calls in one piece, at the place where they ended. */

#include "common/callnames.h"
#include "common/table.h"
#include "strace-text.h"

enum item_kind {
    ITEM_CALL,
    ITEM_SIGNAL,     /* text: what is between the dashes */
    ITEM_EXITED,     /* value: the exit code */
    ITEM_KILLED,     /* value: the signal, with 0x80 where it dumped core */
    ITEM_SUPERSEDED, /* value: the thread that executed and now has this thread's id */
    ITEM_MODE,       /* value: enum call_abi */
};

struct item {
    enum item_kind kind;
    uint32_t tid;
    size_t line;
    int64_t value;
    struct text text;   /* of a call: its arguments */
    struct text name;   /* of a call */
    struct text result; /* of a call: what is behind the =; NO_TEXT: it never returned */
    bool unfinished;    /* of a call: strace says that it goes on elsewhere */
    bool headless;      /* of a call: its beginning, and with it arguments, was not seen */
    uint8_t joins;      /* of a call: on how many more lines it goes on */
    char *joined;       /* what the texts are in, where it was on two lines */
};

/* What lines so far say of a thread. */
struct log_thread {
    struct log_thread *next;
    uint32_t tid;
    struct item pending; /* the call that it is in; without a name: none */
    bool living;
};

struct strace_log {
    struct item *items;
    size_t count, room;
    size_t line;          /* the current one's number */
    struct table threads; /* by tid: struct log_thread */
    struct log_thread *all;
    size_t living;       /* threads that live */
    uint32_t living_sum; /* their tids, exclusive-or-ed: if there is one, it */
    uint32_t root;       /* the thread of lines without a tid, as long as there are others or none */
    uint32_t dangling;   /* the thread whose line a message of strace's has interrupted; 0: none */
};

/* -ENOMEM. The text is borrowed until strace_log_finish(), which a failed one needs as well. */
int strace_log_read(struct strace_log *log, const char *text, size_t size);
void strace_log_finish(struct strace_log *log);

/* The number of a call in that ABI, without CALL_X32_BIT; -1 where it has none of that name. Only after
 * strace_log_read(), which makes the tables. */
int call_number(enum call_abi abi, struct text name);

#endif
