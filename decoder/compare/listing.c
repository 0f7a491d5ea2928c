// SPDX-License-Identifier: Apache-2.0
/* The descriptors that were open at a marker, from the state or in the truth's own words. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "story.h"

#include "decoder/state/internal.h"

#define NUMBERS_MAX 1024 /* descriptors that are looked at: what a process may have unless it asks for more */

static int add_fd(struct sysfold_story *story, struct listing *listing, size_t *room, const struct listed_fd *fd,
                  const char *kind, const char *name)
{
    struct listed_fd added = *fd;

    if (story_grow(&listing->fds, listing->count, room, sizeof(*listing->fds)) < 0)
        return -ENOMEM;
    added.kind = story_keep_text(story, kind);
    added.name = name ? story_keep_text(story, name) : NULL;
    if (!added.kind || (name && !added.name))
        return -ENOMEM;
    listing->fds[listing->count++] = added;
    return 0;
}

static bool is_inherited(const struct sysfold_story *story, int number, const char *name)
{
    for (size_t i = 0; i < story->inherited_count; i++) {
        const struct listed_fd *fd = &story->inherited[i];

        if (fd->number == number && fd->name && name && !strcmp(fd->name, name))
            return true;
    }
    return false;
}

/* The thread's own table: it need not share its process's. */
static int list_thread(struct sysfold_story *story, const struct sysfold_thread *of, struct listing *listing)
{
    size_t room = 0;

    for (int number = 0; number < NUMBERS_MAX; number++) {
        const struct sysfold_fd *fd = fds_find(of->files, number);
        const char *name = fd ? sysfold_fd_name(fd) : NULL, *kind = fd ? sysfold_fd_type(fd) : NULL;
        struct listed_fd listed = {.number = number, .inherited = is_inherited(story, number, name)};

        if (fd && add_fd(story, listing, &room, &listed, kind ? kind : "", name) < 0)
            return -ENOMEM;
    }
    return 0;
}

int story_list_fds(struct sysfold_story *story, const struct sysfold_event *event, uint32_t thread, uint32_t at)
{
    const struct sysfold_thread *of = sysfold_event_thread(event);
    struct listing listing = {
        .event = at, .thread = thread, .is_unsure = story->has_foreign_calls, .has_untold = story->has_untold_fds};

    if (story_grow(&story->listings, story->listing_count, &story->listing_room, sizeof(*story->listings)) < 0)
        return -ENOMEM;
    if (of && list_thread(story, of, &listing) < 0) {
        free(listing.fds);
        return -ENOMEM;
    }
    story->listings[story->listing_count++] = listing;
    return 0;
}

/* One "3=file" of the text; false: it is not such a thing. */
static bool read_fd(const char *word, struct listed_fd *ret_fd, const char **ret_kind)
{
    char *end;
    long number = strtol(word, &end, 10);

    if (end == word || *end != '=' || number < 0 || number > INT32_MAX)
        return false;
    *ret_fd = (struct listed_fd){.number = (int32_t)number};
    *ret_kind = end + 1;
    return true;
}

static int read_fds(struct sysfold_story *story, struct listing *listing, char *text)
{
    size_t room = 0;
    char *rest;

    for (char *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        struct listed_fd fd;
        const char *kind;

        if (read_fd(word, &fd, &kind) && add_fd(story, listing, &room, &fd, kind, NULL) < 0)
            return -ENOMEM;
    }
    return 0;
}

static struct listing *latest_of(const struct sysfold_story *story, uint32_t thread)
{
    for (size_t i = story->listing_count; i-- > 0;) {
        if (story->listings[i].thread == thread)
            return &story->listings[i];
    }
    return NULL;
}

int story_take_fds(struct sysfold_story *story, const uint8_t *text, size_t size, uint32_t thread)
{
    struct listing *listing = latest_of(story, thread);
    char *copy;
    int r;

    if (size < 3 || memcmp(text, "fds", 3) || !listing)
        return 0;
    copy = strndup((const char *)text + 3, size - 3);
    if (!copy)
        return -ENOMEM;
    free(listing->fds);
    listing->fds = NULL;
    listing->count = 0;
    listing->from_truth = true;
    r = read_fds(story, listing, copy);
    free(copy);
    return r;
}

int story_inherit_fd(struct sysfold_story *story, const struct record *record)
{
    struct listed_fd fd = {.number = (int32_t)record_number(record, "fd", -1)};
    int index = sysfold_row_param_index(record->row, "file");
    struct sysfold_value value;

    if (index < 0 || record_param(record, (unsigned)index, &value) < 0 || value.status != SYSFOLD_PRESENT ||
        value.kind != SYSFOLD_KIND_BYTES)
        return 0;
    if (story_grow(&story->inherited, story->inherited_count, &story->inherited_room, sizeof(fd)) < 0)
        return -ENOMEM;
    fd.name = story_keep(story, NULL, value.size + 1);
    if (!fd.name)
        return -ENOMEM;
    memcpy(fd.name, value.data, value.size);
    fd.name[value.size] = '\0';
    story->inherited[story->inherited_count++] = fd;
    return 0;
}

void story_free_listings(struct sysfold_story *story)
{
    for (size_t i = 0; i < story->listing_count; i++)
        free(story->listings[i].fds);
    free(story->listings);
    free(story->inherited);
}
