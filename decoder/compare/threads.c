// SPDX-License-Identifier: Apache-2.0
/* Threads by their place in the tree of births. Ids are used again: each birth makes another thread. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "story.h"

#define CLONE_CLEAR_SIGHAND_FLAG UINT64_C(0x100000000)
#define NAME_LENGTH_MAX 200

bool record_is(const struct record *record, const char *row)
{
    return record->row && !strcmp(record->row->name, row);
}

int64_t record_number(const struct record *record, const char *name, int64_t otherwise)
{
    int index = record->row ? sysfold_row_param_index(record->row, name) : -1;

    return index < 0 ? otherwise : record_integer(record, (unsigned)index, otherwise);
}

bool record_makes_thread(const struct record *record)
{
    return record_is(record, "clone") || record_is(record, "fork") || record_is(record, "vfork") ||
           record_is(record, "clone3");
}

/* The latest thread of each id: a hash, at most half full. */

static uint32_t *find_latest(const struct sysfold_story *story, uint64_t id)
{
    uint32_t mask = story->latest_room - 1;
    uint32_t at = (uint32_t)story_hash(&id, sizeof(id), 0) & mask;

    while (story->latest[at] != NONE && story->threads[story->latest[at]].id != id)
        at = (at + 1) & mask;
    return &story->latest[at];
}

static int grow_latest(struct sysfold_story *story)
{
    uint32_t *old = story->latest, old_room = story->latest_room;

    if (old_room / 2 > story->thread_count)
        return 0;
    story->latest_room = old_room ? old_room * 2 : 64;
    story->latest = malloc(story->latest_room * sizeof(*story->latest));
    if (!story->latest) {
        story->latest = old;
        story->latest_room = old_room;
        return -ENOMEM;
    }
    memset(story->latest, 0xff, story->latest_room * sizeof(*story->latest));
    for (uint32_t i = 0; i < old_room; i++) {
        if (old[i] != NONE)
            *find_latest(story, story->threads[old[i]].id) = old[i];
    }
    free(old);
    return 0;
}

static uint32_t latest(const struct sysfold_story *story, uint64_t id)
{
    return story->latest_room ? *find_latest(story, id) : NONE;
}

static int make_thread(struct sysfold_story *story, uint64_t id, uint32_t at, uint32_t *ret_thread)
{
    uint32_t index = story->thread_count;

    if (grow_latest(story) < 0 || story_grow(&story->threads, index, &story->thread_room, sizeof(*story->threads)) < 0)
        return -ENOMEM;
    story->threads[index] = (struct teller){.id = id,
                                            .parent = NONE,
                                            .leader = index,
                                            .born = NONE,
                                            .made = NONE,
                                            .seen = at,
                                            .ended = NONE,
                                            .exits = NONE};
    story->thread_count++;
    *find_latest(story, id) = index;
    *ret_thread = index;
    return 0;
}

int story_thread(struct sysfold_story *story, uint64_t id, uint32_t at, uint32_t *ret_thread)
{
    uint32_t found = latest(story, id);

    if (found == NONE)
        return make_thread(story, id, at, ret_thread);
    *ret_thread = found;
    return 0;
}

static bool has_told(const struct sysfold_story *story, uint32_t thread)
{
    uint32_t first = story->threads[thread].seen;

    return first < story->count && story->events[first].thread == thread;
}

/* A thread that was there before anybody said so has come before its birth; one that has ended is another. */
static int find_newborn(struct sysfold_story *story, uint64_t id, uint32_t at, uint32_t *ret_thread)
{
    uint32_t found = latest(story, id);
    const struct teller *thread = found == NONE ? NULL : &story->threads[found];

    if (!thread || thread->born != NONE || thread->ended != NONE || thread->exits != NONE)
        return make_thread(story, id, at, ret_thread);
    if (has_told(story, found))
        story->events[thread->seen].flags |= TOLD_DISORDERED;
    *ret_thread = found;
    return 0;
}

