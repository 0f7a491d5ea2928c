// SPDX-License-Identifier: Apache-2.0
/*
 * Interrupted calls. When a signal comes, one mechanism shows the call that
 * the kernel restarts twice, another once, and chance decides whether there is
 * anything to show at all. A call that was interrupted and is then made again
 * is told once, as it ended.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "canonical.h"
#include "common/cleanup.h"
#include "declared.h"
#include "story.h"

#define HANDLER_EVENTS_MAX 4096 /* how far behind an interruption we look for the call */

int64_t result_seen(int64_t result)
{
    switch (result) {
    case -512: /* ERESTARTSYS */
    case -513: /* ERESTARTNOINTR */
    case -514: /* ERESTARTNOHAND */
    case -516: /* ERESTART_RESTARTBLOCK */
        return -EINTR;
    default:
        return result;
    }
}

static bool is_interrupted(const struct record *record)
{
    return record->row && sysfold_row_is_syscall(record->row) && record->flags & SYSFOLD_EVENT_FAILED &&
           result_seen((int32_t)record_number(record, "res", 0)) == -EINTR;
}

static bool same_value(const struct sysfold_value *a, const struct sysfold_value *b)
{
    if (a->status != b->status || a->kind != b->kind)
        return false;
    if (a->status != SYSFOLD_PRESENT)
        return true;
    if (a->kind != SYSFOLD_KIND_BYTES)
        return a->u == b->u;
    return a->size == b->size && !memcmp(a->data, b->data, a->size);
}

/* Does the program pass the same? What the kernel fills in may differ. */
static bool is_same_call(const struct record *a, const struct record *b)
{
    if (a->row != b->row || !a->row)
        return false;
    for (unsigned i = 1; i < a->row->param_count; i++) {
        struct sysfold_value x, y;

        if (param_is_filled_in(a->row, &a->row->params[i]))
            continue;
        if (record_param(a, i, &x) < 0 || record_param(b, i, &y) < 0 || !same_value(&x, &y))
            return false;
    }
    return true;
}

/* The call as it was made, with the result that it had in the end. */
static int finish_call(struct sysfold_story *story, uint32_t interrupted, uint32_t restarted)
{
    struct told *from = &story->events[interrupted], *to = &story->events[restarted];
    struct record call, end;
    const struct sysfold_param *param;
    uint8_t *bytes;
    uint16_t type;
    int64_t result;

    story_record(story, from, &call);
    story_record(story, to, &end);
    param = &call.row->params[0];
    bytes = story_keep(story, call.bytes, call.size);
    if (!bytes)
        return -ENOMEM;
    result = record_number(&end, "res", 0);
    type = (uint16_t)((load_u16(bytes, false) & ~SYSFOLD_EVENT_FAILED) | (end.flags & SYSFOLD_EVENT_FAILED));
    memcpy(bytes, &type, sizeof(type));
    /* Little endian, as all stories are that get this far: the low bytes come first. */
    memcpy(bytes + (call.body - call.bytes) + param->place, &result, wire_size(param->type->wire));
    to->record = bytes;
    to->flags |= TOLD_RESTARTED;
    from->flags |= TOLD_MERGED;
    return 0;
}

/* The event behind the handlers that the interruption led to; NONE. */
static uint32_t behind_handlers(const struct sysfold_story *story, const uint32_t *next, uint32_t at)
{
    unsigned depth = 0;

    at = next[at];
    for (unsigned i = 0; at != NONE && i < HANDLER_EVENTS_MAX; i++, at = next[at]) {
        struct record record;

        story_record(story, &story->events[at], &record);
        if (story->events[at].flags & TOLD_SIGNAL) {
            depth += story->events[at].flags & TOLD_HANDLED ? 1 : 0;
        } else if (record_is(&record, "rt_sigreturn")) {
            if (!depth--)
                return NONE;
        } else if (!depth) {
            return at;
        }
    }
    return NONE;
}

static bool tells_signals(const struct sysfold_story *story)
{
    size_t count;
    const struct sysfold_declared *declared = declared_of(story->backend ? story->backend : "", &count);

    for (size_t i = 0; i < count; i++) {
        if (!strcmp(declared[i].row, "signal") && !strcmp(declared[i].param, "*"))
            return false;
    }
    return true;
}

/* The same where nobody tells of signals: the call itself, or what is behind the handlers' returns. */
static uint32_t behind_returns(const struct sysfold_story *story, const uint32_t *next, uint32_t at)
{
    struct record call, record;
    bool returned = false;

    story_record(story, &story->events[at], &call);
    at = next[at];
    for (unsigned i = 0; at != NONE && i < HANDLER_EVENTS_MAX; i++, at = next[at]) {
        bool returns;

        story_record(story, &story->events[at], &record);
        returns = record_is(&record, "rt_sigreturn");
        if ((returned && !returns) || (!i && (record_is(&record, "restart_syscall") || is_same_call(&call, &record))))
            return at;
        returned |= returns;
    }
    return NONE;
}

