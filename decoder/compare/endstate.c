// SPDX-License-Identifier: Apache-2.0
/* How it all ended: processes and threads, and what was open at the markers. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "comparison.h"
#include "decoder/decode/event.h"

#define TRUTH_NUMBERS 64 /* a program that looks at its own descriptors looks at so many */

/* One story lost something: what it says of the end may be stale. */
static bool has_lost(const struct sysfold_comparison *comparison)
{
    return comparison->matcher.stories[0]->lost || comparison->matcher.stories[1]->lost;
}

static enum sysfold_line_kind kind_of(const struct sysfold_comparison *comparison, enum sysfold_line_kind kind)
{
    return kind != SYSFOLD_LINE_SAME && has_lost(comparison) ? SYSFOLD_LINE_LOST : kind;
}

/* Ends. */

struct ending {
    bool is_there; /* the story has the thread */
    bool is_known; /* and says how it ended */
    bool is_cut;   /* but outside its markers */
    char text[160];
};

static struct ending ending_of(const struct sysfold_story *story, const struct teller *thread, uint32_t at,
                               const char *what)
{
    struct ending ending = {.is_there = thread};
    char status[64];
    struct view view;
    int index;

    if (!thread)
        return ending;
    (void)snprintf(ending.text, sizeof(ending.text), "%s %.64s was not seen to end", what, thread->name);
    if (at == NONE)
        return ending;
    view = view_of(story, at);
    index = sysfold_row_param_index(view.record.row, "status");
    if (index >= 0) {
        const struct sysfold_event event = {.record = view.record};

        sysfold_event_format_param(&event, (size_t)index, status, sizeof(status));
        (void)snprintf(ending.text, sizeof(ending.text), "%s %.64s ended: %s", what, thread->name, status);
    }
    ending.is_known = true;
    ending.is_cut = story->events[at].flags & TOLD_CUT;
    return ending;
}

static int compare_endings(struct sysfold_comparison *comparison, const char *thread, const struct ending *a,
                           const struct ending *b)
{
    enum sysfold_line_kind kind = SYSFOLD_LINE_SAME;
    char *texts[2];

    /* An end behind the markers is compared only where both know of it; where neither does, there is nothing to say. */
    if (a->is_there && b->is_there && (!a->is_known || !b->is_known) && (!a->is_known || a->is_cut) &&
        (!b->is_known || b->is_cut))
        return 0;
    if (!a->is_there || !b->is_there)
        kind = a->is_there ? SYSFOLD_LINE_MISSING : SYSFOLD_LINE_EXTRA;
    else if (strcmp(a->text, b->text) != 0)
        kind = SYSFOLD_LINE_DIFFERENT;
    texts[0] = a->is_there ? strdup(a->text) : NULL;
    texts[1] = b->is_there ? strdup(b->text) : NULL;
    if ((a->is_there && !texts[0]) || (b->is_there && !texts[1])) {
        free(texts[0]);
        free(texts[1]);
        return -ENOMEM;
    }
    return comparison_add_fact(comparison, kind_of(comparison, kind), thread, texts[0], texts[1]);
}

static bool leads(const struct sysfold_story *story, const struct teller *thread)
{
    return thread && &story->threads[thread->leader] == thread;
}

/* One saw the end; the other said beforehand that it may not. */
static bool is_unknown_as_declared(struct sysfold_comparison *comparison, const char *row, const struct ending *a,
                                   const struct ending *b)
{
    if (!a->is_there || !b->is_there || a->is_known == b->is_known)
        return false;
    return matcher_declares(&comparison->matcher, a->is_known, row, "status");
}

static int compare_ends(struct sysfold_comparison *comparison, const struct teller *a, const struct teller *b)
{
    const struct sysfold_story *const *stories = comparison->matcher.stories;
    const char *name = a ? a->name : b->name;
    bool is_process = leads(stories[0], a) || leads(stories[1], b);
    const char *row = is_process ? "process_exit" : "thread_exit", *what = is_process ? "process" : "thread";
    struct ending x, y;

    if (matcher_leaves_out_row(&comparison->matcher, row, true))
        return 0;
    x = ending_of(stories[0], a, !a ? NONE : is_process ? a->ended : a->exits, what);
    y = ending_of(stories[1], b, !b ? NONE : is_process ? b->ended : b->exits, what);
    if (is_unknown_as_declared(comparison, row, &x, &y))
        return 0;
    return compare_endings(comparison, name, &x, &y);
}

