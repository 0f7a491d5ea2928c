/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_COMPARE_TEXT_H
#define SYSFOLD_COMPARE_TEXT_H

/* Events in canonical form, as text. */

#include "decoder/format/out.h"
#include "rename.h"

/* An event of a story, opened to be looked at. */
struct view {
    const struct sysfold_story *story;
    uint32_t at;
    struct record record;
};

struct view view_of(const struct sysfold_story *story, uint32_t at);
/* What it is called: "openat", "i386:open". */
const char *view_name(const struct view *view);
/* The thread that a pid or tid in the event is of; NULL: none of the story's. `index`: the parameter's. */
const char *view_thread(const struct view *view, unsigned index, uint64_t pid);

/* `renaming` gives numbers to what has no name of its own; `side` says whose event it is. */
void put_event(struct text_out *out, const struct view *view, struct renaming *renaming, unsigned side);
void put_param(struct text_out *out, const struct view *view, unsigned index, struct renaming *renaming, unsigned side);
/* A string with names in it. */
void put_named(struct text_out *out, const uint8_t *bytes, size_t size, const struct view *view,
               struct renaming *renaming, unsigned side);

#endif
