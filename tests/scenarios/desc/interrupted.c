// SPDX-License-Identifier: Apache-2.0
/* read and write that sleep when a signal comes: they fail, go on where they were, or return what they have. */

#include <sys/uio.h>

#include "kit/kit.h"

#define LARGE 70000

static int pair[2];
static uint8_t content[LARGE];
static char back[LARGE];
static volatile int handled;

static void note(int signo, siginfo_t *info)
{
    (void)info;
    handled = signo;
}

static void signal_reader(void *data)
{
    kit_wait_asleep(*(long *)data, SYS_read);
    OK(kill, *(long *)data, SIGUSR1);
}

static void signal_reader_then_feed(void *data)
{
    kit_wait_asleep(*(long *)data, SYS_read);
    OK(kill, *(long *)data, SIGUSR2);
    kit_wait_asleep(*(long *)data, SYS_read);
    OK(write, pair[1], "at last", 7);
}

static void signal_vector_reader(void *data)
{
    kit_wait_asleep(*(long *)data, SYS_readv);
    OK(kill, *(long *)data, SIGUSR1);
}

static void signal_writer(void *data)
{
    kit_wait_asleep(*(long *)data, SYS_write);
    OK(kill, *(long *)data, SIGUSR1);
}

/* A signal that is ignored does not disturb. */
static void ignored_signal_then_feed(void *data)
{
    kit_wait_asleep(*(long *)data, SYS_read);
    OK(kill, *(long *)data, SIGURG);
    OK(write, pair[1], "undisturbed", 11);
}

SCENARIO
{
    static const struct iovec piece = {back, 10};
    long self = kit_tid();
    long child;

    OK(pipe, pair);
    kit_handle(SIGUSR1, 0, note);
    kit_handle(SIGUSR2, SA_RESTART, note);
    child = kit_fork(signal_reader, &self);
    FAILS(EINTR, read, pair[0], back, 10);
    kit_reap(child);
    child = kit_fork(signal_vector_reader, &self);
    FAILS(EINTR, readv, pair[0], &piece, 1);
    kit_reap(child);
    child = kit_fork(signal_reader_then_feed, &self);
    OK(read, pair[0], back, 10);
    kit_reap(child);
    child = kit_fork(ignored_signal_then_feed, &self);
    OK(read, pair[0], back, 100);
    kit_reap(child);
    child = kit_fork(signal_writer, &self);
    OK(write, pair[1], content, LARGE); /* what fitted */
    kit_reap(child);
    child = kit_fork(signal_writer, &self);
    FAILS(EINTR, write, pair[1], content, 1);
    kit_reap(child);
    if (handled != SIGUSR1)
        kit_fail("the signals did not come");
}
