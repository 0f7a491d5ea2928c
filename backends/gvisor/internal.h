/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_GVISOR_INTERNAL_H
#define SYSFOLD_GVISOR_INTERNAL_H

/* A sandbox, for those that make its records. */

#include "backends/gvisor/message.h"
#include "backends/gvisor/order.h"
#include "backends/gvisor/sandbox.h"
#include "backends/gvisor/tasks.h"
#include "common/encode.h"

#define NAME_MAX_BYTES 256
#define CONTAINERS_MAX 64

/* Threads stamp their packets, then send them; in between they may have to wait for the reader (config.h's backoff). */
#define WINDOW_NS UINT64_C(40000000)
/* The messages of one end of a call come at once, but for that same waiting. */
#define COMPANY_NS UINT64_C(30000000)

/* Which ends a call's messages are known to have. */
enum end { END_RAW = 1, END_SCHEMATIZED = 2 };

struct sandbox {
    const struct capture_options *options;
    uint32_t source;
    char name[NAME_MAX_BYTES];
    bool is_named;
    char containers[CONTAINERS_MAX][NAME_MAX_BYTES]; /* that have been told of */
    size_t container_count;
    struct arena arena;
    struct encoder encoder;
    struct order order;
    struct tasks tasks;
    struct sandbox_counts counts;
    uint8_t ends[ROW_SYSCALL_MAX];   /* of each call: enum end, those seen */
    uint8_t enters[ROW_SYSCALL_MAX]; /* the same of enters */
    bool tells_images;               /* ExecveInfo comes */
    bool tells_raw;                  /* raw enters, returns from signals' handlers among them */
    bool ended;
    bool init_has_ended;
    uint32_t init;     /* its first process */
    uint32_t dropped;  /* as the last header said */
    uint64_t newest;   /* of events' times */
    uint64_t received; /* when the last packet was */
};

/* What a message says of when and who. */
struct instant {
    uint64_t time;     /* of the event */
    uint64_t received; /* of the packet */
};

/* sandbox.c */
void sandbox_emit(struct sandbox *sandbox); /* what the encoder has */
/* The same, at a time that is not before the thread's last record's. */
void sandbox_emit_of(struct sandbox *sandbox, struct thread *thread);
uint64_t thread_time(struct thread *thread, uint64_t time);

/* call.c: calls of a thread. */
void call_message(struct sandbox *sandbox, struct thread *thread, const struct message *message, struct instant when);
/* The thread ends, or is the one to go on after an exec: what is left of its calls is told. */
void call_finish_all(struct sandbox *sandbox, struct thread *thread, bool thread_ends);
/* ExecveInfo: the image that the thread's exec has got. */
void call_note_image(struct sandbox *sandbox, struct thread *thread, const Gv__ExecveInfo *info);
/* The thread has gone on: nothing more will come of a call that waits, but for an exec's image. */
void call_finish_waiting(struct sandbox *sandbox, struct thread *thread, bool has_image);
/* Calls whose last messages have not come in time. */
void call_tell_overdue(struct sandbox *sandbox, uint64_t now);

/* life.c: threads, processes, containers. */
/* The thread that the context is about; one that nobody has told of shows itself by a snapshot record. NULL: there is
 * no memory, or there are too many. */
struct thread *life_thread(struct sandbox *sandbox, const Gv__ContextData *context, struct instant when);
void life_start(struct sandbox *sandbox, const Gv__Start *start, struct instant when);
void life_clone(struct sandbox *sandbox, struct thread *parent, const Gv__CloneInfo *info, struct instant when);
/* Returns the thread that goes on. */
void life_exec(struct sandbox *sandbox, struct thread *thread, const Gv__ExecveInfo *info, struct instant when);
/* An exec whose ExecveInfo the sandbox has kept to itself. */
void life_exec_hidden(struct sandbox *sandbox, struct thread *thread, uint64_t time);
void life_task_exit(struct sandbox *sandbox, const Gv__TaskExit *exit, struct instant when);
void life_process_exit(struct sandbox *sandbox, const Gv__ExitNotifyParentInfo *exit, struct instant when);
void life_end(struct sandbox *sandbox, uint64_t time);

#endif
