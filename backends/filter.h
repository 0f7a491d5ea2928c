/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_BACKENDS_FILTER_H
#define SYSFOLD_BACKENDS_FILTER_H

/* seccomp programs that do something at chosen system calls, of all three ABIs, and let the others run at full
 * speed. */

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>

#include "common/callset.h"

/* What Debian 12's headers do not have yet. */
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV /* Linux 5.19 */
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

struct filter_plan {
    uint32_t action; /* SCMP_ACT_TRACE(...), SCMP_ACT_NOTIFY */
    const struct callset *calls;
    const uint64_t *spared; /* native calls that run freely although `calls` is everything; NULL: none */
    /* More rules for each ABI's filter, by the host's names; a rule that is there already is no error. What no rule
     * names is let pass, or where `calls` is everything has the action. NULL: none. 0 or a negative errno. */
    int (*add_more)(scmp_filter_ctx context, const struct filter_plan *plan);
    const void *data; /* add_more's own */
};

/* The instructions are malloc'd. A negative errno. */
int filter_make(const struct filter_plan *plan, struct sock_fprog *ret_filter);

/*
 * Loads it into the calling thread: async-signal-safe. `flags` are seccomp(2)'s;
 * SPEC_ALLOW is always tried, and that and WAIT_KILLABLE_RECV are done without
 * where the kernel does not know them. Whoever may not load a filter gets
 * no_new_privs. What seccomp(2) answered: 0, or the listener's descriptor with
 * NEW_LISTENER; or a negative errno.
 */
int filter_install(const struct sock_fprog *filter, unsigned flags);

#endif