int story_snapshot(struct sysfold_story *story, uint64_t id, const struct record *record, uint32_t at)
{
    uint32_t pid = (uint32_t)record_number(record, "pid", 0), thread, leader;
    int r = story_thread(story, id, at, &thread);

    leader = pid && !r ? latest(story, thread_id((uint32_t)(id >> 32), pid)) : NONE;
    if (leader != NONE && story->threads[thread].born == NONE)
        story->threads[thread].leader = leader;
    return r;
}

/* The thread that made it, which may have done nothing else that was recorded. */
static int find_parent(struct sysfold_story *story, uint32_t source, const struct record *record, uint32_t at,
                       uint32_t *ret_parent)
{
    uint32_t parent_tid = (uint32_t)record_number(record, "parent_tid", 0);

    if (parent_tid)
        return story_thread(story, thread_id(source, parent_tid), at, ret_parent);
    *ret_parent = latest(story, thread_id(source, (uint32_t)record_number(record, "ppid", 0)));
    return 0;
}

int story_birth(struct sysfold_story *story, uint64_t id, const struct record *record, uint32_t at)
{
    uint32_t source = (uint32_t)(id >> 32);
    uint64_t flags = (uint64_t)record_number(record, "flags", 0);
    uint32_t pid = (uint32_t)record_number(record, "pid", 0);
    uint32_t leader = pid ? latest(story, thread_id(source, pid)) : NONE, parent, newborn;
    struct teller *thread;
    int r = find_parent(story, source, record, at, &parent);

    if (r < 0)
        return r;
    if (!pid && flags & CLONE_THREAD_FLAG && parent != NONE)
        leader = story->threads[parent].leader;
    r = find_newborn(story, id, at, &newborn);
    if (r < 0)
        return r;
    thread = &story->threads[newborn];
    thread->born = at;
    thread->parent = parent < newborn ? parent : NONE; /* nobody is their own ancestor */
    thread->leader = (pid && pid != (uint32_t)id) || (!pid && flags & CLONE_THREAD_FLAG) ? leader : newborn;
    if (thread->leader == NONE)
        thread->leader = newborn;
    if (thread->parent != NONE && thread->leader == newborn) {
        const struct teller *maker = &story->threads[story->threads[thread->parent].leader];

        thread->ignored = maker->ignored;
        thread->handled = flags & CLONE_CLEAR_SIGHAND_FLAG ? 0 : maker->handled;
    }
    return 0;
}

/* Whose id it was. */

static int compare_ids(const void *a, const void *b, void *data)
{
    const struct sysfold_story *story = data;
    const struct teller *x = &story->threads[*(const uint32_t *)a], *y = &story->threads[*(const uint32_t *)b];

    if (x->id != y->id)
        return x->id < y->id ? -1 : 1;
    return x->seen < y->seen ? -1 : x->seen > y->seen;
}

int story_sort_threads(struct sysfold_story *story)
{
    story->by_id = calloc((size_t)story->thread_count + 1, sizeof(*story->by_id));
    if (!story->by_id)
        return -ENOMEM;
    for (uint32_t i = 0; i < story->thread_count; i++)
        story->by_id[i] = i;
    qsort_r(story->by_id, story->thread_count, sizeof(*story->by_id), compare_ids, story);
    return 0;
}

