// SPDX-License-Identifier: Apache-2.0
#include "rename.h"

#include <errno.h>
#include <stdlib.h>

struct renamed {
    uint64_t value;
    uint64_t partner;
    uint32_t at;      /* the event that showed it last */
    uint32_t ordinal; /* 0: the place is free */
    uint8_t identity;
    bool has_partner;
};

static struct renamed *find(const struct renaming *renaming, unsigned side, enum identity identity, uint64_t value)
{
    size_t mask = renaming->rooms[side] - 1;
    size_t at = (size_t)story_hash(&value, sizeof(value), identity) & mask;
    struct renamed *entries = renaming->maps[side];

    while (entries[at].ordinal && (entries[at].value != value || entries[at].identity != identity))
        at = (at + 1) & mask;
    return &entries[at];
}

static const struct renamed *known(const struct renaming *renaming, unsigned side, enum identity identity,
                                   uint64_t value)
{
    const struct renamed *found = renaming->rooms[side] ? find(renaming, side, identity, value) : NULL;

    return found && found->ordinal ? found : NULL;
}

static int grow(struct renaming *renaming, unsigned side)
{
    size_t old_room = renaming->rooms[side], room = old_room ? old_room * 2 : 64;
    struct renamed *old = renaming->maps[side], *fresh;

    if (renaming->counts[side] < old_room / 2)
        return 0;
    fresh = calloc(room, sizeof(*fresh));
    if (!fresh)
        return -ENOMEM;
    renaming->maps[side] = fresh;
    renaming->rooms[side] = room;
    for (size_t i = 0; i < old_room; i++) {
        if (old[i].ordinal)
            *find(renaming, side, old[i].identity, old[i].value) = old[i];
    }
    free(old);
    return 0;
}

static struct renamed *get(struct renaming *renaming, unsigned side, enum identity identity, uint64_t value)
{
    struct renamed *entry;

    if (grow(renaming, side) < 0)
        return NULL;
    entry = find(renaming, side, identity, value);
    if (!entry->ordinal) {
        *entry = (struct renamed){.value = value, .identity = (uint8_t)identity};
        entry->ordinal = ++renaming->ordinals[identity];
        renaming->counts[side]++;
    }
    return entry;
}

/* May the value have come to mean something else since it was last seen? */
static bool is_free_again(const struct renaming *renaming, unsigned side, const struct renamed *entry, uint32_t at)
{
    return entry->identity == IDENTITY_INODE && story_freed_between(renaming->stories[side], entry->at, at);
}

bool renaming_allows(const struct renaming *renaming, enum identity identity, const uint64_t values[2],
                     const uint32_t at[2])
{
    for (unsigned side = 0; side < 2; side++) {
        const struct renamed *entry = known(renaming, side, identity, values[side]);

        if (entry && entry->has_partner && entry->partner != values[!side] &&
            !is_free_again(renaming, side, entry, at[side]))
            return false;
    }
    return true;
}

int renaming_learn(struct renaming *renaming, enum identity identity, const uint64_t values[2], const uint32_t at[2])
{
    uint32_t ordinal = 0;

    for (unsigned side = 0; side < 2; side++) {
        struct renamed *entry = get(renaming, side, identity, values[side]);

        if (!entry)
            return -ENOMEM;
        entry->at = at[side];
        entry->partner = values[!side];
        entry->has_partner = true;
        if (side)
            entry->ordinal = ordinal;
        ordinal = entry->ordinal;
    }
    return 0;
}

uint32_t renaming_ordinal(struct renaming *renaming, unsigned side, enum identity identity, uint64_t value)
{
    const struct renamed *entry = get(renaming, side, identity, value);

    return entry ? entry->ordinal : 0;
}

uint32_t renaming_known_ordinal(const struct renaming *renaming, unsigned side, enum identity identity, uint64_t value)
{
    const struct renamed *entry = known(renaming, side, identity, value);

    return entry ? entry->ordinal : 0;
}

void renaming_finish(struct renaming *renaming)
{
    free(renaming->maps[0]);
    free(renaming->maps[1]);
}
