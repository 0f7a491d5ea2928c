// SPDX-License-Identifier: Apache-2.0
/* A thread that is not the leader executes a new image while the leader and another thread wait. */

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static void *wait_for_ever(void *data)
{
    pause();
    return data;
}

static void *execute(void *data)
{
    char *argv[] = {"after", "after", NULL};

    usleep(20000);
    execv("/proc/self/exe", argv);
    return data;
}

int main(int argc, char **argv)
{
    pthread_t thread;

    if (argc > 1 && !strcmp(argv[1], "after")) {
        for (int i = 0; i < 5; i++)
            syscall(SYS_getppid);
        printf("after: tid is pid: %d\n", gettid() == getpid());
        return 3;
    }
    pthread_create(&thread, NULL, wait_for_ever, NULL);
    pthread_create(&thread, NULL, execute, NULL);
    pause();
    return 1;
}
