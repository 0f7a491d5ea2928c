// SPDX-License-Identifier: Apache-2.0
/* Faults that are handled: the handler knows the address, and the kernel's other signals know their cause. */

#include <sys/socket.h>

#include "network/signals.h"

static volatile int code;

static void leave(int signo, siginfo_t *info)
{
    if (signo == SIGSEGV && info->si_addr != BAD)
        kit_fail("the fault was elsewhere");
    EXIT_GROUP(signo);
}

static void note(int signo, siginfo_t *info)
{
    (void)signo;
    code = info->si_code;
}

static void faulting(void *data)
{
    kit_handle(SIGSEGV, SA_NODEFER, leave);
    kit_handle(SIGILL, 0, leave);
    OK(getpid);
    if (*(int *)data == SIGSEGV)
        *(volatile uint8_t *)BAD = 1;
    __asm__ volatile("ud2");
}

static void child(void *data)
{
    (void)data;
    EXIT_GROUP(3);
}

SCENARIO
{
    static const int faults[] = {SIGSEGV, SIGILL};
    static uint64_t set = BIT(SIGCHLD);
    int fds[2];

    for (int i = 0; i < 2; i++) {
        int signo = faults[i];

        if (WEXITSTATUS(kit_reap(kit_fork(faulting, &signo))) != signo)
            kit_fail("the child did not handle its fault");
    }
    kit_handle(SIGPIPE, 0, note);
    OK(socketpair, AF_UNIX, SOCK_STREAM, 0, fds);
    OK(close, fds[1]);
    FAILS(EPIPE, write, fds[0], "x", 1);
    kit_handle(SIGTRAP, 0, note);
    __asm__ volatile("int3");
    kit_handle(SIGCHLD, SA_NOCLDSTOP, note);
    block(set);
    kit_reap(kit_fork(child, NULL));
    unblock(set);
    if (code != CLD_EXITED)
        kit_fail("the child's end was not told");
}
