// SPDX-License-Identifier: Apache-2.0
/* A thread that is not the leader executes a new image while the leader and another thread wait. */

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static _Atomic pid_t other;

static void *wait_for_ever(void *data)
{
    other = (pid_t)syscall(SYS_gettid);
    pause();
    return data;
}

/* /proc knows the call that a sleeping thread is in. */
static bool is_in_pause(pid_t tid)
{
    char path[64];
    int nr = -1;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", tid);
    file = fopen(path, "r");
    if (!file)
        return false;
    if (fscanf(file, "%d", &nr) != 1)
        nr = -1;
    fclose(file);
    return nr == SYS_pause;
}

static void *execute(void *data)
{
    char *argv[] = {"after", "after", NULL};

    for (int settled = 0; settled < 5; usleep(10000))
        settled += is_in_pause(getpid()) && other && is_in_pause(other);
    execv("/proc/self/exe", argv);
    return data;
}

int main(int argc, char **argv)
{
    pthread_t thread;

    if (argc > 1 && !strcmp(argv[1], "after")) {
        for (int i = 0; i < 5; i++)
            syscall(SYS_getppid);
        printf("after: tid is pid: %d\n", syscall(SYS_gettid) == getpid());
        return 3;
    }
    pthread_create(&thread, NULL, wait_for_ever, NULL);
    pthread_create(&thread, NULL, execute, NULL);
    pause();
    return 1;
}
