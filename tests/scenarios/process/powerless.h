/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_SCENARIO_POWERLESS_H
#define SYSFOLD_SCENARIO_POWERLESS_H

/* Whoever gives away all capabilities is refused alike as root and as anybody else. */

#include <linux/capability.h>
#include <unistd.h>

#include "kit/kit.h"

#define NO_SUCH_PID 0x7ffffff0 /* beyond what any kernel gives out */

static inline void become_powerless(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct nothing[2] = {0};

    OK(capset, &header, nothing);
}

/* For BEFORE: the error that a kernel, or a sandbox, has for the powerless who make this call (which must be one that
 * cannot succeed): not permitted, or not there at all. */
static inline int refusal_of(long nr, long a, long b, long c, long d)
{
    int status;
    pid_t child = fork();

    if (!child) {
        struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
        struct __user_cap_data_struct nothing[2] = {0};

        if (syscall(SYS_capset, &header, nothing) < 0)
            _exit(0);
        _exit(syscall(nr, a, b, c, d) < 0 ? errno : 0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status) || !WEXITSTATUS(status))
        kit_skip("nothing is refused here");
    return WEXITSTATUS(status);
}

/* Forks, and waits for a child that ends with 0. */
static inline void in_a_child(kit_function *run)
{
    if (kit_reap(kit_fork(run, NULL)) != 0)
        kit_fail("a child ended otherwise");
}

#endif
