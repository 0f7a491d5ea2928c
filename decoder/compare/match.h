/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_COMPARE_MATCH_H
#define SYSFOLD_COMPARE_MATCH_H

/* Two events, one of each story: are they the same? And what of them does not count. */

#include "rename.h"
#include "text.h"

struct pairing;

struct ignored {
    char *row;   /* "*": all */
    char *param; /* "*": the whole event */
};

/* Index 0 is the reference's, 1 the other's. */
struct matcher {
    const struct sysfold_story *stories[2];
    const struct sysfold_declared *declared[2];
    size_t declared_counts[2];
    uint64_t *uses[2];
    struct ignored *ignored;
    size_t ignored_count;
    struct renaming renaming;
    struct pairing *pairings[ROW_MAX]; /* by the reference's row */
    uint8_t left_out[2][ROW_MAX];      /* 0: not looked up; 1: no; 2: yes */
};

/* A parameter that differs. */
struct mismatch {
    int8_t params[2];   /* the parameter's index in either event's row; -1: that schema does not know it */
    const char *reason; /* a declaration's, or "ignored"; NULL: it should not differ */
};

enum matched { MATCHED_SAME, MATCHED_AS_DECLARED, MATCHED_NOT };

/* `ignore` as in struct sysfold_compare_options. -ENOMEM, -EINVAL. */
int matcher_init(struct matcher *matcher, const struct sysfold_story *reference, const struct sysfold_story *other,
                 const char *ignore, struct sysfold_error *error);
void matcher_finish(struct matcher *matcher);

/* Are events of that row left out, as declared or ignored? Counts the use. */
bool matcher_leaves_out(struct matcher *matcher, unsigned side, uint32_t at);
/* Does that side's backend declare it? Counts the use. */
bool matcher_declares(struct matcher *matcher, unsigned side, const char *row, const char *param);
/* The same for a row by name, where nothing is counted unless `uses`. */
bool matcher_leaves_out_row(struct matcher *matcher, const char *row, bool uses);

/* Are these two the same, as far as is known by now? Learns nothing. */
bool matcher_same(struct matcher *matcher, uint32_t a, uint32_t b);
/* They stand for each other: learns who is who, and tells what differs.
 * `differences` has room for 2 * ROW_PARAM_MAX. */
int matcher_join(struct matcher *matcher, uint32_t a, uint32_t b, struct mismatch *differences, size_t *ret_count,
                 enum matched *ret_matched);
/* Are these strings the same, but for names? */
bool matcher_same_text(struct matcher *matcher, const char *a, uint32_t at_a, const char *b, uint32_t at_b);

/* Hashes to align events by: the same for events that are the same, seldom the same for others; and the same for
 * all events of one kind. */
uint64_t matcher_key(struct matcher *matcher, unsigned side, uint32_t at);
uint64_t matcher_kind(const struct matcher *matcher, unsigned side, uint32_t at);

#endif
