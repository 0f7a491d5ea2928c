// SPDX-License-Identifier: Apache-2.0
/* Signals that interrupt calls: one that is restarted, one that is not, a sleep that goes on after a stop. */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static int fds[2];
static volatile sig_atomic_t handled;

static void feed(int signal_)
{
    (void)signal_;
    handled++;
    (void)!write(fds[1], "x", 1);
}

static void arm(int flags)
{
    struct sigaction action = {.sa_handler = feed, .sa_flags = flags};
    struct itimerval timer = {.it_value = {.tv_usec = 30000}};

    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &timer, NULL);
}

int main(void)
{
    struct timespec nap = {.tv_nsec = 50000000};
    char byte;
    long restarted, interrupted;
    int slept;

    if (pipe(fds) < 0)
        return 1;
    arm(SA_RESTART);
    restarted = read(fds[0], &byte, 1);
    arm(0);
    interrupted = read(fds[0], &byte, 1);
    interrupted = interrupted < 0 ? -errno : interrupted;
    if (fork() == 0) {
        kill(getppid(), SIGSTOP);
        usleep(10000);
        kill(getppid(), SIGCONT);
        _exit(0);
    }
    slept = nanosleep(&nap, NULL);
    printf("restarted %ld interrupted %ld slept %d handled %d\n", restarted, interrupted, slept, (int)handled);
    return 0;
}