/* Descriptors. */

/* The words of docs/truth.md for what the state calls it. */
static const char *coarse_kind(const char *kind)
{
    if (!strcmp(kind, "ipv4") || !strcmp(kind, "ipv6") || !strcmp(kind, "unix") || !strcmp(kind, "netlink") ||
        !strcmp(kind, "packet") || !strcmp(kind, "socket"))
        return "socket";
    if (!strcmp(kind, "pipe") || !strcmp(kind, "file") || !strcmp(kind, "dir") || !strcmp(kind, "device"))
        return kind;
    if (!strcmp(kind, "memfd") || !strcmp(kind, "mqueue"))
        return "file";
    return "other";
}

/* What was opened by its path is "file" to the state, whatever it is. */
static bool fits_truth(const struct listed_fd *fd, const struct listed_fd *truth)
{
    const char *kind = coarse_kind(fd->kind);

    return !strcmp(kind, truth->kind) || !strcmp(kind, "file") || !*fd->kind;
}

/* "@4c5a8": the kernel's choice, for a socket that was bound to nothing. */
static bool is_autobound(const struct listed_fd *fd)
{
    return fd->name && *fd->name == '@' && strlen(fd->name) == 6 && strspn(fd->name + 1, "0123456789abcdef") == 5;
}

/* That side's story does not say the numbers of some, as declared. */
static bool leaves_untold(struct sysfold_comparison *comparison, unsigned side, const struct listing *listing)
{
    return listing->has_untold && matcher_declares(&comparison->matcher, side, "descriptors", "fds");
}

/* A socket's name is what calls have said of its addresses. */
static bool has_untold_name(struct sysfold_comparison *comparison, const struct listed_fd *fd)
{
    return !strcmp(coarse_kind(fd->kind), "socket") &&
           (matcher_declares(&comparison->matcher, 0, "descriptors", "sockets") ||
            matcher_declares(&comparison->matcher, 1, "descriptors", "sockets"));
}

static bool same_fd(struct sysfold_comparison *comparison, const struct listing *a, const struct listed_fd *x,
                    const struct listing *b, const struct listed_fd *y)
{
    if (a->from_truth && b->from_truth)
        return !strcmp(x->kind, y->kind);
    if (a->from_truth || b->from_truth)
        return a->from_truth ? fits_truth(y, x) : fits_truth(x, y);
    if (x->inherited && y->inherited)
        return true; /* what they were given is not theirs */
    if (strcmp(x->kind, y->kind) != 0)
        return false;
    if (!x->name || !y->name || (*x->name == '/') != (*y->name == '/'))
        return true; /* one of them does not know it, or not from the root on */
    if ((is_autobound(x) && is_autobound(y)) || has_untold_name(comparison, x))
        return true;
    return matcher_same_text(&comparison->matcher, x->name, a->event, y->name, b->event);
}

/* One that only one story has: may it be so? */
static bool may_be_alone(struct sysfold_comparison *comparison, unsigned side, const struct listed_fd *fd,
                         const struct listing *having, const struct listing *lacking)
{
    if (having->is_unsure || lacking->is_unsure)
        return true;
    if (lacking->from_truth ? fd->number >= TRUTH_NUMBERS : fd->inherited)
        return true;
    return leaves_untold(comparison, !side, lacking);
}

/* A copy of one that is not known is not known either. */
static bool may_be_unknown(struct sysfold_comparison *comparison, unsigned side, const struct listed_fd *fd,
                           const struct listing *listing)
{
    return !*fd->kind && leaves_untold(comparison, side, listing);
}

