/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_COMPARE_H
#define SYSFOLD_COMPARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sysfold/event.h>
#include <sysfold/stream.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Do two streams tell the same story? For tests of capture mechanisms, ours
 * and other people's (docs/comparing.md says what is compared, and how).
 *
 * A story is a stream in canonical form. One thread at a time may use a story;
 * a comparison only reads its stories, which must outlive it.
 */
struct sysfold_story;

struct sysfold_story_options {
    size_t size;
    const char *name;    /* what reports call it; NULL: the backend's name. Copied */
    const char *backend; /* whose declared differences hold; NULL: what the stream's source says. Copied */
};

/* Reads the stream to its end, at most for timeout_ms (-1: for ever; -ETIMEDOUT: the stream is left where it was).
 * The stream must have state (-EINVAL) and stays the caller's; the story is the caller's too, and needs the stream no
 * longer. -EOVERFLOW beyond 2^32-2 events, -ENOMEM, or what sysfold_stream_fetch() returned. */
SYSFOLD_API int sysfold_story_read(struct sysfold_stream *stream, const struct sysfold_story_options *options,
                                   int timeout_ms, struct sysfold_story **ret_story, struct sysfold_error *error);
/* NULL is allowed. */
SYSFOLD_API void sysfold_story_free(struct sysfold_story *story);
SYSFOLD_API const char *sysfold_story_name(const struct sysfold_story *story);
/* Events that the markers left, threads they are of, and events that were counted as lost. */
SYSFOLD_API uint64_t sysfold_story_events(const struct sysfold_story *story);
SYSFOLD_API uint64_t sysfold_story_threads(const struct sysfold_story *story);
SYSFOLD_API uint64_t sysfold_story_lost(const struct sysfold_story *story);
/* The canonical form as text, a line each event, thread by thread: the same for the same story, whichever backend,
 * machine and run it is from. A malloc'd string of the caller's. -ENOMEM; -EINVAL: of a machine with another byte
 * order. */
SYSFOLD_API int sysfold_story_to_text(const struct sysfold_story *story, char **ret_text, struct sysfold_error *error);

/* What a backend (or a witness: "truth", "strace") cannot say, or says differently, and why. */
enum sysfold_declared_kind {
    SYSFOLD_DECLARED_ABSENT = 0,     /* it does not know it */
    SYSFOLD_DECLARED_DIFFERENT = 1,  /* what it says differs */
    SYSFOLD_DECLARED_UNREADABLE = 2, /* of a call that failed it says that memory cannot be read which can be */
};

struct sysfold_declared {
    size_t size;       /* in: sizeof(struct sysfold_declared) */
    const char *row;   /* a row's name; "*": every row's */
    const char *param; /* a parameter's name; "*": the whole event; where UNREADABLE is declared: any parameter */
    enum sysfold_declared_kind kind;
    const char *reason; /* a sentence */
};

/* Declaration number `index` of that backend or witness. -ENOENT beyond the last, or where there is no such backend. */
SYSFOLD_API int sysfold_declared(const char *backend, size_t index, struct sysfold_declared *ret_declared);

/* Comparing. */

struct sysfold_comparison;

struct sysfold_compare_options {
    size_t size;
    const char *ignore; /* "read.data,*.ino,getrandom": parameters, or whole events, that may differ. Copied */
};

enum sysfold_verdict {
    SYSFOLD_SAME = 0,
    SYSFOLD_DIFFERENT = 1,
    SYSFOLD_INCOMPARABLE = 2, /* one of them cannot be judged: the reason says why */
};

/* -ENOMEM, -EINVAL (what `ignore` names does not exist). */
SYSFOLD_API int sysfold_compare(const struct sysfold_story *reference, const struct sysfold_story *other,
                                const struct sysfold_compare_options *options,
                                struct sysfold_comparison **ret_comparison, struct sysfold_error *error);
