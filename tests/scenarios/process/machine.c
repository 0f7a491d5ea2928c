// SPDX-License-Identifier: Apache-2.0
/* What one asks of a machine, and what a process has of it: masks, personalities, numbers at random. */

#include <sys/personality.h>
#include <sys/random.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include "kit/kit.h"

static void masks(void *data)
{
    (void)data;
    OK(umask, 077);
    OK(umask, 0);
    OK(umask, 07777);
    OK(umask, 022);
    EXIT_GROUP(0);
}

static void random_numbers(void)
{
    uint8_t bytes[64];

    OK(getrandom, bytes, sizeof(bytes), 0);
    OK(getrandom, bytes, 0, GRND_NONBLOCK);
    OK(getrandom, kit_at_edge(4), 4, 0);
    FAILS(EINVAL, getrandom, bytes, sizeof(bytes), 0x100);
    FAILS(EFAULT, getrandom, BAD, 16, 0);
}

SCENARIO
{
    struct utsname name;
    struct sysinfo info;
    unsigned cpu, node;

    OK(uname, &name);
    FAILS(EFAULT, uname, BAD);
    OK(sysinfo, &info);
    FAILS(EFAULT, sysinfo, BAD);
    OK(getcpu, &cpu, &node, NULL);
    OK(getcpu, NULL, NULL, NULL);
    OK(getcpu, kit_at_edge(4), NULL, NULL);
    FAILS(EFAULT, getcpu, BAD, NULL, NULL);
    OK(personality, 0xffffffff);
    OK(sched_yield);
    random_numbers();
    kit_reap(kit_fork(masks, NULL));
}
