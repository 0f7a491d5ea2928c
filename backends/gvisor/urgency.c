// SPDX-License-Identifier: Apache-2.0
#include "backends/gvisor/urgency.h"

#include <sched.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define EAGER_PRIORITY (-15)
#define INTERVAL_NS UINT64_C(100000000)
/* Shares of its time, in percent, from which on and up to which a thread is ordinary and urgent. */
#define MUCH 50
#define LITTLE 25

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static bool be_first(void)
{
    static const struct sched_param first = {.sched_priority = 1};

    return sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &first) == 0;
}

static void be_ordinary(void)
{
    static const struct sched_param none = {0};

    (void)sched_setscheduler(0, SCHED_OTHER, &none);
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), EAGER_PRIORITY);
}

void urgency_begin(struct urgency *urgency)
{
    bool is_allowed = be_first();

    if (!is_allowed)
        be_ordinary();
    *urgency = (struct urgency){.is_allowed = is_allowed,
                                .is_urgent = is_allowed,
                                .looked_at = clock_ns(CLOCK_MONOTONIC),
                                .spent = clock_ns(CLOCK_THREAD_CPUTIME_ID)};
}

void urgency_mind(struct urgency *urgency)
{
    uint64_t now = urgency->is_allowed ? clock_ns(CLOCK_MONOTONIC) : 0, spent, share;

    if (now - urgency->looked_at < INTERVAL_NS || !urgency->is_allowed)
        return;
    spent = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    share = (spent - urgency->spent) * 100 / (now - urgency->looked_at);
    urgency->looked_at = now;
    urgency->spent = spent;
    if (urgency->is_urgent && share > MUCH)
        be_ordinary();
    else if (!urgency->is_urgent && share < LITTLE)
        (void)be_first();
    else
        return;
    urgency->is_urgent = !urgency->is_urgent;
}
