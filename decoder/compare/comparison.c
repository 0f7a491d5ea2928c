// SPDX-License-Identifier: Apache-2.0
/* Two stories, thread by thread. */

#include "comparison.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "align.h"
#include "common/cleanup.h"
#include "common/error.h"


/* Lines. */

int comparison_add(struct sysfold_comparison *comparison, enum sysfold_line_kind kind, uint32_t a, uint32_t b)
{
    if (comparison->line_count >= UINT32_MAX ||
        story_grow(&comparison->lines, comparison->line_count, &comparison->line_room, sizeof(struct line)) < 0)
        return -ENOMEM;
    comparison->lines[comparison->line_count++] = (struct line){
        .kind = (uint8_t)kind, .events = {a, b}, .first_difference = (uint32_t)comparison->difference_count};
    return 0;
}

static int add_difference(struct sysfold_comparison *comparison, const struct difference *difference)
{
    if (comparison->difference_count >= UINT32_MAX || story_grow(&comparison->differences, comparison->difference_count,
                                                                 &comparison->difference_room, sizeof(*difference)) < 0)
        return -ENOMEM;
    comparison->differences[comparison->difference_count++] = *difference;
    comparison->lines[comparison->line_count - 1].difference_count++;
    return 0;
}

static bool is_disordered(const struct matcher *matcher, uint32_t a, uint32_t b)
{
    return (matcher->stories[0]->events[a].flags | matcher->stories[1]->events[b].flags) & TOLD_DISORDERED;
}

int comparison_join(struct sysfold_comparison *comparison, uint32_t a, uint32_t b)
{
    static const enum sysfold_line_kind kinds[] = {
        [MATCHED_SAME] = SYSFOLD_LINE_SAME,
        [MATCHED_AS_DECLARED] = SYSFOLD_LINE_DECLARED,
        [MATCHED_NOT] = SYSFOLD_LINE_DIFFERENT,
    };
    struct mismatch mismatches[2 * ROW_PARAM_MAX];
    enum sysfold_line_kind kind;
    enum matched matched;
    size_t count;
    int r = matcher_join(&comparison->matcher, a, b, mismatches, &count, &matched);

    if (r < 0)
        return r;
    kind =
        matched != MATCHED_NOT && is_disordered(&comparison->matcher, a, b) ? SYSFOLD_LINE_DISORDERED : kinds[matched];
    r = comparison_add(comparison, kind, a, b);
    for (size_t i = 0; i < count && !r; i++)
        r = add_difference(comparison, &(struct difference){.mismatch = mismatches[i]});
    return r;
}

int comparison_add_fact(struct sysfold_comparison *comparison, enum sysfold_line_kind kind, const char *thread,
                        char *text_a, char *text_b)
{
    uint32_t index = (uint32_t)comparison->fact_count;
    int r = story_grow(&comparison->facts, index, &comparison->fact_room, sizeof(struct fact));

    if (r < 0) {
        free(text_a);
        free(text_b);
        return r;
    }
    comparison->facts[comparison->fact_count++] = (struct fact){thread, {text_a, text_b}};
    r = comparison_add(comparison, kind, index, index);
    if (!r)
        comparison->lines[comparison->line_count - 1].is_state = true;
    return r;
}

/* One sequence of events of each story. */

struct sequence {
    uint32_t *events;
    size_t count;
};

static int add_alone(struct sysfold_comparison *comparison, uint32_t a, uint32_t b)
{
    return comparison_add(comparison, b == NONE ? SYSFOLD_LINE_MISSING : SYSFOLD_LINE_EXTRA, a, b);
}

