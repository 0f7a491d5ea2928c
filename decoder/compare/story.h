/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_COMPARE_STORY_H
#define SYSFOLD_COMPARE_STORY_H

/*
 * A story: what a stream told, kept record by record, and put into order once
 * the stream has ended:
 *
 *     read ──► events, in the stream's order            reading.c
 *          ──► threads by their place in the tree       threads.c
 *          ──► what the markers cut is left out         cutting.c
 *          ──► signals apart, restarted calls merged    signals.c, restart.c
 *          ──► a sequence of calls for each thread      story.c
 *
 * Values become canonical only when they are looked at (canonical.c).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sysfold/compare.h>

#include "common/rows.h"
#include "decoder/decode/record.h"

#define NONE UINT32_MAX
#define STORY_EVENTS_MAX (UINT32_MAX - 1)
#define MARKER_OPTION 0x5359534d
#define CLONE_THREAD_FLAG 0x10000
#define SIGCHLD_NUMBER 17
enum marker { MARKER_NONE, MARKER_BEGIN, MARKER_END };
#define MARKER_PAUSE_KIND 3 /* an end, at which no descriptors are noted */

enum told_flag {
    TOLD_CUT = 1 << 0,        /* outside the markers, or one of them */
    TOLD_MERGED = 1 << 1,     /* an interrupted call that was made again: that one is told */
    TOLD_RESTARTED = 1 << 2,  /* ended by restart_syscall: what its memory held then, nobody read */
    TOLD_DISORDERED = 1 << 3, /* it came before what it is an effect of */
    TOLD_SIGNAL = 1 << 4,     /* compared with its process's others */
    TOLD_IGNORED = 1 << 5,    /* a signal that does nothing, or kills */
    TOLD_HANDLED = 1 << 6,    /* a signal that a handler was called for */
    TOLD_END = 1 << 7,        /* of a thread or process: part of the end state */
    TOLD_STRAY = 1 << 8,      /* the return from SIGCHLD's handler: when that runs is chance */
    TOLD_LAUNCH = 1 << 9,     /* the first process's exec, before it did anything */
};

struct told {
    const uint8_t *record;
    uint32_t thread; /* index in the story's threads */
    uint32_t flags;
};

/* One thread, from its birth to its end: an id that is used again is another's. */
struct teller {
    uint64_t id;           /* source and tid */
    uint32_t parent;       /* NONE: unknown */
    uint32_t leader;       /* of its process; itself if it leads */
    uint32_t born;         /* the birth's index in events; NONE: it was there */
    uint32_t made;         /* the index of the call that made it, or of what its parent had done last; NONE */
    uint32_t seen;         /* the index from which on the id is its own */
    uint32_t ended;        /* index of the end of the process (of leaders) or thread; NONE */
    uint32_t exits;        /* index of the last end that was told of the thread; NONE */
    uint32_t first, count; /* its calls in the story's order[] */
    uint32_t first_signal, signal_count; /* its process's (of leaders) in signals[] */
    char *name;                          /* "1.2"; NULL: it is not part of the story */
    uint64_t ignored;                    /* of leaders: signals by disposition, a bit each (signal 1 lowest) */
    uint64_t handled;
    uint64_t handlers; /* that it is in, the innermost in the lowest of as many bits; set: of SIGCHLD */
    unsigned depth;    /* how many they are */
    bool has_name;
};

/* A descriptor table at an end marker. */
struct listed_fd {
    int32_t number;
    bool inherited; /* it was there when the capture began */
    char *kind;     /* as the state has it, or as docs/truth.md has it */
    char *name;     /* NULL: not known */
};

struct listing {
    uint32_t event; /* the end marker's index */
    uint32_t thread;
    bool from_truth; /* coarse kinds, small numbers */
    bool is_unsure;  /* calls that the state does not understand may have opened and closed others */
    bool has_untold; /* descriptors were made whose numbers the story does not say */
    struct listed_fd *fds;
    size_t count;
};

struct chunk;

