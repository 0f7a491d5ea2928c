// SPDX-License-Identifier: Apache-2.0
/* What `sysfold compare` says to CI servers: JUnit's XML, a testcase for each pair. */

#include "compare.h"

#include <string.h>

/* How many bytes the character at text has, and whether XML 1.0 allows it. What is not UTF-8 is a byte at a time. */
static size_t measure(const unsigned char *text, bool *ret_allowed)
{
    size_t length = text[0] < 0x80 ? 1 : text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : 2;

    *ret_allowed = text[0] < 0x80 ? text[0] >= 0x20 || text[0] == '\t' || text[0] == '\n' || text[0] == '\r' : false;
    if (length == 1 || text[0] < 0xc2 || text[0] > 0xf4 || (text[0] == 0xe0 && text[1] < 0xa0) ||
        (text[0] == 0xed && text[1] >= 0xa0) || (text[0] == 0xf0 && text[1] < 0x90) ||
        (text[0] == 0xf4 && text[1] >= 0x90))
        return 1;
    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 1;
    }
    *ret_allowed = text[0] != 0xef || text[1] != 0xbf || text[2] < 0xbe; /* but U+FFFE and U+FFFF */
    return length;
}

/* Escaped for text and attributes alike; what XML cannot hold is U+FFFD. */
static void put(FILE *out, const char *text)
{
    const unsigned char *at = (const unsigned char *)text;

    while (*at) {
        bool allowed;
        size_t length = measure(at, &allowed);

        if (!allowed)
            (void)fputs("\xef\xbf\xbd", out);
        else if (*at == '&' || *at == '<' || *at == '>' || *at == '"' || *at < 0x20)
            (void)fprintf(out, "&#%u;", *at);
        else
            (void)fwrite(at, length, 1, out);
        at += length;
    }
}

static void put_attribute(FILE *out, const char *name, const char *value)
{
    (void)fprintf(out, " %s=\"", name);
    put(out, value);
    (void)fputc('"', out);
}

static void put_line(const struct pair *pair, size_t index, const struct sysfold_line *line, FILE *out)
{
    cleanup_free char *left = line_text(pair->comparison, index, false);
    cleanup_free char *right = line_text(pair->comparison, index, true);

    put(out, line_kind_name(line->kind));
    (void)fputs(", thread ", out);
    put(out, line->thread);
    if (left && *left) {
        (void)fputs("\n  - ", out);
        put(out, left);
    }
    if (right && *right) {
        (void)fputs("\n  + ", out);
        put(out, right);
    }
    (void)fputc('\n', out);
}

static void put_lines(const struct comparing *comparing, const struct pair *pair, FILE *out)
{
    size_t count = pair->comparison ? sysfold_comparison_line_count(pair->comparison) : 0;
    uint64_t shown = 0;

    for (size_t i = 0; i < count; i++) {
        struct sysfold_line line = {.size = sizeof(line)};

        if (sysfold_comparison_line(pair->comparison, i, &line) == 0 && line_matters(&line) &&
            shown++ < comparing->limit)
            put_line(pair, i, &line, out);
    }
    if (shown > comparing->limit)
        (void)fprintf(out, "and %llu more\n", (unsigned long long)(shown - comparing->limit));
}

static void put_case(const char *suite, const char *name, double seconds, FILE *out)
{
    (void)fputs("    <testcase", out);
    put_attribute(out, "classname", suite);
    put_attribute(out, "name", name);
    (void)fprintf(out, " time=\"%.3f\">\n", seconds);
}

static void put_pair(const struct comparing *comparing, const struct pair *pair, const char *suite, FILE *out)
{
    struct sysfold_comparison_counts counts = {.size = sizeof(counts)};
    cleanup_free char *name = NULL;
    char why[200] = "";

    if (asprintf(&name, "%s and %s", pair->reference->name, pair->other->name) < 0)
        name = NULL;
    put_case(suite, name ? name : "", pair->reference->seconds + pair->other->seconds, out);
    if (pair->verdict != SYSFOLD_SAME) {
        const char *element = pair->verdict == SYSFOLD_DIFFERENT ? "failure" : "error";

        if (pair->comparison && sysfold_comparison_counts(pair->comparison, &counts) == 0)
            describe_counts(&counts, why, sizeof(why));
        (void)fprintf(out, "      <%s", element);
        put_attribute(out, "message", pair->reason[0] ? pair->reason : why);
        put_attribute(out, "type", verdict_name(pair->verdict));
        (void)fputc('>', out);
        put_lines(comparing, pair, out);
        (void)fprintf(out, "</%s>\n", element);
    }
    (void)fputs("    </testcase>\n", out);
}

static void put_skipped(const struct input *input, const char *suite, FILE *out)
{
    cleanup_free char *message = NULL;

    if (asprintf(&message, "%s%s%s", input->reason, input->remedy[0] ? "; remedy: " : "", input->remedy) < 0)
        message = NULL;
    put_case(suite, input->name, 0, out);
    (void)fputs("      <skipped", out);
    put_attribute(out, "message", message ? message : "");
    (void)fputs("/>\n    </testcase>\n", out);
}

static void put_suite(const struct comparing *comparing, const char *suite, FILE *out)
{
    size_t failures = 0;
    size_t errors = 0;
    size_t skipped = 0;
    double seconds = 0;

    for (size_t i = 0; i < comparing->pair_count; i++) {
        failures += comparing->pairs[i].verdict == SYSFOLD_DIFFERENT;
        errors += comparing->pairs[i].verdict == SYSFOLD_INCOMPARABLE;
    }
    for (size_t i = 0; i < comparing->input_count; i++) {
        skipped += comparing->inputs[i].state == INPUT_SKIPPED;
        seconds += comparing->inputs[i].seconds;
    }
    (void)fputs("  <testsuite", out);
    put_attribute(out, "name", suite);
    (void)fprintf(out, " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\" time=\"%.3f\">\n",
                  comparing->pair_count + skipped, failures, errors, skipped, seconds);
    for (size_t i = 0; i < comparing->input_count; i++) {
        if (comparing->inputs[i].state == INPUT_SKIPPED)
            put_skipped(&comparing->inputs[i], suite, out);
    }
    for (size_t i = 0; i < comparing->pair_count; i++)
        put_pair(comparing, &comparing->pairs[i], suite, out);
    (void)fputs("  </testsuite>\n", out);
}

/* The command, or the first capture: what CI servers group the results by. */
static char *suite_name(const struct comparing *comparing)
{
    char *const *words = comparing->argv ? comparing->argv : comparing->files;
    size_t count = comparing->argv ? SIZE_MAX : comparing->file_count;
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);

    if (!stream)
        return NULL;
    for (size_t i = 0; i < count && words[i]; i++)
        (void)fprintf(stream, "%s%s", i ? " " : "sysfold compare: ", words[i]);
    (void)fclose(stream);
    return text;
}

void report_junit(const struct comparing *comparing, FILE *out)
{
    cleanup_free char *suite = suite_name(comparing);

    (void)fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n", out);
    put_suite(comparing, suite && *suite ? suite : "sysfold compare", out);
    (void)fputs("</testsuites>\n", out);
}
