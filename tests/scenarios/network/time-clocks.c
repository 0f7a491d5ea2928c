// SPDX-License-Identifier: Apache-2.0
/* Asking for the time, in all ways. */

#include <sys/time.h>
#include <sys/times.h>
#include <time.h>

#include "kit/kit.h"

SCENARIO
{
    static const int clocks[] = {CLOCK_REALTIME,          CLOCK_MONOTONIC,     CLOCK_PROCESS_CPUTIME_ID,
                                 CLOCK_THREAD_CPUTIME_ID, CLOCK_MONOTONIC_RAW, CLOCK_REALTIME_COARSE,
                                 CLOCK_MONOTONIC_COARSE,  CLOCK_BOOTTIME};
    static struct timespec now;
    static struct timeval tv;
    static struct timezone zone;
    static struct tms used;
    static time_t seconds;

    for (int i = 0; i < 8; i++) {
        OK(clock_gettime, clocks[i], &now);
        OK(clock_getres, clocks[i], &now);
    }
    OK(clock_gettime, -6, &now); /* a clock of processor time: of one's own process */
    OK(clock_getres, -2, &now);  /* and of one's own thread */
    OK(clock_getres, CLOCK_REALTIME, NULL);
    OK(gettimeofday, &tv, NULL);
    OK(gettimeofday, NULL, &zone);
    OK(gettimeofday, &tv, &zone);
    OK(gettimeofday, NULL, NULL);
    OK(time, NULL);
    if (OK(time, &seconds) != seconds)
        kit_fail("the time is not the time");
    OK(times, &used);
    OK(times, NULL);
    FAILS(EINVAL, clock_gettime, 99, &now);
    FAILS(EINVAL, clock_gettime, -1, &now);
    FAILS(EFAULT, clock_gettime, CLOCK_REALTIME, BAD);
    FAILS(EFAULT, clock_gettime, CLOCK_REALTIME, kit_at_edge(12));
    FAILS(EINVAL, clock_getres, 99, &now);
    FAILS(EFAULT, clock_getres, CLOCK_MONOTONIC, BAD);
    FAILS(EFAULT, gettimeofday, BAD, NULL);
    FAILS(EFAULT, gettimeofday, NULL, BAD);
    FAILS(EFAULT, time, BAD);
    FAILS(EFAULT, times, BAD);
}
