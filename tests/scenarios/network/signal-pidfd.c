// SPDX-License-Identifier: Apache-2.0
/* Signals through a descriptor of a process. */

#include <unistd.h>

#include "network/signals.h"

static void need_pidfd(void)
{
    long fd = syscall(SYS_pidfd_open, getpid(), 0);

    if (fd < 0)
        kit_skip("there are no pidfds");
    close((int)fd);
}

BEFORE(need_pidfd)

static volatile int came;

static void note(int signo, siginfo_t *info)
{
    came = info->si_value.sival_int ? info->si_value.sival_int : signo;
}

static void child(void *data)
{
    uint64_t none = 0;

    (void)data;
    FAILS(EINTR, rt_sigsuspend, &none, 8);
    EXIT_GROUP(came);
}

SCENARIO
{
    siginfo_t info = {.si_signo = SIGUSR1, .si_code = SI_QUEUE};
    long self = OK(pidfd_open, kit_tid(), 0);
    long pid, fd;

    kit_handle(SIGUSR1, 0, note);
    OK(pidfd_send_signal, self, 0, NULL, 0);
    OK(pidfd_send_signal, self, SIGUSR1, NULL, 0);
    info.si_pid = (pid_t)kit_tid();
    info.si_value.sival_int = 1234;
    OK(pidfd_send_signal, self, SIGUSR1, &info, 0);
    if (came != 1234)
        kit_fail("the value did not come");
    block(BIT(SIGUSR1));
    pid = kit_fork(child, NULL);
    fd = OK(pidfd_open, pid, 0);
    OK(pidfd_send_signal, fd, SIGUSR1, NULL, 0);
    kit_reap(pid);
    FAILS(ESRCH, pidfd_send_signal, fd, SIGUSR1, NULL, 0);
    FAILS(EBADF, pidfd_send_signal, 99, SIGUSR1, NULL, 0);
    FAILS(EBADF, pidfd_send_signal, OK(dup, 0), SIGUSR1, NULL, 0);
    FAILS(EINVAL, pidfd_send_signal, self, 65, NULL, 0);
    FAILS(EINVAL, pidfd_send_signal, self, SIGUSR1, NULL, 0x80000000);
    FAILS(EINVAL, pidfd_send_signal, self, SIGUSR2, &info, 0); /* not the signal that the information is about */
    FAILS(EFAULT, pidfd_send_signal, self, SIGUSR1, BAD, 0);
}
