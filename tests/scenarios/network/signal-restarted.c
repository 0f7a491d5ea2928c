// SPDX-License-Identifier: Apache-2.0
/* Calls that go on when a handler with SA_RESTART is done, whatever the handler did. */

#include <linux/futex.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "network/signals.h"

static int fds[2], pair[2];
static volatile int handled;

static void note(int signo, siginfo_t *info)
{
    (void)info;
    handled++;
    if (signo == SIGUSR2) {
        FAILS(EBADF, close, 99);
        OK(getpid);
    }
}

static void reading(void *data)
{
    static char buffer[8];

    (void)data;
    if (OK(read, fds[0], buffer, sizeof(buffer)) != 5)
        kit_fail("something else was read");
    EXIT_GROUP(handled);
}

static void receiving(void *data)
{
    static char buffer[8];

    (void)data;
    OK(recvfrom, pair[0], buffer, sizeof(buffer), MSG_WAITALL, NULL, NULL);
    EXIT_GROUP(handled);
}

static void accepting(void *data)
{
    OK(accept4, *(int *)data, NULL, NULL, SOCK_CLOEXEC);
    EXIT_GROUP(handled);
}

static void waiting_for_word(void *data)
{
    OK(futex, data, FUTEX_WAIT, 0, NULL, NULL, 0);
}

static void gone(void *data)
{
    char word[2];

    (void)data;
    OK(read, fds[0], word, sizeof(word));
}

static void waiting(void *data)
{
    (void)data;
    kit_reap(kit_fork(gone, NULL));
    EXIT_GROUP(handled);
}

/* Twice: a call that was restarted is interrupted again. */
static void disturb(long child, long nr)
{
    for (int i = 0; i < 2; i++) {
        kit_wait_asleep(child, nr);
        OK(kill, child, i ? SIGUSR2 : SIGUSR1);
    }
    kit_wait_asleep(child, nr);
}

SCENARIO
{
    static const sa_family_t nameless = AF_UNIX;
    static struct sockaddr_un here;
    static uint32_t word;
    socklen_t size = sizeof(here);
    int listener = (int)OK(socket, AF_UNIX, SOCK_STREAM, 0);
    long child;

    kit_handle(SIGUSR1, SA_RESTART, note);
    kit_handle(SIGUSR2, SA_RESTART, note);
    OK(pipe, fds);
    OK(socketpair, AF_UNIX, SOCK_STREAM, 0, pair);
    child = kit_fork(reading, NULL);
    disturb(child, SYS_read);
    OK(write, fds[1], "going", 5);
    kit_reap(child);
    child = kit_fork(receiving, NULL);
    disturb(child, SYS_recvfrom);
    OK(write, pair[1], "nonsense", 8);
    kit_reap(child);
    OK(bind, listener, &nameless, sizeof(nameless));
    OK(getsockname, listener, &here, &size);
    OK(listen, listener, 1);
    child = kit_fork(accepting, &listener);
    disturb(child, SYS_accept4);
    OK(connect, OK(socket, AF_UNIX, SOCK_STREAM, 0), &here, size);
    kit_reap(child);
    child = kit_clone(CLONE_VM | SIGCHLD, waiting_for_word, &word);
    disturb(child, SYS_futex);
    OK(futex, &word, FUTEX_WAKE, 1, NULL, NULL, 0);
    kit_reap(child);
    handled = 0; /* that child shared it */
    child = kit_fork(waiting, NULL);
    disturb(child, SYS_wait4);
    OK(write, fds[1], "go", 2); /* however slow the machine: not before */
    if (kit_reap(child) != 2 << 8)
        kit_fail("two signals were to be handled");
}
