/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_COMPARE_RENAME_H
#define SYSFOLD_COMPARE_RENAME_H

/*
 * One-to-one renamings between two stories, learnt pair by pair: inode 7 here
 * is inode 9 there, and then it is always. Only an inode that may have been
 * freed since can be another's.
 */

#include "canonical.h"

struct renamed;

struct renaming {
    const struct sysfold_story *stories[2];
    struct renamed *maps[2]; /* from the first story, from the second */
    size_t counts[2], rooms[2];
    uint32_t ordinals[IDENTITY_COUNT]; /* how many have been given a number */
};

/* Can `values[0]` of event at[0] be `values[1]` of event at[1]? */
bool renaming_allows(const struct renaming *renaming, enum identity identity, const uint64_t values[2],
                     const uint32_t at[2]);
/* It is. -ENOMEM. */
int renaming_learn(struct renaming *renaming, enum identity identity, const uint64_t values[2], const uint32_t at[2]);
/* The number that a value has in text, the same for those that are each other; one that nobody has learnt gets its
 * own. 0: no memory. */
uint32_t renaming_ordinal(struct renaming *renaming, unsigned side, enum identity identity, uint64_t value);
/* The same; 0 where nobody has learnt it. */
uint32_t renaming_known_ordinal(const struct renaming *renaming, unsigned side, enum identity identity, uint64_t value);
void renaming_finish(struct renaming *renaming);

#endif
