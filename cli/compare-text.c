// SPDX-License-Identifier: Apache-2.0
/* What `sysfold compare` says to people. */

#include "compare.h"

#include <string.h>

#define CONTEXT 3
#define COLUMN_LEAST 36 /* narrower, and one stands above the other */
#define NAME_SIZE 200
#define TEXT_MOST 2000 /* characters: nobody reads 64 KiB of data in a terminal, JSON has it */

#define BOLD "\033[1m"
#define DIM "\033[2m"
#define RED "\033[31m"
#define GREEN "\033[32m"
#define YELLOW "\033[33m"
#define MAGENTA "\033[35m"
#define CYAN "\033[36m"
#define PLAIN "\033[0m"

struct report {
    FILE *out;
    const struct comparing *comparing;
    const struct pair *pair;
    bool color;
    unsigned column; /* characters of each; 0: one above the other */
    bool *shown;     /* which lines */
    const char *thread;
    size_t last; /* the line printed last */
};

static const char *paint(const struct report *report, const char *color)
{
    return report->color ? color : "";
}

static const char *name_of(const struct input *input, char buffer[static NAME_SIZE])
{
    return printable(input->name, buffer, NAME_SIZE);
}

static void show_input(const struct report *report, const struct input *input)
{
    char buffer[NAME_SIZE];
    char end[40];

    (void)fprintf(report->out, "%s%s%s: ", paint(report, BOLD), name_of(input, buffer), paint(report, PLAIN));
    if (input->state == INPUT_SKIPPED)
        (void)fprintf(report->out, "skipped: %s%s%s", input->reason, input->remedy[0] ? "; remedy: " : "",
                      input->remedy);
    else if (input->state == INPUT_FAILED)
        (void)fprintf(report->out, "%s%s%s", paint(report, RED), input->reason, paint(report, PLAIN));
    else
        (void)fprintf(report->out, "%llu events in %llu threads, %llu lost",
                      (unsigned long long)sysfold_story_events(input->story),
                      (unsigned long long)sysfold_story_threads(input->story),
                      (unsigned long long)sysfold_story_lost(input->story));
    if (input->ended)
        (void)fprintf(report->out, ", %s", describe_status(input->status, end, sizeof(end)));
    (void)fputc('\n', report->out);
}

/* Which lines. */

static bool get_line(const struct sysfold_comparison *comparison, size_t index, struct sysfold_line *ret_line)
{
    *ret_line = (struct sysfold_line){.size = sizeof(*ret_line)};
    return sysfold_comparison_line(comparison, index, ret_line) == 0;
}

/* Up to CONTEXT lines of the same thread, before it or behind it. */
static void show_around(struct report *report, size_t index, size_t count, const char *thread, int step)
{
    struct sysfold_line line;
    size_t found = 0;

    for (size_t i = index + (size_t)step; i < count && found < CONTEXT; i += (size_t)step) {
        if (!get_line(report->pair->comparison, i, &line) || strcmp(line.thread, thread) != 0)
            continue;
        report->shown[i] = true;
        found++;
    }
}

/* Marks what is printed; how many differences are not, because there are too many. Context is no way around. */
static uint64_t choose_lines(struct report *report, size_t count)
{
    uint64_t limit = report->comparing->limit;
    uint64_t different = 0;
    size_t beyond = count; /* the first difference that is too many */
    struct sysfold_line line;

    for (size_t i = 0; i < count; i++) {
        if (!get_line(report->pair->comparison, i, &line))
            continue;
        if (!line_matters(&line)) {
            report->shown[i] |= report->comparing->all;
        } else if (different++ < limit) {
            report->shown[i] = true;
            show_around(report, i, count, line.thread, -1);
            show_around(report, i, count, line.thread, 1);
        } else if (beyond == count) {
            beyond = i;
        }
    }
    for (size_t i = beyond; i < count; i++) {
        if (get_line(report->pair->comparison, i, &line) && line_matters(&line))
            report->shown[i] = false;
    }
    return different > limit ? different - limit : 0;
}

/* How they look. */

static const struct {
    char mark;
    const char *color;
} looks[] = {
    [SYSFOLD_LINE_SAME] = {' ', DIM},         [SYSFOLD_LINE_DECLARED] = {'~', CYAN},
    [SYSFOLD_LINE_DIFFERENT] = {'*', YELLOW}, [SYSFOLD_LINE_MISSING] = {'-', RED},
    [SYSFOLD_LINE_EXTRA] = {'+', GREEN},      [SYSFOLD_LINE_LOST] = {'?', MAGENTA},
    [SYSFOLD_LINE_DISORDERED] = {'!', RED},
};

/* As many whole characters as fit; how many, and their bytes. */
static size_t measure(const char *text, size_t most, size_t *ret_bytes)
{
    size_t characters = 0;
    size_t bytes = 0;

    while (text[bytes] && characters < most) {
        bytes++;
        while ((text[bytes] & 0xc0) == 0x80)
            bytes++;
        characters++;
    }
    *ret_bytes = bytes;
    return characters;
}