static int merge_one(struct sysfold_story *story, const uint32_t *next, uint32_t at)
{
    struct record record, later;
    uint32_t found;

    story_record(story, &story->events[at], &record);
    if (!is_interrupted(&record))
        return 0;
    found = tells_signals(story) ? behind_handlers(story, next, at) : behind_returns(story, next, at);
    if (found == NONE)
        return 0;
    story_record(story, &story->events[found], &later);
    if (record_is(&later, "restart_syscall") && !record_is(&record, "restart_syscall"))
        return finish_call(story, at, found);
    if (is_same_call(&record, &later))
        story->events[at].flags |= TOLD_MERGED;
    return 0;
}

/* Of a thread of which another's exec made an end nobody need tell: it has gone with its process at the latest. */
static bool has_ended(const struct sysfold_story *story, uint32_t thread)
{
    const struct teller *teller = &story->threads[thread];

    return teller->exits != NONE || teller->ended != NONE || story->threads[teller->leader].ended != NONE;
}

static bool sends_signal(const struct record *record)
{
    static const char *const senders[] = {
        "kill", "tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_send_signal",
    };

    for (size_t i = 0; i < sizeof(senders) / sizeof(senders[0]); i++) {
        if (record_is(record, senders[i]))
            return true;
    }
    return false;
}

/*
 * Whoever is killed in a call does not return from it. Some mechanisms show
 * the kernel's way out all the same: as an interruption, or as the success of
 * the call that killed its own thread.
 */
static int end_unreturned(struct sysfold_story *story, uint32_t at)
{
    struct told *told = &story->events[at];
    struct record record;
    uint8_t *bytes;

    story_record(story, told, &record);
    if (told->flags & TOLD_MERGED || !has_ended(story, told->thread) ||
        !(is_interrupted(&record) || sends_signal(&record)))
        return 0;
    bytes = story_keep(story, record.bytes, record.size);
    if (!bytes)
        return -ENOMEM;
    memcpy(bytes, &(uint16_t){load_u16(bytes, false) | SYSFOLD_EVENT_FAILED}, sizeof(uint16_t));
    memcpy(bytes + (record.body - record.bytes) + record.row->params[0].place, &(int64_t){RESULT_UNRETURNED},
           wire_size(record.row->params[0].type->wire));
    told->record = bytes;
    return 0;
}

/* What comes next is another thread's exec, which took over its number. */
static bool is_superseded(const struct sysfold_story *story, const uint32_t *next, uint32_t at)
{
    struct record record;

    if (next[at] == NONE)
        return false;
    story_record(story, &story->events[next[at]], &record);
    return record_is(&record, "exec") && record_number(&record, "old_tid", 0) != record_number(&record, "pid", 0);
}

/* For each event the next of its thread that is compared, for each thread its last call, compared or not. */
static void chain(const struct sysfold_story *story, uint32_t *next, uint32_t *following, uint32_t *last_call)
{
    for (uint32_t i = story->count; i-- > 0;) {
        const struct told *told = &story->events[i];

        if (last_call[told->thread] == NONE && !(told->flags & (TOLD_IGNORED | TOLD_SIGNAL | TOLD_END)))
            last_call[told->thread] = i;
        if (told->flags & (TOLD_CUT | TOLD_IGNORED))
            continue;
        next[i] = following[told->thread];
        following[told->thread] = i;
    }
}

int story_merge_restarts(struct sysfold_story *story)
{
    size_t room = ((size_t)story->thread_count + 1) * sizeof(uint32_t);
    cleanup_free uint32_t *next = calloc((size_t)story->count + 1, sizeof(*next));
    cleanup_free uint32_t *following = malloc(room), *last_call = malloc(room);
    int r = 0;

    if (!next || !following || !last_call)
        return -ENOMEM;
    if (story->swapped)
        return 0;
    memset(following, 0xff, room);
    memset(last_call, 0xff, room);
    chain(story, next, following, last_call);
    for (uint32_t i = 0; i < story->count && !r; i++) {
        const struct told *told = &story->events[i];

        if (told->flags & (TOLD_CUT | TOLD_IGNORED | TOLD_SIGNAL))
            continue;
        r = merge_one(story, next, i);
        if (!r && (last_call[told->thread] == i || is_superseded(story, next, i)))
            r = end_unreturned(story, i);
    }
    return r;
}