/* Joins what partners has, in order, and hands the stretches between to `stretch`. */
static int join_aligned(struct sysfold_comparison *comparison, const struct sequence *a, const struct sequence *b,
                        const uint32_t *partners,
                        int (*stretch)(struct sysfold_comparison *, const struct sequence *, const struct sequence *))
{
    size_t from_a = 0, from_b = 0;
    int r = 0;

    for (size_t i = 0; i <= a->count && !r; i++) {
        size_t partner = i < a->count ? partners[i] : b->count;

        if (i < a->count && partners[i] == UNALIGNED)
            continue;
        r = stretch(comparison, &(struct sequence){a->events + from_a, i - from_a},
                    &(struct sequence){b->events + from_b, partner - from_b});
        if (!r && i < a->count)
            r = comparison_join(comparison, a->events[i], b->events[partner]);
        from_a = i + 1;
        from_b = partner + 1;
    }
    return r;
}

static int stretch_alone(struct sysfold_comparison *comparison, const struct sequence *a, const struct sequence *b)
{
    int r = 0;

    for (size_t i = 0; i < a->count && !r; i++)
        r = add_alone(comparison, a->events[i], NONE);
    for (size_t i = 0; i < b->count && !r; i++)
        r = add_alone(comparison, NONE, b->events[i]);
    return r;
}

static int align_by(struct sysfold_comparison *comparison, const struct sequence *a, const struct sequence *b,
                    bool by_kind,
                    int (*stretch)(struct sysfold_comparison *, const struct sequence *, const struct sequence *))
{
    cleanup_free uint64_t *keys = calloc(a->count + b->count + 1, sizeof(*keys));
    cleanup_free uint32_t *partners = calloc(a->count + 1, sizeof(*partners));
    struct matcher *matcher = &comparison->matcher;
    int r;

    if (!keys || !partners)
        return -ENOMEM;
    for (size_t i = 0; i < a->count; i++)
        keys[i] = by_kind ? matcher_kind(matcher, 0, a->events[i]) : matcher_key(matcher, 0, a->events[i]);
    for (size_t i = 0; i < b->count; i++)
        keys[a->count + i] = by_kind ? matcher_kind(matcher, 1, b->events[i]) : matcher_key(matcher, 1, b->events[i]);
    r = align(keys, a->count, keys + a->count, b->count, partners);
    return r < 0 ? r : join_aligned(comparison, a, b, partners, stretch);
}

static int stretch_by_kind(struct sysfold_comparison *comparison, const struct sequence *a, const struct sequence *b)
{
    return a->count && b->count ? align_by(comparison, a, b, true, stretch_alone) : stretch_alone(comparison, a, b);
}

/* Most often all is the same; where it is not, most often the beginning and the end are. */
static int compare_sequences(struct sysfold_comparison *comparison, struct sequence a, struct sequence b)
{
    size_t tail = 0, count;
    int r = 0;

    while (a.count && b.count && matcher_same(&comparison->matcher, a.events[0], b.events[0]) && !r) {
        r = comparison_join(comparison, *a.events++, *b.events++);
        a.count--;
        b.count--;
    }
    count = a.count < b.count ? a.count : b.count;
    while (tail < count &&
           matcher_same(&comparison->matcher, a.events[a.count - 1 - tail], b.events[b.count - 1 - tail]))
        tail++;
    a.count -= tail;
    b.count -= tail;
    if (!r && a.count && b.count)
        r = align_by(comparison, &a, &b, false, stretch_by_kind);
    else if (!r)
        r = stretch_alone(comparison, &a, &b);
    for (size_t i = 0; i < tail && !r; i++)
        r = comparison_join(comparison, a.events[a.count + i], b.events[b.count + i]);
    return r;
}

/* Threads. */

/* Its events but for those that are left out; events is malloc'd. */
static int take_sequence(struct matcher *matcher, unsigned side, const uint32_t *events, size_t count,
                         struct sequence *ret_sequence)
{
    ret_sequence->count = 0;
    ret_sequence->events = calloc(count + 1, sizeof(*events));
    if (!ret_sequence->events)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        if (!matcher_leaves_out(matcher, side, events[i]))
            ret_sequence->events[ret_sequence->count++] = events[i];
    }
    return 0;
}

static int64_t signo_of(const struct sysfold_story *story, uint32_t at)
{
    struct record record;

    story_record(story, &story->events[at], &record);
    return record_number(&record, "signo", 0);
}

