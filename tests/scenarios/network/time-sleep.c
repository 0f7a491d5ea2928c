// SPDX-License-Identifier: Apache-2.0
/* Sleeps: of nothing, of a moment, until a time that is past, and of times that are none. */

#include <time.h>

#include "kit/kit.h"

SCENARIO
{
    static const struct timespec none = {0}, moment = {.tv_nsec = 1000000}, too_many = {.tv_nsec = 1000000000},
                                 negative = {.tv_sec = -1}, past = {.tv_sec = 1};
    static struct timespec left = {7, 7}, until;

    OK(nanosleep, &none, NULL);
    OK(nanosleep, &moment, &left);
    OK(nanosleep, &moment, BAD); /* not needed */
    if (left.tv_sec != 7)
        kit_fail("what is left was written");
    OK(clock_nanosleep, CLOCK_REALTIME, 0, &none, NULL);
    OK(clock_nanosleep, CLOCK_MONOTONIC, 0, &moment, &left);
    OK(clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &past, NULL);
    OK(clock_nanosleep, CLOCK_REALTIME, TIMER_ABSTIME, &past, &left);
    OK(clock_nanosleep, CLOCK_BOOTTIME, TIMER_ABSTIME, &past, NULL);
    OK(clock_gettime, CLOCK_MONOTONIC, &until);
    until.tv_sec += (until.tv_nsec + 2000000) / 1000000000;
    until.tv_nsec = (until.tv_nsec + 2000000) % 1000000000;
    OK(clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
    FAILS(EINVAL, nanosleep, &too_many, NULL);
    FAILS(EINVAL, nanosleep, &negative, NULL);
    FAILS(EFAULT, nanosleep, BAD, NULL);
    FAILS(EFAULT, nanosleep, NULL, NULL);
    FAILS(EFAULT, nanosleep, kit_at_edge(8), NULL);
    FAILS(EINVAL, clock_nanosleep, 99, 0, &none, NULL);
    FAILS(EOPNOTSUPP, clock_nanosleep, CLOCK_THREAD_CPUTIME_ID, 0, &none, NULL);
    FAILS(EINVAL, clock_nanosleep, CLOCK_MONOTONIC, 0, &too_many, NULL);
    FAILS(EFAULT, clock_nanosleep, CLOCK_MONOTONIC, 0, BAD, NULL);
}
