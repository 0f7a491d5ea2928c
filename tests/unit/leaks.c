// SPDX-License-Identifier: Apache-2.0
/* Criterion runs tests in children whose leaks nobody looks at: end each of
 * them with a check of its own, and abort, which does fail the run. */

#include <stdlib.h>

#include <criterion/criterion.h>
#include <criterion/hooks.h>

int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

ReportHook(POST_TEST)(struct criterion_test_stats *stats)
{
    (void)stats;
}

__attribute__((destructor)) static void check_leaks(void)
{
    if (__lsan_do_recoverable_leak_check && __lsan_do_recoverable_leak_check())
        abort();
}