static size_t count_child_signals(const struct sysfold_story *story, const struct sequence *signals)
{
    size_t count = 0;

    for (size_t i = 0; i < signals->count; i++)
        count += signo_of(story, signals->events[i]) == SIGCHLD_NUMBER;
    return count;
}

static void drop_child_signals(const struct sysfold_story *story, struct sequence *signals)
{
    size_t count = 0;

    for (size_t i = 0; i < signals->count; i++) {
        if (signo_of(story, signals->events[i]) != SIGCHLD_NUMBER)
            signals->events[count++] = signals->events[i];
    }
    signals->count = count;
}

struct by_signal {
    uint64_t key;
    uint32_t event;
};

static int compare_signals(const void *a, const void *b)
{
    const struct by_signal *x = a, *y = b;

    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return x->event < y->event ? -1 : x->event > y->event;
}

/* A process's signals come to whichever thread is at hand, in any order: those that are alike side by side. */
static int sort_signals(struct matcher *matcher, unsigned side, struct sequence *signals)
{
    cleanup_free struct by_signal *sorted = calloc(signals->count + 1, sizeof(*sorted));

    if (!sorted)
        return -ENOMEM;
    for (size_t i = 0; i < signals->count; i++) {
        int64_t signo = signo_of(matcher->stories[side], signals->events[i]);

        sorted[i].event = signals->events[i];
        sorted[i].key = (uint64_t)signo << 56 | matcher_key(matcher, side, signals->events[i]) >> 8;
    }
    qsort(sorted, signals->count, sizeof(*sorted), compare_signals);
    for (size_t i = 0; i < signals->count; i++)
        signals->events[i] = sorted[i].event;
    return 0;
}

static int compare_signal_lists(struct sysfold_comparison *comparison, struct sequence *a, struct sequence *b)
{
    struct matcher *matcher = &comparison->matcher;
    size_t children[2] = {count_child_signals(matcher->stories[0], a), count_child_signals(matcher->stories[1], b)};
    int r;

    /* The kernel merges those that come while one is pending: how many there are, and of which child, is chance. */
    if (children[0] && children[1] && children[0] + children[1] > 2) {
        drop_child_signals(matcher->stories[0], a);
        drop_child_signals(matcher->stories[1], b);
    }
    r = sort_signals(matcher, 0, a);
    if (!r)
        r = sort_signals(matcher, 1, b);
    return r < 0 ? r : compare_sequences(comparison, *a, *b);
}

static int compare_threads(struct sysfold_comparison *comparison, const struct teller *a, const struct teller *b,
                           bool of_signals)
{
    struct matcher *matcher = &comparison->matcher;
    const struct teller *threads[2] = {a, b};
    struct sequence sequences[2] = {{0}};
    int r = 0;

    for (unsigned side = 0; side < 2 && !r; side++) {
        const struct sysfold_story *story = matcher->stories[side];
        const struct teller *thread = threads[side];

        if (of_signals)
            r = take_sequence(matcher, side, thread ? story->signals + thread->first_signal : NULL,
                              thread ? thread->signal_count : 0, &sequences[side]);
        else
            r = take_sequence(matcher, side, thread ? story->order + thread->first : NULL, thread ? thread->count : 0,
                              &sequences[side]);
    }
    if (!r && of_signals)
        r = compare_signal_lists(comparison, &sequences[0], &sequences[1]);
    else if (!r)
        r = compare_sequences(comparison, sequences[0], sequences[1]);
    free(sequences[0].events);
    free(sequences[1].events);
    return r;
}

static int compare_calls_of(struct sysfold_comparison *comparison, const struct teller *a, const struct teller *b)
{
    return compare_threads(comparison, a, b, false);
}

static int compare_signals_of(struct sysfold_comparison *comparison, const struct teller *a, const struct teller *b)
{
    return compare_threads(comparison, a, b, true);
}

