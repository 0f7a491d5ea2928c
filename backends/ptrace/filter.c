// SPDX-License-Identifier: Apache-2.0
/* The seccomp filter: stop at the chosen system calls, let the others run at full speed. */

#include "backends/filter.h"

#include <errno.h>
#include <linux/sched.h>

#include "backends/ptrace/session.h"
#include "common/error.h"

/*
 * A child made with CLONE_UNTRACED would have our filter but no tracer, and
 * its chosen calls would fail: those clones are stopped at, whatever is
 * chosen, to take that bit away. clone3 keeps its flags in memory, where no
 * filter can look.
 */
static int add_untraced_clones(scmp_filter_ctx context, uint32_t action)
{
    int r = seccomp_rule_add(context, action, SCMP_SYS(clone), 1,
                             SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_UNTRACED, CLONE_UNTRACED));

    if (r == 0 || r == -EEXIST)
        r = seccomp_rule_add(context, action, SCMP_SYS(clone3), 0);
    return r == -EEXIST ? 0 : r;
}

/* Whoever looks at affinities must see them as they were: placement.h. */
static int add_affinity_calls(scmp_filter_ctx context, uint32_t action)
{
    int r = seccomp_rule_add(context, action, SCMP_SYS(sched_getaffinity), 0);

    if (r == 0 || r == -EEXIST)
        r = seccomp_rule_add(context, action, SCMP_SYS(sched_setaffinity), 0);
    return r == -EEXIST ? 0 : r;
}

static int add_more(scmp_filter_ctx context, const struct filter_plan *plan)
{
    int r = plan->calls->everything ? 0 : add_untraced_clones(context, plan->action);

    return r == 0 && !plan->calls->everything ? add_affinity_calls(context, plan->action) : r;
}

int filter_build(const struct callset *calls, struct sock_fprog *ret_filter, struct sysfold_error *error)
{
    struct filter_plan plan = {.action = SCMP_ACT_TRACE(FILTER_MARK), .calls = calls, .add_more = add_more};
    int r = filter_make(&plan, ret_filter);

    return r < 0 ? error_system(error, r, "ptrace: cannot build the seccomp filter") : 0;
}