struct sysfold_story {
    char *name;
    char *backend;
    struct chunk *chunks; /* the records, and whatever else lives as long as the story */
    struct sysfold_schema schema;
    const struct rules *rules[ROW_MAX];      /* what of each row's values is canonical (canonical.h) */
    const struct sysfold_row *rows[ROW_MAX]; /* the story's own copies: a stream's schema may end with it */
    struct told *events;
    uint32_t count;
    size_t room;
    struct teller *threads;
    uint32_t thread_count;
    size_t thread_room;
    uint32_t *by_id;   /* threads sorted by id, then by birth */
    uint32_t *by_name; /* threads of the story in the order of their names */
    uint32_t named;
    uint32_t *latest; /* hash of ids: the thread that has it now, while reading */
    uint32_t latest_room;
    uint32_t *order; /* indices of calls, thread by thread */
    uint32_t *signals;
    uint32_t told_count; /* in both */
    uint32_t *freed;     /* indices of events that may have freed an inode */
    size_t freed_count, freed_room;
    struct listing *listings;
    size_t listing_count, listing_room;
    struct listed_fd *inherited; /* kind unused */
    size_t inherited_count, inherited_room;
    uint64_t *made_names; /* hashes of the parts of names that a program made up: sorted at the end */
    size_t made_count, made_room;
    uint64_t lost;
    uint64_t damaged;
    uint8_t first_marker, last_marker; /* of the first thread, which is threads[0]; enum marker */
    bool has_markers;
    bool has_foreign_calls; /* of the generic row, that succeeded */
    bool has_untold_fds;    /* made by calls that write their numbers to memory */
    bool swapped;           /* some of it is in another machine's byte order */
};

/* story.c */
/* Memory that lives as long as the story, a copy of `bytes` where there are any. NULL: no memory. */
void *story_keep(struct sysfold_story *story, const void *bytes, size_t size);
char *story_keep_text(struct sysfold_story *story, const char *text);
/* Makes room for one more element of an array of the story's. -ENOMEM. */
int story_grow(void *array, size_t count, size_t *room, size_t size);
/* The record of an event, read. */
void story_record(const struct sysfold_story *story, const struct told *told, struct record *ret_record);
/* Hash of bytes. */
uint64_t story_hash(const void *bytes, size_t size, uint64_t seed);
/* May an inode have been freed, and its number be another file's, between these two events (in any order)? */
bool story_freed_between(const struct sysfold_story *story, uint32_t a, uint32_t b);
/* Did a program of the story make up this part of a name? */
bool story_made_name(const struct sysfold_story *story, const uint8_t *run, size_t size);
/* Called once the stream has ended. -ENOMEM. */
int story_finish(struct sysfold_story *story);

/* reading.c */
int story_add(struct sysfold_story *story, const struct sysfold_event *event);

/* threads.c */
static inline uint64_t thread_id(uint32_t source, uint32_t tid)
{
    return (uint64_t)source << 32 | tid;
}
/* The thread of an event that was just added; made where it is not known. -ENOMEM. */
int story_thread(struct sysfold_story *story, uint64_t id, uint32_t at, uint32_t *ret_thread);
/* A thread that was there when the capture began. */
int story_snapshot(struct sysfold_story *story, uint64_t id, const struct record *record, uint32_t at);
int story_birth(struct sysfold_story *story, uint64_t id, const struct record *record, uint32_t at);
/* The thread that had the id when event `at` happened; NONE. After story_sort_threads(). */
uint32_t story_resolve(const struct sysfold_story *story, uint64_t id, uint32_t at);
/* The thread that event `at`, a clone or its kin, made under that id; NONE. */
uint32_t story_resolve_child(const struct sysfold_story *story, uint64_t id, uint32_t at);
int story_sort_threads(struct sysfold_story *story);
int story_name_threads(struct sysfold_story *story);
int story_sort_names(struct sysfold_story *story);
/* Is it part of a sequence, or of the signals, that are compared? */
static inline bool story_tells(const struct sysfold_story *story, const struct told *told)
{
    return !(told->flags & (TOLD_CUT | TOLD_MERGED | TOLD_IGNORED | TOLD_END | TOLD_STRAY)) && story->threads[told->thread].name;
}
/* A parameter by its name as a number; `otherwise` where it has none. */
int64_t record_number(const struct record *record, const char *name, int64_t otherwise);
bool record_is(const struct record *record, const char *row);
bool record_makes_thread(const struct record *record);

/* cutting.c */
enum marker marker_of(const struct record *record);
int story_cut(struct sysfold_story *story);

/* signals.c */
/* Keeps the dispositions, and marks the signals that are not compared. */
void story_note_signals(struct sysfold_story *story, struct told *told, const struct record *record);
void story_drop_deadly_signals(struct sysfold_story *story);

/* restart.c */
int story_merge_restarts(struct sysfold_story *story);
#define RESULT_UNRETURNED (-4095) /* no error has that number: the thread was killed in the call */
/* An error as the program would have seen it: the kernel's own restart codes are EINTR. */
int64_t result_seen(int64_t result);

/* listing.c */
int story_list_fds(struct sysfold_story *story, const struct sysfold_event *event, uint32_t thread, uint32_t at);
/* A MARKER's text "fds 0=device 1=pipe": replaces what the state knew at the marker before it. */
int story_take_fds(struct sysfold_story *story, const uint8_t *text, size_t size, uint32_t thread);
int story_inherit_fd(struct sysfold_story *story, const struct record *record);
void story_free_listings(struct sysfold_story *story);

#endif