int comparison_each_thread(struct sysfold_comparison *comparison,
                           int (*compare)(struct sysfold_comparison *comparison, const struct teller *a,
                                          const struct teller *b))
{
    const struct sysfold_story *a = comparison->matcher.stories[0], *b = comparison->matcher.stories[1];
    uint32_t i = 0, k = 0;
    int r = 0;

    while ((i < a->named || k < b->named) && !r) {
        const struct teller *x = i < a->named ? &a->threads[a->by_name[i]] : NULL;
        const struct teller *y = k < b->named ? &b->threads[b->by_name[k]] : NULL;
        int order = !x ? 1 : !y ? -1 : strverscmp(x->name, y->name);

        r = compare(comparison, order <= 0 ? x : NULL, order >= 0 ? y : NULL);
        i += order <= 0;
        k += order >= 0;
    }
    return r;
}

/* The verdict. */

static int cannot_compare(struct sysfold_comparison *comparison, const struct sysfold_story *story, const char *why)
{
    comparison->verdict = SYSFOLD_INCOMPARABLE;
    (void)snprintf(comparison->reason, sizeof(comparison->reason), "%s: %s", story->name, why);
    return 1;
}

/* 1: nothing can be said. */
static int check_story(struct sysfold_comparison *comparison, const struct sysfold_story *story)
{
    if (story->damaged)
        return cannot_compare(comparison, story, "it is damaged, so that events are missing that nobody counted");
    if (story->swapped)
        return cannot_compare(comparison, story, "it was recorded on a machine with another byte order");
    if (story->has_markers && story->first_marker != MARKER_BEGIN)
        return cannot_compare(comparison, story,
                              "its first thread has no begin marker before its end marker: it began too late");
    if (story->has_markers && story->last_marker != MARKER_END)
        return cannot_compare(comparison, story,
                              "its first thread has no end marker behind its begin marker: it did not come to its end");
    if (!story->told_count && !story->has_markers)
        return cannot_compare(comparison, story, "there are no events to compare");
    return 0;
}

static int check_stories(struct sysfold_comparison *comparison)
{
    const struct sysfold_story *const *stories = comparison->matcher.stories;

    for (unsigned side = 0; side < 2; side++) {
        if (check_story(comparison, stories[side]))
            return 1;
    }
    for (unsigned side = 0; side < 2; side++) {
        if (stories[side]->has_markers && !stories[!side]->has_markers)
            return cannot_compare(comparison, stories[!side], "it has no markers, and the other story has");
    }
    if (!stories[0]->told_count && !stories[1]->told_count)
        return cannot_compare(comparison, stories[0], "there are no events to compare, nor in the other story");
    return 0;
}

/* What one story lacks, it may have lost: as many as it has counted. */
static void excuse_losses(struct sysfold_comparison *comparison, enum sysfold_line_kind kind, uint64_t lost)
{
    uint64_t count = 0;

    for (size_t i = 0; i < comparison->line_count; i++)
        count += comparison->lines[i].kind == kind && !comparison->lines[i].is_state;
    if (count > lost)
        return;
    for (size_t i = 0; i < comparison->line_count && count; i++) {
        if (comparison->lines[i].kind == kind && !comparison->lines[i].is_state)
            comparison->lines[i].kind = SYSFOLD_LINE_LOST;
    }
}

static bool has_events(const struct sysfold_comparison *comparison)
{
    for (size_t i = 0; i < comparison->line_count; i++) {
        const struct line *line = &comparison->lines[i];

        if (!line->is_state && (line->kind == SYSFOLD_LINE_SAME || line->kind == SYSFOLD_LINE_DECLARED))
            return true;
    }
    return false;
}