static void put_text(FILE *out, const char *text)
{
    size_t bytes;

    measure(text, TEXT_MOST, &bytes);
    (void)fprintf(out, "%.*s%s", (int)bytes, text, text[bytes] ? "..." : "");
}

/* Fills the column; what does not fit ends in "...". */
static void put_column(const struct report *report, const char *text)
{
    size_t bytes;
    size_t characters = measure(text, report->column, &bytes);

    if (text[bytes]) {
        measure(text, report->column - 3, &bytes);
        (void)fprintf(report->out, "%.*s...", (int)bytes, text);
    } else {
        (void)fprintf(report->out, "%s%*s", text, (int)(report->column - characters), "");
    }
}

/* One that stands alone is never cut: it is told nowhere else. */
static void put_side_by_side(const struct report *report, enum sysfold_line_kind kind, const char *left,
                             const char *right)
{
    (void)fprintf(report->out, "%s%c ", paint(report, looks[kind].color), looks[kind].mark);
    if (*left && !*right) {
        put_text(report->out, left);
    } else {
        size_t bytes;
        bool fits = measure(right, report->column, &bytes) <= report->column && !right[bytes];

        put_column(report, left);
        (void)fputs(" | ", report->out);
        if (fits || !*left)
            put_text(report->out, right);
        else
            put_column(report, right);
    }
    (void)fprintf(report->out, "%s\n", paint(report, PLAIN));
}

static void put_stacked(const struct report *report, enum sysfold_line_kind kind, const char *side, const char *text)
{
    (void)fprintf(report->out, "%s%c %s ", paint(report, looks[kind].color), looks[kind].mark, side);
    put_text(report->out, text);
    (void)fprintf(report->out, "%s\n", paint(report, PLAIN));
}

static void put_above(const struct report *report, enum sysfold_line_kind kind, const char *left, const char *right)
{
    bool equal = strcmp(left, right) == 0;

    if (*left)
        put_stacked(report, kind, equal ? " " : "<", left);
    if (*right && !equal)
        put_stacked(report, kind, ">", right);
}

static void show_difference(const struct report *report, const struct sysfold_difference *difference)
{
    char name[NAME_SIZE];

    (void)fprintf(report->out, "%s      %s: %s: ", paint(report, difference->reason ? CYAN : YELLOW), difference->param,
                  name_of(report->pair->reference, name));
    put_text(report->out, difference->reference);
    (void)fprintf(report->out, ", %s: ", name_of(report->pair->other, name));
    put_text(report->out, difference->other);
    if (difference->reason)
        (void)fprintf(report->out, " (%s)", difference->reason);
    (void)fprintf(report->out, "%s\n", paint(report, PLAIN));
}

static void show_differences(const struct report *report, const struct sysfold_line *line)
{
    for (size_t i = 0; i < line->difference_count; i++) {
        struct sysfold_difference difference = {.size = sizeof(difference)};

        if (sysfold_comparison_difference(report->pair->comparison, line->first_difference + i, &difference) == 0 &&
            (!difference.reason || report->comparing->all))
            show_difference(report, &difference);
    }
}

static void show_line(struct report *report, size_t index)
{
    const struct sysfold_comparison *comparison = report->pair->comparison;
    cleanup_free char *left = line_text(comparison, index, false);
    cleanup_free char *right = line_text(comparison, index, true);
    struct sysfold_line line;

    if (!left || !right || !get_line(comparison, index, &line))
        return;
    if (!report->thread || strcmp(report->thread, line.thread) != 0)
        (void)fprintf(report->out, "%sthread %s%s\n", paint(report, BOLD), line.thread, paint(report, PLAIN));
    else if (index != report->last + 1)
        (void)fputs("  ...\n", report->out);
    report->thread = line.thread;
    report->last = index;
    (report->column ? put_side_by_side : put_above)(report, line.kind, left, right);
    show_differences(report, &line);
}

static void show_names(const struct report *report)
{
    const char *bold = paint(report, BOLD);
    const char *plain = paint(report, PLAIN);
    char left[NAME_SIZE];
    char right[NAME_SIZE];

    name_of(report->pair->reference, left);
    name_of(report->pair->other, right);
    if (report->column) {
        (void)fprintf(report->out, "%s  ", bold);
        put_column(report, left);
        (void)fprintf(report->out, " | %s%s\n", right, plain);
    } else {
        (void)fprintf(report->out, "%s  < %s\n  > %s%s\n", bold, left, right, plain);
    }
}

