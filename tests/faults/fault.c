// SPDX-License-Identifier: Apache-2.0
/*
 * The backend "fault": takes the whole stream of another one, damages it as
 * $SYSFOLD_FAULT says ("KIND[,backend=NAME][,seed=N][,count=N]"), then hands it
 * on. $SYSFOLD_FAULT_VERBOSE: says on stderr what it did.
 */

#include "fault.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "backends/backend.h"
#include "common/cleanup.h"
#include "common/error.h"

extern const struct sysfold_backend backend_fault;

struct capture {
    const struct sysfold_backend *backend;
    struct capture *inner;
    const struct kind *kind;
    uint64_t random;
    uint64_t count;
    struct tape tape;
    bool told;
};

/* What is asked. */

static const struct sysfold_backend *find_backend(const char *name)
{
    for (size_t i = 0; sysfold_backends[i]; i++) {
        if (!strcmp(sysfold_backends[i]->name, name) && sysfold_backends[i] != &backend_fault)
            return sysfold_backends[i];
    }
    return NULL;
}

static const struct kind *find_kind(const char *name)
{
    for (const struct kind *kind = kinds; kind->name; kind++) {
        if (!strcmp(kind->name, name))
            return kind;
    }
    return NULL;
}

static bool take_word(struct capture *capture, const char *word)
{
    if (!strncmp(word, "backend=", 8))
        return (capture->backend = find_backend(word + 8));
    if (!strncmp(word, "seed=", 5))
        return capture->random = strtoull(word + 5, NULL, 10), true;
    if (!strncmp(word, "count=", 6))
        return (capture->count = strtoull(word + 6, NULL, 10));
    return (capture->kind = find_kind(word));
}

static int parse(struct capture *capture, struct sysfold_error *error)
{
    const char *wish = getenv("SYSFOLD_FAULT");
    cleanup_free char *words = strdup(wish ? wish : "none");
    char *rest = words;
    char *word;

    if (!words)
        return error_system(error, -ENOMEM, "fault: cannot start");
    while ((word = strsep(&rest, ","))) {
        if (!take_word(capture, word))
            return error_set(error, -EINVAL, "fault: '%s' in SYSFOLD_FAULT is not understood", word);
    }
    return 0;
}

/* Damage. */

/* splitmix64 */
static uint64_t draw(struct capture *capture)
{
    uint64_t z = capture->random += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

/* Candidate number `wanted`; how many there are up to it. */
static size_t find_candidate(const struct tape *tape, const struct kind *kind, size_t wanted, size_t *ret_at,
                             unsigned *ret_param)
{
    size_t found = 0;

    for (size_t at = 0; at < tape->count; at++) {
        const struct sysfold_row *row = tape->items[at].record.row;
        unsigned params = !row ? 0 : kind->each_param ? row->param_count : 1;

        for (unsigned param = 0; param < params; param++) {
            if (!kind->fits(tape, at, param))
                continue;
            *ret_at = at;
            *ret_param = param;
            if (found++ == wanted)
                return found;
        }
    }
    return found;
}

static void tell(const struct capture *capture, size_t at, unsigned param)
{
    const struct record *record = &capture->tape.items[at].record;

    if (getenv("SYSFOLD_FAULT_VERBOSE"))
        (void)fprintf(stderr, "fault: %s: %s %s of %u\n", capture->kind->name, record->row->name,
                      capture->kind->each_param ? record->row->params[param].name : "-", record->tid);
}

static int strike(struct capture *capture, struct sysfold_error *error)
{
    struct tape *tape = &capture->tape;
    size_t at = 0;
    unsigned param = 0;
    size_t candidates = find_candidate(tape, capture->kind, SIZE_MAX, &at, &param);
    int r;

    if (!candidates)
        return error_set(error, -ENODATA, "fault: nothing that '%s' could strike", capture->kind->name);
    find_candidate(tape, capture->kind, draw(capture) % candidates, &at, &param);
    tell(capture, at, param);
    r = capture->kind->strike(tape, at, param);
    if (at < tape->count)
        tape->items[at].struck = true;
    return r < 0 ? error_system(error, r, "fault: cannot strike") : 0;
}

static int damage(struct capture *capture, struct sysfold_error *error)
{
    int r = 0;

    tape_mark(&capture->tape);
    for (uint64_t i = 0; r == 0 && i < capture->count; i++)
        r = strike(capture, error);
    return r < 0 ? r : tape_flatten(&capture->tape);
}

/* The backend. */

static void fault_probe(struct sysfold_backend_info *info)
{
    struct capture capture = {.backend = sysfold_backends[0]};

    if (parse(&capture, NULL) == 0 && capture.backend) {
        capture.backend->probe(info);
    } else {
        info->usability = SYSFOLD_UNSUPPORTED;
        (void)snprintf(info->reason, sizeof(info->reason), "SYSFOLD_FAULT is not understood");
    }
}

static int fault_open(const struct capture_options *options, struct capture **ret_capture, struct sysfold_error *error)
{
    struct capture *capture = calloc(1, sizeof(*capture));
    int r;

    if (!capture)
        return error_system(error, -ENOMEM, "fault: cannot start");
    *capture = (struct capture){.backend = sysfold_backends[0], .kind = kinds, .count = 1};
    r = parse(capture, error);
    if (r == 0)
        r = capture->backend->open(options, &capture->inner, error);
    if (r < 0)
        free(capture);
    else
        *ret_capture = capture;
    return r;
}

static int fault_start(struct capture *capture, struct sysfold_error *error)
{
    return capture->backend->start(capture->inner, error);
}

static int take_in(struct tape *tape, const struct batch *batch)
{
    int r = tape_append(tape, batch->records, batch->size);

    for (size_t i = 0; r == 0 && i < batch->count; i++)
        r = tape_insert(tape, tape->count, batch->each[i]);
    return r;
}

/* Where to strike is drawn among all there is, hence everything is taken in before anything is handed on. */
static int fault_next_batch(struct capture *capture, int timeout_ms, struct batch *ret_batch,
                            struct sysfold_error *error)
{
    int r;

    if (capture->told)
        return 0;
    while ((r = capture->backend->next_batch(capture->inner, timeout_ms, ret_batch, error)) > 0) {
        r = take_in(&capture->tape, ret_batch);
        if (r < 0)
            return error_system(error, r, "fault: cannot keep the stream");
    }
    if (r == 0)
        r = damage(capture, error);
    if (r < 0)
        return r;
    capture->told = true;
    *ret_batch = (struct batch){.records = capture->tape.flat, .size = capture->tape.flat_size, .cpu = -1};
    return 1;
}

static void fault_stop(struct capture *capture)
{
    capture->backend->stop(capture->inner);
}

static int fault_exit_status(const struct capture *capture, int *ret_status)
{
    return capture->backend->exit_status(capture->inner, ret_status);
}

static void fault_stats(const struct capture *capture, struct capture_stats *ret_stats)
{
    capture->backend->stats(capture->inner, ret_stats);
}

static void fault_close(struct capture *capture)
{
    capture->backend->close(capture->inner);
    tape_free(&capture->tape);
    free(capture);
}

const struct sysfold_backend backend_fault = {
    .name = "fault",
    .summary = "another backend's stream, damaged (for tests)",
    .targets = TARGET_COMMAND,
    .probe = fault_probe,
    .open = fault_open,
    .start = fault_start,
    .next_batch = fault_next_batch,
    .stop = fault_stop,
    .exit_status = fault_exit_status,
    .stats = fault_stats,
    .close = fault_close,
};