static void judge(struct sysfold_comparison *comparison)
{
    excuse_losses(comparison, SYSFOLD_LINE_MISSING, comparison->matcher.stories[1]->lost);
    excuse_losses(comparison, SYSFOLD_LINE_EXTRA, comparison->matcher.stories[0]->lost);
    for (size_t i = 0; i < comparison->line_count; i++)
        comparison->counts[comparison->lines[i].kind]++;
    comparison->verdict = comparison->counts[SYSFOLD_LINE_DIFFERENT] || comparison->counts[SYSFOLD_LINE_MISSING] ||
                                  comparison->counts[SYSFOLD_LINE_EXTRA] || comparison->counts[SYSFOLD_LINE_DISORDERED]
                              ? SYSFOLD_DIFFERENT
                              : SYSFOLD_SAME;
    if (comparison->verdict == SYSFOLD_SAME && !has_events(comparison))
        cannot_compare(comparison, comparison->matcher.stories[0],
                       "no event is left to compare: all are declared, ignored or lost");
}

static int compare_stories(struct sysfold_comparison *comparison)
{
    int r = check_stories(comparison);

    if (r)
        return 0;
    r = comparison_each_thread(comparison, compare_calls_of);
    if (!r)
        r = comparison_each_thread(comparison, compare_signals_of);
    if (!r)
        r = comparison_end_state(comparison);
    if (!r)
        judge(comparison);
    return r;
}

int sysfold_compare(const struct sysfold_story *reference, const struct sysfold_story *other,
                    const struct sysfold_compare_options *options, struct sysfold_comparison **ret_comparison,
                    struct sysfold_error *error)
{
    struct sysfold_comparison *comparison;
    const char *ignore = options ? options->ignore : NULL;
    int r;

    if (options && options->size < sizeof(*options))
        return error_set(error, -EINVAL, "the options' size field is not set");
    comparison = calloc(1, sizeof(*comparison));
    if (!comparison)
        return error_system(error, -ENOMEM, "cannot compare");
    r = matcher_init(&comparison->matcher, reference, other, ignore, error);
    if (!r) {
        r = compare_stories(comparison);
        if (r < 0)
            error_system(error, r, "cannot compare");
    }
    if (r < 0) {
        sysfold_comparison_free(comparison);
        return r;
    }
    *ret_comparison = comparison;
    return 0;
}

void sysfold_comparison_free(struct sysfold_comparison *comparison)
{
    if (!comparison)
        return;
    for (size_t i = 0; i < comparison->difference_count; i++) {
        free(comparison->differences[i].texts[0]);
        free(comparison->differences[i].texts[1]);
    }
    for (size_t i = 0; i < comparison->fact_count; i++) {
        free(comparison->facts[i].texts[0]);
        free(comparison->facts[i].texts[1]);
    }
    free(comparison->lines);
    free(comparison->differences);
    free(comparison->facts);
    matcher_finish(&comparison->matcher);
    free(comparison);
}

/* What the API asks. */

enum sysfold_verdict sysfold_comparison_verdict(const struct sysfold_comparison *comparison)
{
    return comparison->verdict;
}

const char *sysfold_comparison_reason(const struct sysfold_comparison *comparison)
{
    return comparison->reason;
}

size_t sysfold_comparison_line_count(const struct sysfold_comparison *comparison)
{
    return comparison->line_count;
}

static void describe(const struct sysfold_comparison *comparison, const struct line *line,
                     struct sysfold_line *ret_line)
{
    unsigned side = line->events[0] == NONE;
    const struct sysfold_story *story = comparison->matcher.stories[side];
    const struct told *told;
    struct view view;

    if (line->is_state) {
        ret_line->thread = comparison->facts[line->events[0]].thread;
        ret_line->name = "state";
        return;
    }
    told = &story->events[line->events[side]];
    view = view_of(story, line->events[side]);
    ret_line->thread = story->threads[told->thread].name;
    ret_line->name = view_name(&view);
}

int sysfold_comparison_line(const struct sysfold_comparison *comparison, size_t index, struct sysfold_line *ret_line)
{
    struct sysfold_line line = {.size = ret_line->size < sizeof(line) ? ret_line->size : sizeof(line)};

    if (index >= comparison->line_count)
        return -ENOENT;
    line.kind = comparison->lines[index].kind;
    line.first_difference = comparison->lines[index].first_difference;
    line.difference_count = comparison->lines[index].difference_count;
    describe(comparison, &comparison->lines[index], &line);
    memcpy(ret_line, &line, line.size);
    return 0;
}

