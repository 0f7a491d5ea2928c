/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_COMPARE_NAMES_H
#define SYSFOLD_COMPARE_NAMES_H

/*
 * Names in strings that differ from run to run though they mean the same:
 *
 *     /tmp/sysfold-F129IG/4711.log   pipe:[81236]   127.0.0.1:41234
 *     └─ plain ───┘└word┘│└id┘└┘          └inode┘             └port┘
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sysfold_story;

enum name_kind {
    NAME_PLAIN,  /* exact */
    NAME_WORD,   /* letters and digits, long enough to be what mkstemp() makes up */
    NAME_NUMBER, /* digits: the id of a thread that the story knows? */
    NAME_INODE,  /* "[123]" behind a colon; "#123 (deleted)" */
    NAME_PORT,   /* ":41234" */
    NAME_KINDS_OF_NUMBERS
};

struct name_part {
    enum name_kind kind;
    const uint8_t *bytes;
    size_t size;
    uint64_t number; /* of all but words and plain parts */
};

/* The part at *at, which moves on; false at the end. */
bool name_next(const uint8_t *bytes, size_t size, size_t *at, struct name_part *ret_part);
/* Does it look as if nobody chose it: of letters and digits, or of both cases?
 * Or did the story's program make it up? */
bool name_is_made_up(const struct sysfold_story *story, const struct name_part *part);
/* Are these as different as two made-up words are: of one length, alike in front, different in most of the rest? */
bool names_are_unlike(const struct name_part *a, const struct name_part *b);

#endif
