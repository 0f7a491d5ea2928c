// SPDX-License-Identifier: Apache-2.0
/* What the markers leave of a story, and what of it came too early. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "story.h"

enum marker marker_of(const struct record *record)
{
    int64_t kind;

    if (!record_is(record, "prctl") || record_number(record, "option", 0) != MARKER_OPTION)
        return MARKER_NONE;
    if (!(record->flags & SYSFOLD_EVENT_FAILED) && record_number(record, "res", -1) >= 0)
        return MARKER_NONE; /* where no result is told, it is taken to have failed as it must */
    kind = record_number(record, "arg2", 0);
    if (kind == MARKER_PAUSE_KIND)
        return MARKER_END;
    return kind == MARKER_BEGIN || kind == MARKER_END ? (enum marker)kind : MARKER_NONE;
}

/* One thread's way through its events. */
struct progress {
    uint32_t last;     /* its latest event */
    uint32_t boundary; /* a begin marker cuts what is behind this one; NONE: everything */
    bool outside;      /* behind an end marker */
    bool told;         /* it has done something else than to be launched */
};

struct cutting {
    struct sysfold_story *story;
    struct progress *threads;
    uint32_t *before; /* of each event, its thread's event before it */
    uint32_t *maker;  /* of each thread, the call that made it; NONE */
};

static void cut_back(struct cutting *cutting, uint32_t from, uint32_t boundary)
{
    for (uint32_t i = from; i != NONE && i != boundary; i = cutting->before[i])
        cutting->story->events[i].flags |= TOLD_CUT;
}

static void pass_marker(struct cutting *cutting, enum marker marker, uint32_t at)
{
    struct sysfold_story *story = cutting->story;
    struct told *told = &story->events[at];
    struct progress *thread = &cutting->threads[told->thread];

    story->has_markers = true;
    thread->told = true;
    told->flags |= TOLD_CUT;
    if (marker == MARKER_BEGIN)
        cut_back(cutting, thread->last, thread->boundary);
    thread->boundary = at;
    thread->outside = marker == MARKER_END;
    if (told->thread)
        return; /* the first thread's say whether the story is whole */
    if (!story->first_marker)
        story->first_marker = (uint8_t)marker;
    story->last_marker = (uint8_t)marker;
}

static bool is_exec(const struct record *record)
{
    return !(record->flags & SYSFOLD_EVENT_FAILED) &&
           (record_is(record, "exec") || record_is(record, "execve") || record_is(record, "execveat"));
}

/* How the first process was launched is no part of what it did. */
static void pass_exec(struct cutting *cutting, uint32_t at)
{
    uint32_t index = cutting->story->events[at].thread;
    struct progress *thread = &cutting->threads[index];

    if (thread->told || cutting->story->threads[index].born != NONE)
        thread->boundary = at;
    else if (!index)
        cutting->story->events[at].flags |= TOLD_LAUNCH;
}

static void pass_birth(struct cutting *cutting, uint32_t at)
{
    uint32_t child = cutting->story->events[at].thread, parent = cutting->story->threads[child].parent;

    cutting->threads[child].boundary = at;
    if (parent != NONE && cutting->maker[child] == NONE)
        cutting->maker[child] = cutting->threads[parent].last;
}

static void pass_event(struct cutting *cutting, uint32_t at)
{
    struct sysfold_story *story = cutting->story;
    struct told *told = &story->events[at];
    struct progress *thread = &cutting->threads[told->thread];
    uint64_t id = story->threads[told->thread].id;
    struct record record;
    enum marker marker;

    story_record(story, told, &record);
    marker = marker_of(&record);
    if (marker)
        pass_marker(cutting, marker, at);
    else if (is_exec(&record))
        pass_exec(cutting, at);
    else
        thread->told = true;
    if (record_is(&record, "thread_start"))
        pass_birth(cutting, at);
    if (record_makes_thread(&record) && record_number(&record, "res", 0) > 0) {
        uint32_t child =
            story_resolve_child(story, thread_id((uint32_t)(id >> 32), (uint32_t)record_number(&record, "res", 0)), at);

        if (child != NONE && story->threads[child].parent == told->thread)
            cutting->maker[child] = at;
    }
    if (thread->outside)
        told->flags |= TOLD_CUT;
    cutting->before[at] = thread->last;
    thread->last = at;
}

/* A child that was born where its parent's doings are cut belongs to what was cut. */
static void choose_threads(struct cutting *cutting)
{
    struct sysfold_story *story = cutting->story;

    for (uint32_t i = 0; i < story->thread_count; i++) {
        uint32_t maker = cutting->maker[i];
        struct record record;

        story->threads[i].has_name = true;
        story->threads[i].made = maker;
        if (maker == NONE || !(story->events[maker].flags & TOLD_CUT))
            continue;
        story_record(story, &story->events[maker], &record);
        story->threads[i].has_name = marker_of(&record) == MARKER_BEGIN;
    }
}

/* The process whose end a call that waited has told; 0: none. */
static int64_t waited_for(const struct record *record)
{
    int64_t status, code;

    if (record->flags & SYSFOLD_EVENT_FAILED)
        return 0;
    if (record_is(record, "wait4")) {
        status = record_number(record, "status", 0x7f);
        return (status & 0x7f) == 0x7f ? 0 : record_number(record, "res", 0);
    }
    if (!record_is(record, "waitid"))
        return 0;
    code = record_number(record, "code", 0);
    return code >= 1 && code <= 3 ? record_number(record, "child", 0) : 0;
}

static void check_wait(struct sysfold_story *story, uint32_t at)
{
    struct told *told = &story->events[at];
    uint64_t id = story->threads[told->thread].id;
    struct record record;
    int64_t pid;
    uint32_t child;

    story_record(story, told, &record);
    pid = waited_for(&record);
    if (pid <= 0)
        return;
    child = story_resolve(story, thread_id((uint32_t)(id >> 32), (uint32_t)pid), at);
    if (child != NONE && story->threads[child].ended != NONE && story->threads[child].ended > at)
        told->flags |= TOLD_DISORDERED;
}

static void cut_all(struct cutting *cutting)
{
    struct sysfold_story *story = cutting->story;

    for (uint32_t i = 0; i < story->thread_count; i++) {
        cutting->threads[i] = (struct progress){.last = NONE, .boundary = NONE};
        cutting->maker[i] = NONE;
    }
    for (uint32_t i = 0; i < story->count; i++) {
        pass_event(cutting, i);
        check_wait(story, i);
    }
    choose_threads(cutting);
}

int story_cut(struct sysfold_story *story)
{
    cleanup_free struct progress *threads = calloc((size_t)story->thread_count + 1, sizeof(*threads));
    cleanup_free uint32_t *before = calloc((size_t)story->count + 1, sizeof(*before));
    cleanup_free uint32_t *maker = calloc((size_t)story->thread_count + 1, sizeof(*maker));
    struct cutting cutting = {story, threads, before, maker};

    if (!threads || !before || !maker)
        return -ENOMEM;
    cut_all(&cutting);
    return 0;
}