/* The line that a difference is of: they are in the same order. */
static const struct line *line_of(const struct sysfold_comparison *comparison, size_t difference)
{
    size_t low = 0, high = comparison->line_count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        const struct line *line = &comparison->lines[middle];

        if (line->first_difference + line->difference_count <= difference)
            low = middle + 1;
        else
            high = middle;
    }
    return &comparison->lines[low];
}

static char *difference_text(const struct sysfold_comparison *comparison, const struct line *line, unsigned side,
                             int param)
{
    static _Thread_local char text[1 << 18];
    struct text_out out = {.buffer = text, .size = sizeof(text)};
    struct view view = view_of(comparison->matcher.stories[side], line->events[side]);
    /* Numbers may be given to what has none yet: nobody sees that but as text. */
    struct renaming *renaming = (struct renaming *)(uintptr_t)&comparison->matcher.renaming;

    if (param < 0)
        return strdup("(its schema does not know it)");
    put_param(&out, &view, (unsigned)param, renaming, side);
    text_out_finish(&out);
    return strdup(text);
}

int sysfold_comparison_difference(const struct sysfold_comparison *comparison, size_t index,
                                  struct sysfold_difference *ret_difference)
{
    struct sysfold_difference result = {.size = ret_difference->size < sizeof(result) ? ret_difference->size
                                                                                      : sizeof(result)};
    struct difference *difference;
    const struct line *line;
    unsigned side;
    struct view view;

    if (index >= comparison->difference_count)
        return -ENOENT;
    difference = &comparison->differences[index];
    line = line_of(comparison, index);
    side = difference->mismatch.params[0] < 0;
    view = view_of(comparison->matcher.stories[side], line->events[side]);
    for (unsigned i = 0; i < 2; i++) {
        if (!difference->texts[i])
            difference->texts[i] = difference_text(comparison, line, i, difference->mismatch.params[i]);
        if (!difference->texts[i])
            return -ENOMEM;
    }
    result.param = view.record.row->params[difference->mismatch.params[side]].name;
    result.reference = difference->texts[0];
    result.other = difference->texts[1];
    result.reason = difference->mismatch.reason;
    memcpy(ret_difference, &result, result.size);
    return 0;
}

size_t sysfold_comparison_line_text(const struct sysfold_comparison *comparison, size_t index, bool other, char *buffer,
                                    size_t size)
{
    struct text_out out = {.buffer = buffer, .size = size};
    const struct line *line = index < comparison->line_count ? &comparison->lines[index] : NULL;
    struct renaming *renaming = (struct renaming *)(uintptr_t)&comparison->matcher.renaming;

    if (line && line->is_state) {
        const char *text = comparison->facts[line->events[0]].texts[other];

        put_text(&out, text ? text : "");
    } else if (line && line->events[other] != NONE) {
        struct view view = view_of(comparison->matcher.stories[other], line->events[other]);

        put_event(&out, &view, renaming, other);
    }
    return text_out_finish(&out);
}

int sysfold_comparison_counts(const struct sysfold_comparison *comparison, struct sysfold_comparison_counts *ret_counts)
{
    struct sysfold_comparison_counts counts = {
        .size = ret_counts->size < sizeof(counts) ? ret_counts->size : sizeof(counts),
        .reference_lost = comparison->matcher.stories[0]->lost,
        .other_lost = comparison->matcher.stories[1]->lost,
    };

    memcpy(counts.lines, comparison->counts, sizeof(counts.lines));
    memcpy(ret_counts, &counts, counts.size);
    return 0;
}

int sysfold_comparison_declared_uses(const struct sysfold_comparison *comparison, bool other, size_t index,
                                     uint64_t *ret_uses)
{
    if (index >= comparison->matcher.declared_counts[other])
        return -ENOENT;
    *ret_uses = comparison->matcher.uses[other][index];
    return 0;
}