static void show_lines(struct report *report)
{
    size_t count = sysfold_comparison_line_count(report->pair->comparison);
    uint64_t left_out;

    report->shown = calloc(count ? count : 1, sizeof(*report->shown));
    if (!report->shown) {
        (void)fputs("(no memory to show what differs)\n", report->out);
        return;
    }
    left_out = choose_lines(report, count);
    for (size_t i = 0; i < count; i++) {
        if (!report->shown[i])
            continue;
        if (!report->thread)
            show_names(report);
        show_line(report, i);
    }
    if (left_out)
        (void)fprintf(report->out, "... and %llu more differences (--limit)\n", (unsigned long long)left_out);
    free(report->shown);
}

/* What comes behind them. */

static void show_declared(const struct report *report, bool other)
{
    const struct input *input = other ? report->pair->other : report->pair->reference;
    struct sysfold_declared declared = {.size = sizeof(declared)};
    uint64_t uses;

    for (size_t i = 0; input->backend && sysfold_declared(input->backend, i, &declared) == 0; i++) {
        if (sysfold_comparison_declared_uses(report->pair->comparison, other, i, &uses) < 0 || !uses)
            continue;
        (void)fprintf(report->out, "  %6llu  %s: %s.%s %s: %s\n", (unsigned long long)uses, input->backend,
                      declared.row, declared.param, declared_kind_phrase(declared.kind), declared.reason);
    }
}

static void show_summary(const struct report *report)
{
    struct sysfold_comparison_counts counts = {.size = sizeof(counts)};
    char left[NAME_SIZE];
    char right[NAME_SIZE];

    if (sysfold_comparison_counts(report->pair->comparison, &counts) < 0)
        return;
    for (enum sysfold_line_kind kind = SYSFOLD_LINE_SAME; kind <= SYSFOLD_LINE_DISORDERED; kind++) {
        if (kind <= SYSFOLD_LINE_DECLARED || counts.lines[kind])
            (void)fprintf(report->out, "%s%llu %s", kind ? ", " : "", (unsigned long long)counts.lines[kind],
                          line_kind_name(kind));
    }
    (void)fprintf(report->out, "; events lost: %s %llu, %s %llu\n", name_of(report->pair->reference, left),
                  (unsigned long long)counts.reference_lost, name_of(report->pair->other, right),
                  (unsigned long long)counts.other_lost);
    if (counts.lines[SYSFOLD_LINE_DECLARED])
        (void)fputs("declared differences:\n", report->out);
    show_declared(report, false);
    show_declared(report, true);
}

static void show_verdict(const struct report *report)
{
    const struct pair *pair = report->pair;
    struct sysfold_comparison_counts counts = {.size = sizeof(counts)};
    const char *color = pair->verdict == SYSFOLD_SAME ? GREEN : pair->verdict == SYSFOLD_DIFFERENT ? RED : YELLOW;
    char left[NAME_SIZE];
    char right[NAME_SIZE];
    char why[200] = "";

    if (pair->comparison && pair->verdict == SYSFOLD_DIFFERENT && !pair->reason[0] &&
        sysfold_comparison_counts(pair->comparison, &counts) == 0)
        describe_counts(&counts, why, sizeof(why));
    (void)fprintf(report->out, "%s%s and %s: %s%s%s%s\n", paint(report, color), name_of(pair->reference, left),
                  name_of(pair->other, right),
                  pair->verdict == SYSFOLD_INCOMPARABLE ? "cannot be judged" : verdict_name(pair->verdict),
                  pair->reason[0] || why[0] ? ": " : "", pair->reason[0] ? pair->reason : why, paint(report, PLAIN));
}

static void show_pair(struct report *report)
{
    (void)fputc('\n', report->out);
    if (report->pair->comparison && report->pair->verdict != SYSFOLD_INCOMPARABLE) {
        show_lines(report);
        show_summary(report);
    }
    show_verdict(report);
}

void report_text(const struct comparing *comparing, FILE *out, bool color, unsigned width)
{
    struct report report = {.out = out, .comparing = comparing, .color = color};

    if (width >= 2 * COLUMN_LEAST + 5)
        report.column = (width - 5) / 2;
    for (size_t i = 0; i < comparing->input_count; i++)
        show_input(&report, &comparing->inputs[i]);
    for (size_t i = 0; i < comparing->pair_count; i++) {
        report.pair = &comparing->pairs[i];
        report.thread = NULL;
        show_pair(&report);
    }
}

void report_stories(const struct comparing *comparing, FILE *out)
{
    char name[NAME_SIZE];

    for (size_t i = 0; i < comparing->input_count; i++) {
        const struct input *input = &comparing->inputs[i];
        cleanup_free char *text = NULL;

        if (input->state != INPUT_READY || sysfold_story_to_text(input->story, &text, NULL) < 0)
            continue;
        if (comparing->input_count > 1)
            (void)fprintf(out, "%s# %s\n", i ? "\n" : "", name_of(input, name));
        (void)fputs(text, out);
    }
}
