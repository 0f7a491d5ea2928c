// SPDX-License-Identifier: Apache-2.0
/* Further groups: anybody's, and those that the powerful choose. */

#include <grp.h>

#include "powerless.h"

static bool is_powerful;

static void find_out(void)
{
    static gid_t groups[NGROUPS_MAX];
    int count = getgroups(NGROUPS_MAX, groups);

    is_powerful = count >= 0 && setgroups((size_t)count, groups) == 0;
}
BEFORE(find_out)

static void choose(void *data)
{
    static const gid_t many[64] = {5, 4, 3, 2, 1, 64, 63, 62, 61, 60};
    gid_t groups[64] = {0};

    (void)data;
    if (is_powerful) {
        OK(setgroups, 3, ((gid_t[]){7, 8, 9}));
        OK(getgroups, 0, NULL);
        FAILS(EINVAL, getgroups, 1, groups);
        OK(getgroups, 64, groups);
        OK(setgroups, 64, many);
        OK(getgroups, 64, kit_at_edge(sizeof(groups)));
        FAILS(EFAULT, getgroups, 64, BAD);
        FAILS(EINVAL, setgroups, NGROUPS_MAX + 1, kit_at_edge(4096));
        FAILS(EINVAL, setgroups, -1, kit_at_edge(4));
        FAILS(EFAULT, setgroups, 4, kit_at_edge(8));
        OK(setgroups, 0, NULL);
        OK(getgroups, 64, groups);
    }
    become_powerless();
    FAILS(EPERM, setgroups, 0, NULL);
    FAILS(EPERM, setgroups, 2, groups);
    FAILS(EPERM, setgroups, 2, BAD);
    EXIT_GROUP(0);
}

SCENARIO
{
    gid_t groups[64] = {0};

    OK(getgroups, 0, NULL);
    FAILS(EINVAL, getgroups, -1, groups);
    in_a_child(choose);
}
