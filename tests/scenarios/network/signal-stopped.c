// SPDX-License-Identifier: Apache-2.0
/* Processes that are stopped and continued in a call: it goes on, some by restart_syscall, with what is left. */

#include <poll.h>
#include <time.h>

#include "network/signals.h"

static int fds[2];

static void sleeping(void *data)
{
    static const struct timespec duration = {.tv_nsec = 600000000};
    static struct timespec left;

    (void)data;
    OK(nanosleep, &duration, &left);
}

static void polling(void *data)
{
    static struct pollfd wanted = {.events = POLLIN};

    (void)data;
    wanted.fd = fds[0];
    OK(poll, &wanted, 1, 20000);
}

static void reading(void *data)
{
    static char buffer[8];

    (void)data;
    OK(read, fds[0], buffer, sizeof(buffer));
}

static long stopped(kit_function *run, long nr)
{
    static int status;
    long child = kit_fork(run, NULL);

    kit_wait_asleep(child, nr);
    OK(kill, child, SIGSTOP);
    OK(wait4, child, &status, WUNTRACED, NULL);
    if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGSTOP)
        kit_fail("the child did not stop");
    kit_stopped(child, SIGSTOP);
    OK(kill, child, SIGCONT);
    OK(wait4, child, &status, WCONTINUED, NULL);
    return child;
}

SCENARIO
{
    long child;

    OK(pipe, fds);
    kit_reap(stopped(sleeping, SYS_nanosleep));
    child = stopped(polling, SYS_poll);
    OK(write, fds[1], "go", 2);
    kit_reap(child);
    OK(read, fds[0], (char[2]){0}, 2);
    child = stopped(reading, SYS_read);
    OK(write, fds[1], "on", 2);
    kit_reap(child);
}
