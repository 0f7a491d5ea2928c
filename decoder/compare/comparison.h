/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_COMPARE_COMPARISON_H
#define SYSFOLD_COMPARE_COMPARISON_H

#include "match.h"

struct difference {
    struct mismatch mismatch;
    char *texts[2]; /* made when somebody asks; of a fact of the end state always there */
};

struct line {
    uint8_t kind; /* enum sysfold_line_kind */
    bool is_state;
    uint32_t events[2]; /* NONE: only in the other; of the end state both are the index in facts[] */
    uint32_t first_difference, difference_count;
};

struct fact {
    const char *thread; /* the story's */
    char *texts[2];
};

struct sysfold_comparison {
    struct matcher matcher;
    enum sysfold_verdict verdict;
    char reason[256];
    struct line *lines;
    size_t line_count, line_room;
    struct difference *differences;
    size_t difference_count, difference_room;
    struct fact *facts;
    size_t fact_count, fact_room;
    uint64_t counts[7];
};

/* Lines. -ENOMEM. */
int comparison_add(struct sysfold_comparison *comparison, enum sysfold_line_kind kind, uint32_t a, uint32_t b);
/* Two events that stand for each other. */
int comparison_join(struct sysfold_comparison *comparison, uint32_t a, uint32_t b);
/* A fact of the end state; texts are taken over, NULL where a story does not have it. */
int comparison_add_fact(struct sysfold_comparison *comparison, enum sysfold_line_kind kind, const char *thread,
                        char *text_a, char *text_b);

/* Calls `compare` for each thread of either story, in the order of their names; NULL: only the other has it. Stops at
 * what is not 0, and returns it. */
int comparison_each_thread(struct sysfold_comparison *comparison,
                           int (*compare)(struct sysfold_comparison *comparison, const struct teller *a,
                                          const struct teller *b));

/* endstate.c */
int comparison_end_state(struct sysfold_comparison *comparison);

#endif
