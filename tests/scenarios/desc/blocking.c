// SPDX-License-Identifier: Apache-2.0
/* splice, tee and fcntl's locks that sleep: until a signal comes, or what they wait for. */

#include "kit/kit.h"

static int pair[2], other[2];
static long file;
static struct flock lock = {.l_type = F_WRLCK}, free_lock = {.l_type = F_UNLCK};
static char back[100];

struct sleeper {
    long tid;
    long nr;
};

static void interrupt(void *data)
{
    const struct sleeper *sleeper = data;

    kit_wait_asleep(sleeper->tid, sleeper->nr);
    OK(kill, sleeper->tid, SIGUSR1);
}

static void interrupt_then_feed(void *data)
{
    const struct sleeper *sleeper = data;

    kit_wait_asleep(sleeper->tid, sleeper->nr);
    OK(kill, sleeper->tid, SIGUSR2);
    kit_wait_asleep(sleeper->tid, sleeper->nr);
    OK(write, pair[1], "at last", 7);
}

/* Takes the lock and lets go of it when the other sleeps; tells by the pipe that it has it. */
static void hold_lock(void *data)
{
    const struct sleeper *sleeper = data;

    OK(fcntl, file, F_SETLK, &lock);
    OK(write, pair[1], "locked", 6);
    kit_wait_asleep(sleeper->tid, sleeper->nr);
    OK(kill, sleeper->tid, SIGUSR1);
    kit_wait_asleep(sleeper->tid, SYS_read);
    OK(fcntl, file, F_SETLK, &free_lock);
    OK(write, pair[1], "free", 4);
}

SCENARIO
{
    static struct sleeper self;
    long child;

    file = OK(open, "here", O_RDWR | O_CREAT, 0600);
    self.tid = kit_tid();
    OK(pipe, pair);
    OK(pipe, other);
    kit_handle(SIGUSR1, 0, NULL);
    kit_handle(SIGUSR2, SA_RESTART, NULL);
    self.nr = SYS_splice;
    child = kit_fork(interrupt, &self);
    FAILS(EINTR, splice, pair[0], NULL, file, NULL, 10, 0);
    kit_reap(child);
    child = kit_fork(interrupt_then_feed, &self);
    OK(splice, pair[0], NULL, file, NULL, 3, 0);
    kit_reap(child);
    OK(read, pair[0], back, 100);
    self.nr = SYS_tee;
    child = kit_fork(interrupt_then_feed, &self);
    OK(tee, pair[0], other[1], 3, 0);
    kit_reap(child);
    OK(read, pair[0], back, 100);
    self.nr = SYS_fcntl;
    child = kit_fork(hold_lock, &self);
    OK(read, pair[0], back, 100);
    FAILS(EINTR, fcntl, file, F_SETLKW, &lock);
    OK(read, pair[0], back, 100);
    OK(fcntl, file, F_SETLKW, &lock);
    kit_reap(child);
}