/* The first place of the id in by_id[]. */
static uint32_t first_of(const struct sysfold_story *story, uint64_t id)
{
    uint32_t low = 0, high = story->thread_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (story->threads[story->by_id[middle]].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint32_t story_resolve(const struct sysfold_story *story, uint64_t id, uint32_t at)
{
    uint32_t found = NONE;

    for (uint32_t i = first_of(story, id); i < story->thread_count; i++) {
        const struct teller *thread = &story->threads[story->by_id[i]];

        if (thread->id != id || (found != NONE && thread->seen > at))
            break;
        found = story->by_id[i];
    }
    return found;
}

uint32_t story_resolve_child(const struct sysfold_story *story, uint64_t id, uint32_t at)
{
    uint32_t found = NONE, least = NONE, parent = story->events[at].thread;

    for (uint32_t i = first_of(story, id); i < story->thread_count; i++) {
        const struct teller *thread = &story->threads[story->by_id[i]];
        uint32_t distance = thread->seen > at ? thread->seen - at : at - thread->seen;

        if (thread->id != id)
            break;
        if (thread->parent == parent && distance < least) {
            found = story->by_id[i];
            least = distance;
        }
    }
    return found == NONE ? story_resolve(story, id, at) : found;
}

/* Names. */

struct sibling {
    uint32_t made;
    uint32_t thread;
};

static int compare_siblings(const void *a, const void *b)
{
    const struct sibling *x = a, *y = b;

    if (x->made != y->made)
        return x->made < y->made ? -1 : 1;
    return x->thread < y->thread ? -1 : x->thread > y->thread;
}

/*
 * Sets numbers[i], of each thread among its siblings: in the order of the calls
 * that made them, since children may be told of in any. Nobody's children are
 * counted, too.
 */
static int number_threads(const struct sysfold_story *story, uint32_t *numbers)
{
    cleanup_free struct sibling *siblings = calloc((size_t)story->thread_count + 1, sizeof(*siblings));
    cleanup_free uint32_t *children = calloc((size_t)story->thread_count + 1, sizeof(*children));

    if (!siblings || !children)
        return -ENOMEM;
    for (uint32_t i = 0; i < story->thread_count; i++) {
        const struct teller *thread = &story->threads[i];

        siblings[i] = (struct sibling){thread->made == NONE ? thread->seen : thread->made, i};
    }
    qsort(siblings, story->thread_count, sizeof(*siblings), compare_siblings);
    for (uint32_t i = 0; i < story->thread_count; i++) {
        const struct teller *thread = &story->threads[siblings[i].thread];

        if (thread->has_name)
            numbers[siblings[i].thread] = ++children[thread->parent == NONE ? story->thread_count : thread->parent];
    }
    return 0;
}

static int name_thread(struct sysfold_story *story, struct teller *thread, uint32_t number)
{
    char name[NAME_LENGTH_MAX + 64];
    const char *parent = thread->parent == NONE ? "" : story->threads[thread->parent].name;

    /* A chain of a thousand generations is told by its beginning and its end. */
    if (strlen(parent) > NAME_LENGTH_MAX)
        (void)snprintf(name, sizeof(name), "%.*s..%s.%u", NAME_LENGTH_MAX / 4, parent,
                       parent + strlen(parent) - NAME_LENGTH_MAX / 4, number);
    else
        (void)snprintf(name, sizeof(name), "%s%s%u", parent, *parent ? "." : "", number);
    thread->name = story_keep_text(story, name);
    story->named++;
    return thread->name ? 0 : -ENOMEM;
}

int story_name_threads(struct sysfold_story *story)
{
    cleanup_free uint32_t *numbers = calloc((size_t)story->thread_count + 1, sizeof(*numbers));
    int r = numbers ? number_threads(story, numbers) : -ENOMEM;

    for (uint32_t i = 0; i < story->thread_count && !r; i++) {
        struct teller *thread = &story->threads[i];

        if (thread->has_name && (thread->parent == NONE || story->threads[thread->parent].name))
            r = name_thread(story, thread, numbers[i]);
    }
    return r;
}

static int compare_names(const void *a, const void *b, void *data)
{
    const struct sysfold_story *story = data;
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    int order = strverscmp(story->threads[x].name, story->threads[y].name);

    return order ? order : x < y ? -1 : x > y;
}

int story_sort_names(struct sysfold_story *story)
{
    uint32_t count = 0;

    story->by_name = calloc((size_t)story->named + 1, sizeof(*story->by_name));
    if (!story->by_name)
        return -ENOMEM;
    for (uint32_t i = 0; i < story->thread_count; i++) {
        if (story->threads[i].name)
            story->by_name[count++] = i;
    }
    qsort_r(story->by_name, count, sizeof(*story->by_name), compare_names, story);
    return 0;
}
