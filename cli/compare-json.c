// SPDX-License-Identifier: Apache-2.0
/* What `sysfold compare` says to programs: docs/json.md has the document. */

#include "compare.h"

#include <sys/wait.h>

#include "json.h"

static json_t *status_json(const struct input *input)
{
    char text[40];

    if (!input->ended)
        return json_null();
    if (WIFSIGNALED(input->status))
        return json_pack("{s:s, s:i, s:s}", "how", "killed", "signal", WTERMSIG(input->status), "text",
                         describe_status(input->status, text, sizeof(text)));
    return json_pack("{s:s, s:i, s:s}", "how", "exited", "code", WEXITSTATUS(input->status), "text",
                     describe_status(input->status, text, sizeof(text)));
}

static json_t *text_or_null(const char *text)
{
    return json_text(text && *text ? text : NULL);
}

static json_t *input_json(const struct input *input)
{
    static const char *const kinds[] = {"run", "file", "truth", "strace"};
    static const char *const states[] = {"failed", "ready", "skipped", "failed"};
    bool ready = input->state == INPUT_READY;

    return json_pack("{s:o, s:s, s:o, s:o, s:s, s:o, s:o, s:I, s:I, s:I, s:o, s:f}", "name", json_text(input->name),
                     "kind", kinds[input->kind], "backend", json_text(input->backend), "path", json_text(input->path),
                     "state", states[input->state], "reason", text_or_null(input->reason), "remedy",
                     text_or_null(input->remedy), "events",
                     ready ? (json_int_t)sysfold_story_events(input->story) : (json_int_t)0, "threads",
                     ready ? (json_int_t)sysfold_story_threads(input->story) : (json_int_t)0, "lost",
                     ready ? (json_int_t)sysfold_story_lost(input->story) : (json_int_t)0, "status", status_json(input),
                     "seconds", input->seconds);
}

static json_t *differences_json(const struct sysfold_comparison *comparison, const struct sysfold_line *line)
{
    json_t *list = json_array();

    for (size_t i = 0; i < line->difference_count; i++) {
        struct sysfold_difference difference = {.size = sizeof(difference)};

        if (sysfold_comparison_difference(comparison, line->first_difference + i, &difference) == 0)
            json_array_append_new(list, json_pack("{s:o, s:o, s:o, s:o}", "param", json_text(difference.param),
                                                  "reference", json_text(difference.reference), "other",
                                                  json_text(difference.other), "reason", json_text(difference.reason)));
    }
    return list;
}

static json_t *line_json(const struct sysfold_comparison *comparison, size_t index, const struct sysfold_line *line)
{
    cleanup_free char *reference = line_text(comparison, index, false);
    cleanup_free char *other = line_text(comparison, index, true);

    return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o}", "kind", line_kind_name(line->kind), "thread",
                     json_text(line->thread), "name", json_text(line->name), "reference", text_or_null(reference),
                     "other", text_or_null(other), "differences", differences_json(comparison, line));
}

static json_t *lines_json(const struct comparing *comparing, const struct sysfold_comparison *comparison)
{
    size_t count = comparison ? sysfold_comparison_line_count(comparison) : 0;
    json_t *list = json_array();
    uint64_t shown = 0;

    for (size_t i = 0; i < count; i++) {
        struct sysfold_line line = {.size = sizeof(line)};

        if (sysfold_comparison_line(comparison, i, &line) < 0 || (line.kind == SYSFOLD_LINE_SAME && !comparing->all) ||
            (comparing->limited && line_matters(&line) && shown++ >= comparing->limit))
            continue;
        json_array_append_new(list, line_json(comparison, i, &line));
    }
    return list;
}

/* Every declaration of that side, also those that were of no use. */
static void add_declared(json_t *list, const struct pair *pair, bool other)
{
    const struct input *input = other ? pair->other : pair->reference;
    struct sysfold_declared declared = {.size = sizeof(declared)};

    for (size_t i = 0; input->backend && sysfold_declared(input->backend, i, &declared) == 0; i++) {
        uint64_t uses = 0;

        if (pair->comparison)
            sysfold_comparison_declared_uses(pair->comparison, other, i, &uses);
        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I}", "side", other ? "other" : "reference",
                                        "backend", input->backend, "row", declared.row, "param", declared.param, "kind",
                                        declared_kind_name(declared.kind), "reason", declared.reason, "uses",
                                        (json_int_t)uses));
    }
}

static json_t *declared_json(const struct pair *pair)
{
    json_t *list = json_array();

    add_declared(list, pair, false);
    add_declared(list, pair, true);
    return list;
}

static json_t *counts_json(const struct sysfold_comparison *comparison)
{
    struct sysfold_comparison_counts counts = {.size = sizeof(counts)};
    json_t *object = json_object();

    if (comparison)
        sysfold_comparison_counts(comparison, &counts);
    for (enum sysfold_line_kind kind = SYSFOLD_LINE_SAME; kind <= SYSFOLD_LINE_DISORDERED; kind++)
        json_object_set_new(object, line_kind_name(kind), json_integer((json_int_t)counts.lines[kind]));
    json_object_set_new(object, "reference_lost", json_integer((json_int_t)counts.reference_lost));
    json_object_set_new(object, "other_lost", json_integer((json_int_t)counts.other_lost));
    return object;
}

static json_t *pair_json(const struct comparing *comparing, const struct pair *pair)
{
    return json_pack("{s:o, s:o, s:s, s:o, s:b, s:o, s:o, s:o}", "reference", json_text(pair->reference->name), "other",
                     json_text(pair->other->name), "verdict", verdict_name(pair->verdict), "reason",
                     text_or_null(pair->reason), "ends_differ", pair->ends_differ, "counts",
                     counts_json(pair->comparison), "lines", lines_json(comparing, pair->comparison), "declared",
                     declared_json(pair));
}

static json_t *command_json(const struct comparing *comparing)
{
    json_t *list = comparing->argv ? json_array() : json_null();

    for (size_t i = 0; comparing->argv && comparing->argv[i]; i++)
        json_array_append_new(list, json_text(comparing->argv[i]));
    return list;
}

bool report_json(const struct comparing *comparing, FILE *out)
{
    json_t *inputs = json_array();
    json_t *pairs = json_array();
    json_t *document;
    int r;

    for (size_t i = 0; i < comparing->input_count; i++)
        json_array_append_new(inputs, input_json(&comparing->inputs[i]));
    for (size_t i = 0; i < comparing->pair_count; i++)
        json_array_append_new(pairs, pair_json(comparing, &comparing->pairs[i]));
    document = json_pack("{s:s, s:o, s:o, s:o}", "verdict", verdict_name(comparing->verdict), "command",
                         command_json(comparing), "inputs", inputs, "pairs", pairs);
    r = document ? json_dumpf(document, out, JSON_INDENT(2)) : -1;
    json_decref(document);
    (void)fputc('\n', out);
    return r == 0 || ferror(out);
}
