// SPDX-License-Identifier: Apache-2.0
/* Which inputs are held against which, and the words for what comes of it. */

#include "compare.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>

const char *verdict_name(enum sysfold_verdict verdict)
{
    static const char *const names[] = {"same", "different", "incomparable"};

    return names[verdict];
}

const char *line_kind_name(enum sysfold_line_kind kind)
{
    static const char *const names[] = {"same", "declared", "different", "missing", "extra", "lost", "disordered"};

    return names[kind];
}

bool line_matters(const struct sysfold_line *line)
{
    return line->kind != SYSFOLD_LINE_SAME && line->kind != SYSFOLD_LINE_DECLARED;
}

const char *describe_status(int status, char *buffer, size_t size)
{
    if (WIFSIGNALED(status)) {
        const char *name = sigabbrev_np(WTERMSIG(status));

        (void)snprintf(buffer, size, "killed by %s%s", name ? "SIG" : "a signal", name ? name : "");
    } else {
        (void)snprintf(buffer, size, "exited with %d", WEXITSTATUS(status));
    }
    return buffer;
}

const char *describe_counts(const struct sysfold_comparison_counts *counts, char *buffer, size_t size)
{
    static const char *const words[] = {[SYSFOLD_LINE_DIFFERENT] = "different",
                                        [SYSFOLD_LINE_MISSING] = "missing",
                                        [SYSFOLD_LINE_EXTRA] = "extra",
                                        [SYSFOLD_LINE_DISORDERED] = "out of order"};
    size_t used = 0;

    buffer[0] = '\0';
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (words[i] && counts->lines[i] && used < size)
            used += (size_t)snprintf(buffer + used, size - used, "%s%llu %s", used ? ", " : "",
                                     (unsigned long long)counts->lines[i], words[i]);
    }
    return buffer;
}

char *line_text(const struct sysfold_comparison *comparison, size_t index, bool other)
{
    size_t size = sysfold_comparison_line_text(comparison, index, other, NULL, 0) + 1;
    char *text = malloc(size);

    if (text)
        sysfold_comparison_line_text(comparison, index, other, text, size);
    return text;
}

static struct pair *add_pair(struct comparing *comparing, const struct input *reference, const struct input *other)
{
    struct pair *larger = reallocarray(comparing->pairs, comparing->pair_count + 1, sizeof(*larger));

    if (!larger) {
        complain("compare: %s", strerror(ENOMEM));
        return NULL;
    }
    comparing->pairs = larger;
    larger[comparing->pair_count] = (struct pair){.reference = reference, .other = other};
    return &larger[comparing->pair_count++];
}

static bool explain_failure(struct pair *pair)
{
    const struct input *failed = pair->reference->state == INPUT_FAILED ? pair->reference : pair->other;

    /* Where a run failed, its truth was not written down: the run is the reason. */
    if (pair->other->state == INPUT_FAILED && pair->other->kind == INPUT_RUN)
        failed = pair->other;
    if (failed->state != INPUT_FAILED)
        return false;
    if (failed->kind == INPUT_TRUTH && pair->other->ended && pair->other->status) {
        char end[40];

        (void)snprintf(pair->reason, sizeof(pair->reason), "%s: %s (the command %s)", failed->name, failed->reason,
                       describe_status(pair->other->status, end, sizeof(end)));
    } else {
        (void)snprintf(pair->reason, sizeof(pair->reason), "%s: %s", failed->name, failed->reason);
    }
    return true;
}

/* strace makes no core file of its own. */
static bool end_alike(int status, int other)
{
    return WIFSIGNALED(status) ? WIFSIGNALED(other) && WTERMSIG(status) == WTERMSIG(other) : status == other;
}

static void compare_ends(struct pair *pair)
{
    const struct input *reference = pair->reference, *other = pair->other;
    char left[40];
    char right[40];

    if (!reference->ended || !other->ended || end_alike(reference->status, other->status))
        return;
    pair->ends_differ = true;
    if (pair->verdict != SYSFOLD_SAME)
        return;
    pair->verdict = SYSFOLD_DIFFERENT;
    (void)snprintf(pair->reason, sizeof(pair->reason), "the command ended differently: %s under %s, %s under %s",
                   describe_status(reference->status, left, sizeof(left)), reference->name,
                   describe_status(other->status, right, sizeof(right)), other->name);
}

static void compare_pair(const struct comparing *comparing, struct pair *pair)
{
    const struct sysfold_compare_options options = {.size = sizeof(options), .ignore = comparing->ignore};
    struct sysfold_error error = {.message = "they cannot be compared"};

    pair->verdict = SYSFOLD_INCOMPARABLE;
    if (explain_failure(pair))
        return;
    if (sysfold_compare(pair->reference->story, pair->other->story, &options, &pair->comparison, &error) < 0) {
        (void)snprintf(pair->reason, sizeof(pair->reason), "%s", error.message);
        return;
    }
    pair->verdict = sysfold_comparison_verdict(pair->comparison);
    (void)snprintf(pair->reason, sizeof(pair->reason), "%s", sysfold_comparison_reason(pair->comparison));
    compare_ends(pair);
}

static bool is_compared(const struct comparing *comparing, const struct input *input)
{
    bool own_truth = comparing->argv && input->kind == INPUT_TRUTH;

    return input->state != INPUT_SKIPPED && !own_truth;
}

/* The reference is the truth of each run, else the first of all. */
bool pairs_compare(struct comparing *comparing)
{
    bool own_truths = comparing->argv && comparing->truth;
    const struct input *first = NULL;

    for (size_t i = 0; i < comparing->input_count; i++) {
        const struct input *input = &comparing->inputs[i];
        struct pair *pair;

        if (!is_compared(comparing, input))
            continue;
        if (!first && !own_truths) {
            first = input;
            continue;
        }
        pair = add_pair(comparing, own_truths ? input - 1 : first, input);
        if (!pair)
            return false;
        compare_pair(comparing, pair);
        if (pair->verdict > comparing->verdict)
            comparing->verdict = pair->verdict;
    }
    return true;
}

void pairs_free(struct comparing *comparing)
{
    for (size_t i = 0; i < comparing->pair_count; i++)
        sysfold_comparison_free(comparing->pairs[i].comparison);
    free(comparing->pairs);
}
