/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_CLI_COMPARE_H
#define SYSFOLD_CLI_COMPARE_H

/* What the files of `sysfold compare` share: what is compared with what, and what came of it. */

#include <stdio.h>

#include "cli.h"
#include "output.h"

enum input_kind {
    INPUT_RUN,    /* the command, under a backend or under strace */
    INPUT_FILE,   /* a capture */
    INPUT_TRUTH,  /* a program's own log */
    INPUT_STRACE, /* a log of strace */
};

enum input_state {
    INPUT_WAITING, /* to be read */
    INPUT_READY,   /* has a story */
    INPUT_SKIPPED, /* cannot be had on this machine: the reason says why */
    INPUT_FAILED,  /* should be there and is not: likewise */
};

struct input {
    enum input_kind kind;
    enum input_state state;
    char *name;    /* no other has it */
    char *backend; /* whose declared differences hold; NULL: what the capture says */
    char *path;    /* of what is read; NULL before the run that makes it */
    struct sysfold_story *story;
    char reason[600];
    char remedy[200];
    bool ended; /* it was a run, which ended with that wait status */
    int status;
    double seconds;
};

struct pair {
    const struct input *reference;
    const struct input *other;
    struct sysfold_comparison *comparison; /* NULL: at least one of them has no story */
    enum sysfold_verdict verdict;
    char reason[1400]; /* why it cannot be judged, or that the commands ended differently; else "" */
    bool ends_differ;
};

struct comparing {
    /* What is asked. */
    struct sysfold_live_options live; /* syscalls and snaplen */
    char *const *argv;                /* the command to run, or NULL */
    char *const *files;
    size_t file_count;
    const char *backends;
    const char *truth;
    const char *strace;
    const char *ignore;
    const char *output;
    const char *junit_path;
    uint64_t timeout; /* seconds a run may take; 0: any time */
    uint64_t limit;   /* differences shown */
    bool limited;     /* by the user */
    enum color color;
    bool all;
    bool json;
    bool junit;
    bool story;
    bool quiet;
    /* What came of it. */
    struct input *inputs; /* each truth before what is held against it */
    size_t input_count;
    struct pair *pairs;
    size_t pair_count;
    enum sysfold_verdict verdict;
};

/* compare-inputs.c: which inputs there are, without making any; false after a complaint. */
bool inputs_plan(struct comparing *comparing);
/* Runs what has to be run, reads everything. Failures are in the inputs; false: a signal says to stop. */
bool inputs_read(struct comparing *comparing);
void inputs_free(struct comparing *comparing);
__attribute__((format(printf, 2, 3))) void input_failed(struct input *input, const char *format, ...);

/* compare-run.c: runs the command in the input's way, for the capture or log at input->path. $SYSFOLD_TRUTH is
 * `truth` where that is not NULL. The outcome is in the input; false: a signal says to stop. */
bool run_input(const struct comparing *comparing, struct input *input, const char *truth);
/* The signal that said so, or 0. */
int run_interrupted(void);

/* compare-end.c: kills and reaps all that descends from the caller, which must be their subreaper. */
void end_descendants(void);

/* compare-pairs.c: compares each pair; false after a complaint (no memory). */
bool pairs_compare(struct comparing *comparing);
void pairs_free(struct comparing *comparing);
const char *verdict_name(enum sysfold_verdict verdict);
const char *line_kind_name(enum sysfold_line_kind kind);
/* "exited with 3", "killed by SIGSEGV"; into buffer, which is returned. */
const char *describe_status(int status, char *buffer, size_t size);
/* A line's text, to be freed; "" where that side has none. NULL: no memory. */
char *line_text(const struct sysfold_comparison *comparison, size_t index, bool other);
/* "1 different, 2 missing" or "": what keeps them from being the same. */
const char *describe_counts(const struct sysfold_comparison_counts *counts, char *buffer, size_t size);
/* The other's differences that nothing excuses, and so on: is it one that the report is about? */
bool line_matters(const struct sysfold_line *line);

/* The reports. */
void report_text(const struct comparing *comparing, FILE *out, bool color, unsigned width);
void report_stories(const struct comparing *comparing, FILE *out);
/* false: no memory. */
bool report_json(const struct comparing *comparing, FILE *out);
void report_junit(const struct comparing *comparing, FILE *out);

#endif
