// SPDX-License-Identifier: Apache-2.0
/* Which node's memory a thread prefers. */

#include <linux/mempolicy.h>

#include "kit/inside.h"

static void probe(void)
{
    const uint64_t policy[6] = {MPOL_DEFAULT};

    if (kit_raw(SYS_set_mempolicy, policy) == -ENOSYS)
        kit_skip("the kernel knows no nodes");
}

BEFORE(probe)

SCENARIO
{
    static const unsigned long first = 1;
    unsigned long *cut = kit_at_edge(sizeof(first));

    *cut = 1;
    OK(set_mempolicy, MPOL_DEFAULT, NULL, 0);
    OK(set_mempolicy, MPOL_PREFERRED | MPOL_F_STATIC_NODES, &first, 64);
    OK(set_mempolicy, MPOL_LOCAL, NULL, 0);
    FAILS(EINVAL, set_mempolicy, 77, NULL, 0);
    FAILS(EINVAL, set_mempolicy, MPOL_DEFAULT, &first, 64);
    FAILS(EFAULT, set_mempolicy, MPOL_BIND, BAD, 64);
    FAILS(EFAULT, set_mempolicy, MPOL_BIND, cut, 129);
}
