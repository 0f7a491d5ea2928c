// SPDX-License-Identifier: Apache-2.0
/*
 * worker FILE MS THREADS: for that long each thread makes getppid calls and
 * looks at their results; then FILE tells how many there were and how many
 * failed. Sleepers are among the threads, in calls that a careless tracer
 * would end early.
 */

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static _Atomic long calls, failures, children, interrupted;
static _Atomic long longest_us;
static long end_ms;

static long now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void *work(void *data)
{
    long before, took;

    while ((before = now_us()) / 1000 < end_ms) {
        failures += syscall(SYS_getppid) <= 0;
        calls++;
        took = now_us() - before;
        if (took > longest_us)
            longest_us = took;
        if (calls % 64 == 0)
            usleep(100);
    }
    return data;
}

static void *wait_in_epoll(void *data)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event;
    sigset_t set;
    long left;

    /* While a process is traced, even signals that it ignores wake its threads: nobody's fault but ptrace's. */
    sigfillset(&set);
    pthread_sigmask(SIG_SETMASK, &set, NULL);
    while ((left = end_ms - now_us() / 1000) > 0)
        interrupted += epoll_wait(epoll, &event, 1, (int)left) < 0 && errno == EINTR;
    return data;
}

static void *have_children(void *data)
{
    int status;

    while (now_us() / 1000 < end_ms) {
        pid_t child = fork();

        if (child == 0)
            _exit(syscall(SYS_getppid) == getppid() ? 0 : 1);
        failures += waitpid(child, &status, 0) != child || status != 0;
        children++;
        usleep(20000);
    }
    return data;
}

int main(int argc, char **argv)
{
    pthread_t threads[64], sleeper, parent;
    int count = argc > 3 ? atoi(argv[3]) : 1;
    FILE *file;

    if (argc < 3 || count > 64)
        return 2;
    end_ms = now_us() / 1000 + atoi(argv[2]);
    pthread_create(&sleeper, NULL, wait_in_epoll, NULL);
    pthread_create(&parent, NULL, have_children, NULL);
    for (int i = 0; i < count; i++)
        pthread_create(&threads[i], NULL, work, NULL);
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    pthread_join(sleeper, NULL);
    pthread_join(parent, NULL);
    file = fopen(argv[1], "w");
    if (!file)
        return 3;
    fprintf(file, "calls %ld failures %ld interrupted %ld children %d longest_us %ld\n", calls, failures, interrupted,
            children > 0, longest_us);
    fclose(file);
    return 0;
}