static bool same_listing(struct sysfold_comparison *comparison, const struct listing *a, const struct listing *b)
{
    size_t i = 0, k = 0;

    while (i < a->count || k < b->count) {
        const struct listed_fd *x = i < a->count ? &a->fds[i] : NULL, *y = k < b->count ? &b->fds[k] : NULL;

        if (x && y && x->number == y->number) {
            if (!same_fd(comparison, a, x, b, y) && !may_be_unknown(comparison, 0, x, a) &&
                !may_be_unknown(comparison, 1, y, b))
                return false;
            i++;
            k++;
        } else if (x && (!y || x->number < y->number)) {
            if (!may_be_alone(comparison, 0, x, a, b))
                return false;
            i++;
        } else {
            if (!may_be_alone(comparison, 1, y, b, a))
                return false;
            k++;
        }
    }
    return true;
}

static char *listing_text(struct sysfold_comparison *comparison, unsigned side, const struct listing *listing)
{
    struct view view = view_of(comparison->matcher.stories[side], listing->event);
    char *text = NULL, name[4096];
    size_t size;
    FILE *to = open_memstream(&text, &size);

    if (!to)
        return NULL;
    (void)fprintf(to, "descriptors at an end marker:");
    for (size_t i = 0; i < listing->count; i++) {
        const struct listed_fd *fd = &listing->fds[i];
        struct text_out out = {.buffer = name, .size = sizeof(name)};

        (void)fprintf(to, " %d=%s", (int)fd->number, *fd->kind ? fd->kind : "unknown");
        if (!fd->name)
            continue;
        put_named(&out, (const uint8_t *)fd->name, strlen(fd->name), &view, &comparison->matcher.renaming, side);
        text_out_finish(&out);
        (void)fprintf(to, "<%s>", name);
    }
    if (fclose(to) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

static int compare_listing(struct sysfold_comparison *comparison, const struct listing *a, const struct listing *b,
                           const char *thread)
{
    enum sysfold_line_kind kind = SYSFOLD_LINE_SAME;
    char *texts[2] = {NULL, NULL};

    if (!a || !b)
        kind = a ? SYSFOLD_LINE_MISSING : SYSFOLD_LINE_EXTRA;
    else if (!same_listing(comparison, a, b))
        kind = SYSFOLD_LINE_DIFFERENT;
    if (a)
        texts[0] = listing_text(comparison, 0, a);
    if (b)
        texts[1] = listing_text(comparison, 1, b);
    if ((a && !texts[0]) || (b && !texts[1])) {
        free(texts[0]);
        free(texts[1]);
        return -ENOMEM;
    }
    return comparison_add_fact(comparison, kind_of(comparison, kind), thread, texts[0], texts[1]);
}

/* The next listing of that thread, from *at. */
static const struct listing *next_listing(const struct sysfold_story *story, const struct teller *thread, size_t *at)
{
    while (thread && *at < story->listing_count) {
        const struct listing *listing = &story->listings[(*at)++];

        if (&story->threads[listing->thread] == thread)
            return listing;
    }
    return NULL;
}

/* A program knows of its descriptors when it has looked. */
static bool knows_descriptors(struct sysfold_comparison *comparison, unsigned side, const struct listing *listing)
{
    const char *backend = comparison->matcher.stories[side]->backend;

    if (!listing || listing->from_truth)
        return true;
    return (!backend || strcmp(backend, "truth") != 0) &&
           !matcher_declares(&comparison->matcher, side, "descriptors", "*");
}

static int compare_listings(struct sysfold_comparison *comparison, const struct teller *a, const struct teller *b)
{
    const struct sysfold_story *const *stories = comparison->matcher.stories;
    size_t at[2] = {0, 0};
    int r = 0;

    while (!r) {
        const struct listing *x = next_listing(stories[0], a, &at[0]), *y = next_listing(stories[1], b, &at[1]);

        if (!x && !y)
            break;
        if (!knows_descriptors(comparison, 0, x) || !knows_descriptors(comparison, 1, y))
            continue;
        r = compare_listing(comparison, x, y, a ? a->name : b->name);
    }
    return r;
}

int comparison_end_state(struct sysfold_comparison *comparison)
{
    int r = comparison_each_thread(comparison, compare_listings);

    return r < 0 ? r : comparison_each_thread(comparison, compare_ends);
}
