// SPDX-License-Identifier: Apache-2.0
/* Signals that are read from a descriptor. */

#include <sys/signalfd.h>

#include "poke.h"

#define ONLY(signo) (UINT64_C(1) << ((signo)-1))

static void ignore_it(int signo, siginfo_t *info)
{
    (void)signo;
    (void)info;
}

static void create(void)
{
    uint64_t *mask = kit_at_edge(8), none = 0;
    long fd;

    *mask = ONLY(SIGUSR1) | ONLY(SIGKILL) | ONLY(64);
    fd = OK(signalfd, -1, mask, 8);
    OK(signalfd, fd, &none, 8); /* the same, with another mask */
    OK(signalfd4, -1, &none, 8, 0);
    OK(signalfd4, -1, mask, 8, SFD_CLOEXEC | SFD_NONBLOCK);
    kit_descriptors();
    FAILS(EINVAL, signalfd, -1, mask, 7);
    FAILS(EINVAL, signalfd4, -1, mask, 16, 0);
    FAILS(EINVAL, signalfd4, -1, mask, 8, 1);
    FAILS(EBADF, signalfd, 99, mask, 8);
    FAILS(EINVAL, signalfd, 0, mask, 8);
    FAILS(EFAULT, signalfd, -1, BAD, 8);
    FAILS(EFAULT, signalfd4, -1, BAD, 8, 0);
    FAILS(EFAULT, signalfd4, -1, NULL, 8, 0);
    FAILS(EFAULT, signalfd4, -1, kit_at_edge(7), 8, 0);
    OK(close_range, fd, ~0U, 0);
}

SCENARIO
{
    struct signalfd_siginfo *got = kit_at_edge(sizeof(*got));
    siginfo_t sent = {.si_code = SI_QUEUE, .si_value.sival_int = 77}; /* no pid that would differ between runs */
    uint64_t mask = ONLY(SIGUSR1);
    int pipe[2], fd;
    long child;

    OK(pipe2, pipe, 0);
    OK(dup2, pipe[0], 0);
    create();
    fd = (int)OK(signalfd4, -1, &mask, 8, SFD_NONBLOCK);
    FAILS(EAGAIN, read, fd, got, sizeof(*got));
    OK(rt_sigprocmask, SIG_BLOCK, &mask, NULL, 8);
    OK(rt_sigqueueinfo, kit_tid(), SIGUSR1, &sent);
    FAILS(EINVAL, read, fd, got, sizeof(*got) - 1);
    OK(read, fd, got, sizeof(*got));
    if (got->ssi_signo != SIGUSR1 || got->ssi_int != 77)
        kit_fail("it is another signal");
    OK(fcntl, fd, F_SETFL, 0);
    kit_handle(SIGUSR2, 0, ignore_it);
    child = POKE(read, SIGUSR2);
    FAILS(EINTR, read, fd, got, sizeof(*got));
    kit_reap(child);
}
