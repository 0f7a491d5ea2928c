// SPDX-License-Identifier: Apache-2.0
/* Setting the time, in ways that nobody can: not even root's clock changes. Sandboxes forbid it without a look. */

#include <sys/time.h>
#include <sys/timex.h>
#include <time.h>

#include "kit/kit.h"

static void refused(int error, long result)
{
    if (result != -error && result != -EPERM)
        kit_fail("a clock was set, or not refused as expected");
}

SCENARIO
{
    static const struct timespec too_many = {.tv_sec = 1, .tv_nsec = 1000000000}, negative = {.tv_sec = -1};
    static const struct timeval too_many_us = {.tv_sec = 1, .tv_usec = 1000001};
    static const struct timezone far = {.tz_minuteswest = 15 * 60 + 1};
    static struct timex nothing;

    refused(EINVAL, TRY(clock_settime, CLOCK_MONOTONIC, &too_many)); /* which is never set */
    refused(EINVAL, TRY(clock_settime, 99, &too_many));
    refused(EINVAL, TRY(clock_settime, CLOCK_REALTIME, &too_many));
    refused(EINVAL, TRY(clock_settime, CLOCK_REALTIME, &negative));
    refused(EFAULT, TRY(clock_settime, CLOCK_REALTIME, BAD));
    refused(EFAULT, TRY(clock_settime, CLOCK_REALTIME, NULL));
    refused(EFAULT, TRY(clock_settime, CLOCK_REALTIME, kit_at_edge(8)));
    refused(EINVAL, TRY(settimeofday, &too_many_us, NULL));
    refused(EFAULT, TRY(settimeofday, BAD, NULL));
    refused(EFAULT, TRY(settimeofday, NULL, BAD));
    refused(EINVAL, TRY(settimeofday, NULL, &far));
    refused(EFAULT, TRY(adjtimex, BAD));
    refused(EFAULT, TRY(adjtimex, NULL));
    refused(EFAULT, TRY(clock_adjtime, CLOCK_REALTIME, BAD));
    refused(EINVAL, TRY(clock_adjtime, 99, &nothing));
    refused(EOPNOTSUPP, TRY(clock_adjtime, CLOCK_MONOTONIC, &nothing));
}
