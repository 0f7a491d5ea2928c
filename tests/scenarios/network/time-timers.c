// SPDX-License-Identifier: Apache-2.0
/* Timers with and without a signal: armed, expired, disarmed, deleted, and those that never were. */

#include <time.h>

#include "network/signals.h"

static volatile int count;
static volatile int value;

static void note(int signo, siginfo_t *info)
{
    (void)signo;
    count++;
    value = info->si_value.sival_int;
}

static void silent(void)
{
    static const struct itimerspec soon = {.it_value.tv_nsec = 1000000}, late = {.it_value.tv_sec = 1000},
                                   often = {{.tv_sec = 20}, {.tv_sec = 10000}}, past = {.it_value.tv_sec = 1}, off;
    static struct sigevent silent = {.sigev_notify = SIGEV_NONE};
    static struct itimerspec now;
    static int timer;

    OK(timer_create, CLOCK_MONOTONIC, &silent, &timer);
    OK(timer_gettime, timer, &now);
    OK(timer_settime, timer, 0, &late, &now);
    OK(timer_gettime, timer, &now);
    OK(timer_settime, timer, 0, &often, &now);
    OK(timer_settime, timer, 0, &soon, NULL);
    kit_pause_ms(5);
    OK(timer_gettime, timer, &now);
    if (now.it_value.tv_sec || now.it_value.tv_nsec)
        kit_fail("the timer has not expired");
    OK(timer_settime, timer, TIMER_ABSTIME, &past, &now);
    OK(timer_getoverrun, timer);
    OK(timer_settime, timer, 0, &off, &now);
    OK(timer_delete, timer);
    FAILS(EINVAL, timer_delete, timer);
}

static void with_signal(void)
{
    static const struct itimerspec soon = {.it_value.tv_nsec = 1000000};
    static struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = REALTIME, .sigev_value.sival_int = 77};
    static uint64_t none;
    static int timer;

    kit_handle(REALTIME, 0, note);
    block(BIT(REALTIME));
    OK(timer_create, CLOCK_REALTIME, &event, &timer);
    OK(timer_settime, timer, 0, &soon, NULL);
    FAILS(EINTR, rt_sigsuspend, &none, 8);
    OK(timer_getoverrun, timer);
    if (count != 1 || value != 77)
        kit_fail("the timer's signal did not come");
    OK(timer_delete, timer);
}

static void to_the_thread(void)
{
    static const struct itimerspec past = {.it_value.tv_nsec = 1};
    static struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = REALTIME};
    static uint64_t none;
    static int timer;

    event._sigev_un._tid = (pid_t)kit_tid();
    event.sigev_value.sival_int = 78;
    OK(timer_create, CLOCK_BOOTTIME, &event, &timer);
    OK(timer_settime, timer, TIMER_ABSTIME, &past, NULL);
    FAILS(EINTR, rt_sigsuspend, &none, 8);
    if (value != 78)
        kit_fail("the other timer's signal did not come");
    OK(timer_delete, timer);
}

static void failures(void)
{
    static const struct itimerspec wrong = {.it_value.tv_nsec = 1000000000};
    static struct sigevent unknown = {.sigev_notify = 77};
    static struct itimerspec now;
    static int timer;

    FAILS(EINVAL, timer_create, 99, NULL, &timer);
    FAILS(EINVAL, timer_create, CLOCK_MONOTONIC, &unknown, &timer);
    FAILS(EFAULT, timer_create, CLOCK_MONOTONIC, BAD, &timer);
    FAILS(EFAULT, timer_create, CLOCK_MONOTONIC, NULL, BAD);
    FAILS(EINVAL, timer_settime, 12345, 0, &wrong, NULL);
    FAILS(EINVAL, timer_gettime, 12345, &now);
    FAILS(EINVAL, timer_getoverrun, 12345);
    FAILS(EINVAL, timer_delete, -1);
    OK(timer_create, CLOCK_MONOTONIC, NULL, &timer);
    FAILS(EINVAL, timer_settime, timer, 0, &wrong, &now);
    FAILS(EINVAL, timer_settime, timer, 0, NULL, &now);
    FAILS(EFAULT, timer_settime, timer, 0, BAD, NULL);
    FAILS(EFAULT, timer_gettime, timer, BAD);
    OK(timer_delete, timer);
}

SCENARIO
{
    silent();
    with_signal();
    to_the_thread();
    failures();
}