/* NULL is allowed. */
SYSFOLD_API void sysfold_comparison_free(struct sysfold_comparison *comparison);
SYSFOLD_API enum sysfold_verdict sysfold_comparison_verdict(const struct sysfold_comparison *comparison);
/* Why nothing can be said; "" with the other verdicts. */
SYSFOLD_API const char *sysfold_comparison_reason(const struct sysfold_comparison *comparison);

/* Each line: an event of either story or of both, or a fact of the end state ("process 1.1 ended: exited 3"). */
enum sysfold_line_kind {
    SYSFOLD_LINE_SAME = 0,
    SYSFOLD_LINE_DECLARED = 1,  /* they differ as declared */
    SYSFOLD_LINE_DIFFERENT = 2, /* in both, but not the same: see its differences */
    SYSFOLD_LINE_MISSING = 3,   /* only in the reference */
    SYSFOLD_LINE_EXTRA = 4,     /* only in the other */
    SYSFOLD_LINE_LOST = 5,      /* only in one, and the other counted as many as lost */
    SYSFOLD_LINE_DISORDERED = 6, /* in both, but an effect comes before its cause (an exit after the wait for it) */
};

struct sysfold_line {
    size_t size; /* in: sizeof(struct sysfold_line) */
    enum sysfold_line_kind kind;
    const char *thread;        /* its place in the tree of births: "1", "1.2"; borrowed from the comparison */
    const char *name;          /* the event's: "openat"; of the end state "state" */
    size_t first_difference;   /* sysfold_comparison_difference(), this one and the following */
    size_t difference_count;
};

struct sysfold_difference {
    size_t size; /* in: sizeof(struct sysfold_difference) */
    const char *param;
    const char *reference; /* as text, canonical; borrowed from the comparison */
    const char *other;
    const char *reason;    /* the declaration's or "ignored"; NULL: it should not differ */
};

SYSFOLD_API size_t sysfold_comparison_line_count(const struct sysfold_comparison *comparison);
SYSFOLD_API int sysfold_comparison_line(const struct sysfold_comparison *comparison, size_t index,
                                        struct sysfold_line *ret_line);
SYSFOLD_API int sysfold_comparison_difference(const struct sysfold_comparison *comparison, size_t index,
                                              struct sysfold_difference *ret_difference);
/* A line as text, canonical: the reference's (other: false) or the other's; "" where it has none. As snprintf. */
SYSFOLD_API size_t sysfold_comparison_line_text(const struct sysfold_comparison *comparison, size_t index, bool other,
                                                char *buffer, size_t size);

struct sysfold_comparison_counts {
    size_t size;         /* in: sizeof(struct sysfold_comparison_counts) */
    uint64_t lines[7];   /* by enum sysfold_line_kind */
    uint64_t reference_lost;
    uint64_t other_lost;
};

SYSFOLD_API int sysfold_comparison_counts(const struct sysfold_comparison *comparison,
                                          struct sysfold_comparison_counts *ret_counts);
/* How often declaration number `index` of the reference's (other: false) or the other's backend held:
 * one that never does in a whole suite is no longer true. -ENOENT beyond the last. */
SYSFOLD_API int sysfold_comparison_declared_uses(const struct sysfold_comparison *comparison, bool other, size_t index,
                                                 uint64_t *ret_uses);

/* Witnesses: streams that no backend made. They are used, and closed, like any other. */

/* The truth, as a scenario wrote it down itself (docs/truth.md). -EBADMSG: not such a log, or cut short. */
SYSFOLD_API int sysfold_truth_open(const char *path, struct sysfold_stream **ret_stream, struct sysfold_error *error);
/* The output of `strace -f` (docs/comparing.md: with which options). What a text cannot tell is absent.
 * -EBADMSG: not such an output. */
SYSFOLD_API int sysfold_strace_open(const char *path, struct sysfold_stream **ret_stream, struct sysfold_error *error);

#ifdef __cplusplus
}
#endif

#endif
