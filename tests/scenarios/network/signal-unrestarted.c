// SPDX-License-Identifier: Apache-2.0
/* Calls that SA_RESTART does not restart: the handler runs, and they fail. */

#include <linux/futex.h>
#include <poll.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

#include "network/signals.h"

static const struct timespec long_time = {.tv_sec = 20};
static int pair[2];
static long semaphores, queue;

static void note(int signo, siginfo_t *info)
{
    (void)signo;
    (void)info;
    OK(getpid);
}

static void polling(void *data)
{
    static struct pollfd wanted = {.events = POLLIN};

    (void)data;
    wanted.fd = pair[0];
    FAILS(EINTR, poll, &wanted, 1, 20000);
}

static void timed_receiving(void *data)
{
    static const struct timeval limit = {.tv_sec = 20};
    static char buffer[4];

    (void)data;
    OK(setsockopt, pair[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    FAILS(EINTR, recvfrom, pair[0], buffer, sizeof(buffer), 0, NULL, NULL);
}

static void taking(void *data)
{
    static struct sembuf take = {0, -1, 0};

    (void)data;
    FAILS(EINTR, semtimedop, semaphores, &take, 1, &long_time);
}

static void fetching(void *data)
{
    static long message[4];

    (void)data;
    FAILS(EINTR, msgrcv, queue, message, 8, 0, 0);
}

static void futex_waiting(void *data)
{
    static uint32_t word;

    (void)data;
    FAILS(EINTR, futex, &word, FUTEX_WAIT, 0, &long_time, NULL, 0);
}

static void taking_signals(void *data)
{
    static uint64_t set = BIT(SIGUSR2);

    (void)data;
    FAILS(EINTR, rt_sigtimedwait, &set, NULL, &long_time, 8);
}

static void interrupt(kit_function *run, long nr)
{
    long child = kit_fork(run, NULL);

    kit_wait_asleep(child, nr);
    OK(kill, child, SIGUSR1);
    kit_reap(child);
}

SCENARIO
{
    kit_handle(SIGUSR1, SA_RESTART, note);
    OK(socketpair, AF_UNIX, SOCK_STREAM, 0, pair);
    semaphores = OK(semget, IPC_PRIVATE, 1, IPC_CREAT | 0600);
    queue = OK(msgget, IPC_PRIVATE, IPC_CREAT | 0600);
    interrupt(polling, SYS_poll);
    interrupt(timed_receiving, SYS_recvfrom);
    interrupt(taking, SYS_semtimedop);
    interrupt(fetching, SYS_msgrcv);
    interrupt(futex_waiting, SYS_futex);
    interrupt(taking_signals, SYS_rt_sigtimedwait);
    OK(semctl, semaphores, 0, IPC_RMID, 0);
    OK(msgctl, queue, IPC_RMID, NULL);
}
