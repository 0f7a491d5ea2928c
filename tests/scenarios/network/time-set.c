// SPDX-License-Identifier: Apache-2.0
/* Setting the time, in ways that nobody can: not even root's clock changes. */

#include <sys/time.h>
#include <sys/timex.h>
#include <time.h>

#include "kit/kit.h"

SCENARIO
{
    static const struct timespec too_many = {.tv_sec = 1, .tv_nsec = 1000000000}, negative = {.tv_sec = -1};
    static const struct timeval too_many_us = {.tv_sec = 1, .tv_usec = 1000001};
    static const struct timezone far = {.tz_minuteswest = 15 * 60 + 1};
    static struct timex nothing;

    FAILS(EINVAL, clock_settime, CLOCK_MONOTONIC, &too_many); /* which is never set */
    FAILS(EINVAL, clock_settime, 99, &too_many);
    FAILS(EINVAL, clock_settime, CLOCK_REALTIME, &too_many);
    FAILS(EINVAL, clock_settime, CLOCK_REALTIME, &negative);
    FAILS(EFAULT, clock_settime, CLOCK_REALTIME, BAD);
    FAILS(EFAULT, clock_settime, CLOCK_REALTIME, NULL);
    FAILS(EFAULT, clock_settime, CLOCK_REALTIME, kit_at_edge(8));
    FAILS(EINVAL, settimeofday, &too_many_us, NULL);
    FAILS(EFAULT, settimeofday, BAD, NULL);
    FAILS(EFAULT, settimeofday, NULL, BAD);
    TRY(settimeofday, NULL, &far); /* EINVAL to root, EPERM to others */
    FAILS(EFAULT, adjtimex, BAD);
    FAILS(EFAULT, adjtimex, NULL);
    FAILS(EFAULT, clock_adjtime, CLOCK_REALTIME, BAD);
    FAILS(EINVAL, clock_adjtime, 99, &nothing);
    FAILS(EOPNOTSUPP, clock_adjtime, CLOCK_MONOTONIC, &nothing);
}
